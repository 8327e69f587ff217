#include "server/metrics/metrics_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;

// What a monitoring system gets; empty if nobody listens.
std::string Get(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(connection, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) {
    const std::string ask = "GET /metrics HTTP/1.0\r\n\r\n";
    EXPECT_EQ(send(connection, ask.data(), ask.size(), 0),
              static_cast<ssize_t>(ask.size()));
    char part[4096];
    ssize_t length = 0;
    while ((length = recv(connection, part, sizeof(part), 0)) > 0) {
      answer.append(part, static_cast<std::size_t>(length));
    }
  }
  close(connection);
  return answer;
}

TEST(MetricsServerTest, ShowsEachFigureAsPrometheusReadsIt) {
  auto server = MetricsServer::Start("127.0.0.1:0", [] {
    return std::vector<Gauge>{{"gaceta_log_entries", "Entries.", 1234567},
                              {"gaceta_log_trusted", "Trust.", 0}};
  });

  ASSERT_TRUE(server.ok()) << server.status();
  const std::string shown = Get((*server)->port());
  EXPECT_THAT(shown, HasSubstr("200 OK"));
  EXPECT_THAT(shown, HasSubstr("# HELP gaceta_log_entries Entries.\n"
                               "# TYPE gaceta_log_entries gauge\n"
                               "gaceta_log_entries 1234567\n"));
  EXPECT_THAT(shown, HasSubstr("\ngaceta_log_trusted 0\n"));
}

TEST(MetricsServerTest, FiguresAreThoseOfTheMomentOfReading) {
  double reads = 0;
  auto server = MetricsServer::Start("127.0.0.1:0", [&reads] {
    return std::vector<Gauge>{{"reads", "How often it was read.", ++reads}};
  });

  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT(Get((*server)->port()), HasSubstr("\nreads 1\n"));
  EXPECT_THAT(Get((*server)->port()), HasSubstr("\nreads 2\n"));
}

TEST(MetricsServerTest, AnAddressInUseIsRefusedAndNamed) {
  const auto nothing = [] { return std::vector<Gauge>(); };
  auto first = MetricsServer::Start("127.0.0.1:0", nothing);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port());

  auto second = MetricsServer::Start(address, nothing);

  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("metrics_address: cannot listen at " + address));
}

TEST(MetricsServerTest, NobodyListensAfterItsEnd) {
  auto server =
      MetricsServer::Start("127.0.0.1:0", [] { return std::vector<Gauge>(); });
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = (*server)->port();
  EXPECT_NE(Get(port), "");

  server->reset();

  EXPECT_EQ(Get(port), "");
}

}  // namespace
}  // namespace gaceta
