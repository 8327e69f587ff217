#include "server/metrics/metrics_server.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "prometheus/collectable.h"
#include "prometheus/exposer.h"
#include "prometheus/metric_family.h"

namespace gaceta {
namespace {

prometheus::MetricFamily ToFamily(Gauge gauge) {
  prometheus::ClientMetric metric;
  metric.gauge.value = gauge.value;
  return {std::move(gauge.name),
          std::move(gauge.help),
          prometheus::MetricType::Gauge,
          {std::move(metric)}};
}

class GaugeCollector : public prometheus::Collectable {
 public:
  explicit GaugeCollector(MetricsServer::Source source)
      : source_(std::move(source)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    absl::MutexLock lock(&mu_);
    for (Gauge& gauge : source_()) {
      families.push_back(ToFamily(std::move(gauge)));
    }
    return families;
  }

 private:
  // Several may read at once, but the source is promised one at a time.
  mutable absl::Mutex mu_;
  const MetricsServer::Source source_ ABSL_GUARDED_BY(mu_);
};

// Connects and goes. Whether that works is of no interest.
void Knock(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  // `[::1]` is `::1` to the resolver.
  const std::string digits(
      absl::StripSuffix(absl::StripPrefix(host, "["), "]"));
  addrinfo* found = nullptr;
  if (getaddrinfo(digits.c_str(), absl::StrCat(port).c_str(), &hints, &found) !=
      0) {
    return;
  }
  const int visitor =
      socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
  if (visitor >= 0) {
    connect(visitor, found->ai_addr, found->ai_addrlen);
    close(visitor);
  }
  freeaddrinfo(found);
}

}  // namespace

// In the order of construction: the threads of `exposer` end first.
struct MetricsServer::Parts {
  Parts(const std::string& address, Source source)
      : collector(std::make_shared<GaugeCollector>(std::move(source))),
        exposer(address) {
    exposer.RegisterCollectable(collector);
  }

  const std::shared_ptr<GaugeCollector> collector;
  prometheus::Exposer exposer;
};

MetricsServer::MetricsServer(std::string host, std::unique_ptr<Parts> parts)
    : host_(std::move(host)), parts_(std::move(parts)) {}

MetricsServer::~MetricsServer() {
  const int port = this->port();
  absl::Notification ended;
  std::thread ending([&] {
    parts_.reset();
    ended.Notify();
  });
  // The library looks only every 2 s whether it is to end, or when somebody
  // comes.
  while (!ended.WaitForNotificationWithTimeout(absl::Milliseconds(10))) {
    Knock(host_, port);
  }
  ending.join();
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& address, Source source) {
  // The library says by an exception that it cannot listen, but not why.
  try {
    auto parts = std::make_unique<Parts>(address, std::move(source));
    return std::unique_ptr<MetricsServer>(new MetricsServer(
        address.substr(0, address.rfind(':')), std::move(parts)));
  } catch (const std::exception&) {
    return absl::UnavailableError(
        absl::StrCat("metrics_address: cannot listen at ", address,
                     "; is another server using this address?"));
  }
}

int MetricsServer::port() const {
  return parts_->exposer.GetListeningPorts().front();
}

}  // namespace gaceta
