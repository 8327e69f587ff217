#include "server/metrics/server_gauges.h"

#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;

std::map<std::string, double> ByName(const std::vector<Gauge>& gauges) {
  std::map<std::string, double> values;
  for (const Gauge& gauge : gauges) {
    EXPECT_TRUE(values.emplace(gauge.name, gauge.value).second) << gauge.name;
    EXPECT_NE(gauge.help, "") << gauge.name;
  }
  return values;
}

double UnixSeconds(absl::Time time) {
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

TEST(ServerGaugesTest, TellsWhatTheServerKnows) {
  const absl::Time before = absl::Now();
  ServerGauges gauges(testing::SharedPki().Tls("OAS", "hub"), before);

  const auto values =
      ByName(gauges.Of({12, 10, std::vector<std::string>{"a.json", "b.json"}}));

  EXPECT_EQ(values.at("gaceta_log_entries"), 12);
  EXPECT_EQ(values.at("gaceta_log_cosigned_entries"), 10);
  EXPECT_EQ(values.at("gaceta_evidence_files"), 2);
  EXPECT_GE(values.at("process_start_time_seconds"), UnixSeconds(before));
  EXPECT_LE(values.at("process_start_time_seconds"), UnixSeconds(absl::Now()));
}

TEST(ServerGaugesTest, EvidenceThatCannotBeCountedIsNotCalledNone) {
  ServerGauges gauges(testing::SharedPki().Tls("OAS", "hub"), absl::Now());

  EXPECT_THAT(ByName(gauges.Of({12, 10, absl::UnavailableError("no folder")})),
              Not(Contains(Key("gaceta_evidence_files"))));
}

TEST(ServerGaugesTest, CertificatesThatWereReplacedAreReadAgain) {
  const ServerTlsFiles files = testing::SharedPki().Tls("OAS", "hub");
  const auto own = CheckTlsFiles(files);
  ASSERT_TRUE(own.ok()) << own.status();
  // Those that it started with ended earlier.
  ServerGauges gauges(files, own->not_after - absl::Hours(24));

  EXPECT_EQ(
      ByName(gauges.Of({})).at("gaceta_certificate_expiry_timestamp_seconds"),
      UnixSeconds(own->not_after));
}

TEST(ServerGaugesTest, CertificatesThatAreNoLongerGoodKeepTheirEnd) {
  ServerTlsFiles files = testing::SharedPki().Tls("OAS", "hub");
  files.certificate_file += ".gone";
  const absl::Time end = absl::UnixEpoch() + absl::Hours(24 * 365 * 50);
  ServerGauges gauges(files, end);

  EXPECT_EQ(
      ByName(gauges.Of({})).at("gaceta_certificate_expiry_timestamp_seconds"),
      UnixSeconds(end));
}

}  // namespace
}  // namespace gaceta
