#include "server/metrics/metrics_server.h"

#include <exception>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
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

MetricsServer::MetricsServer(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const std::string& address, Source source) {
  // The library says by an exception that it cannot listen, but not why.
  try {
    return std::unique_ptr<MetricsServer>(
        new MetricsServer(std::make_unique<Parts>(address, std::move(source))));
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
