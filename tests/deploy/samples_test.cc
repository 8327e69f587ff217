// What deploy/ carries is accepted as it is: the seed of the registry, and the
// samples by the very rules that node and hub check.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/time/clock.h"
#include "cli/registry_change.h"
#include "cli/submission_input.h"
#include "pki/pki.h"
#include "server/law/update_rules.h"
#include "verify/federation.h"

namespace gaceta {
namespace {

using ::testing::Ge;
using ::testing::SizeIs;

std::string DeployFile(const std::string& name) {
  return std::string(std::getenv("GACETA_SOURCE_DIR")) + "/deploy/" + name;
}

// What was published before, in the order of the file.
class PublishedBefore : public UpdateHistory {
 public:
  void Add(const std::string& state, const v1::SubmitUpdateRequest& request) {
    const v1::Update& update = request.update();
    publishers_[request.submission_id()] = state;
    instruments_.insert(update.instrument().uri());
    if (update.version().status() != v1::VERSION_STATUS_UNSPECIFIED) {
      statuses_[update.instrument().uri()] = update.version().status();
    }
  }

  std::optional<std::string> PublisherOf(
      absl::string_view statement_id) const override {
    const auto found = publishers_.find(std::string(statement_id));
    if (found == publishers_.end()) return std::nullopt;
    return found->second;
  }
  bool IsKnownInstrument(absl::string_view uri) const override {
    return instruments_.count(std::string(uri)) > 0;
  }
  v1::VersionStatus LastStatus(absl::string_view uri) const override {
    const auto found = statuses_.find(std::string(uri));
    return found == statuses_.end() ? v1::VERSION_STATUS_UNSPECIFIED
                                    : found->second;
  }

 private:
  std::map<std::string, std::string> publishers_;
  std::set<std::string> instruments_;
  std::map<std::string, v1::VersionStatus> statuses_;
};

// A federation that has the seed's topics and corridors.
Federation SeededFederation() {
  const auto root = pki::MakeRoot(
      "gaceta.example", absl::Now() - absl::Hours(1), absl::Hours(48));
  Federation federation =
      *Federation::Create(root->certificate_pem, "gaceta.example");
  for (const char* name : {"registry/topics.json", "registry/corridors.json"}) {
    const auto change = cli::ReadRegistryChange(DeployFile(name));
    EXPECT_TRUE(change.ok()) << change.status();
    if (!change.ok()) continue;
    const absl::Status applied =
        federation.Apply(*change, federation.next_position());
    EXPECT_TRUE(applied.ok()) << applied;
  }
  return federation;
}

TEST(SeedRegistryTest, HasTheCoreTopicsTheCorridorsAndEveryMemberOnce) {
  const Federation federation = SeededFederation();
  const auto members =
      cli::ReadRegistryChange(DeployFile("registry/members.json"));

  EXPECT_THAT(federation.topics(), SizeIs(24));
  EXPECT_THAT(federation.corridors(), SizeIs(Ge(6)));
  ASSERT_TRUE(members.ok()) << members.status();
  std::set<std::string> ids;
  for (const v1::RegistryItem& item : members->items()) {
    ids.insert(item.member().id());
    EXPECT_THAT(item.member().names(), SizeIs(4)) << item.member().id();
  }
  // 35 states and the secretariat.
  EXPECT_THAT(ids, SizeIs(36));
  EXPECT_THAT(members->items(), SizeIs(36));
  for (const auto& [id, corridor] : federation.corridors()) {
    for (const v1::Corridor::Stop& stop : corridor.stops()) {
      EXPECT_EQ(ids.count(stop.state()), 1) << id << " has " << stop.state();
    }
  }
}

TEST(SamplesTest, AreAcceptedByTheRulesInTheirOrder) {
  const char* const other = std::getenv("GACETA_SAMPLES");
  const std::string path =
      other != nullptr ? other : DeployFile("samples/updates.ndjson");
  const Federation federation = SeededFederation();
  const absl::CivilDay today =
      absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  auto reader = cli::SubmissionReader::Open(path, std::cin);
  ASSERT_TRUE(reader.ok()) << reader.status();

  PublishedBefore history;
  std::set<std::string> states;
  int count = 0;
  for (;; ++count) {
    const auto input = reader->Next();
    ASSERT_TRUE(input.ok()) << input.status();
    if (!input->has_value()) break;
    const cli::SubmissionInput& sample = **input;
    const RuleFindings findings =
        CheckUpdate(sample.request.update(), sample.request.audience(),
                    sample.state, federation, history, today);
    for (const FieldViolation& violation : findings.violations) {
      ADD_FAILURE() << sample.place << ": " << violation.field << " "
                    << violation.description;
    }
    states.insert(sample.state);
    history.Add(sample.state, sample.request);
  }
  EXPECT_THAT(count, Ge(40));
  EXPECT_THAT(states, SizeIs(Ge(4)));
}

}  // namespace
}  // namespace gaceta
