// The verbs against servers in memory: what they print, keep and answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "cli/app.h"
#include "cli/output.h"
#include "cli/state_folder.h"
#include "pki/pki.h"
#include "testing/fake_node.h"
#include "testing/fake_relay.h"
#include "tests/support/temp_folder.h"
#include "verify/digest.h"
#include "verify/spiffe_id.h"

namespace gaceta::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
  std::vector<std::string> lines;
};

// Runs `arguments` with the server of `channel` in place of one in the network.
Result RunOn(std::shared_ptr<grpc::Channel> channel,
             std::vector<std::string> arguments, std::istream* in = nullptr) {
  std::ostringstream out;
  std::ostringstream err;
  CliContext context{out, err};
  if (in != nullptr) context.in = in;
  context.connect = [channel](const client::ConnectionOptions&)
      -> absl::StatusOr<std::shared_ptr<grpc::Channel>> { return channel; };
  Result result;
  result.code = RunCli(std::move(arguments), context);
  result.out = out.str();
  result.err = err.str();
  result.lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  return result;
}

// --- Reading -----------------------------------------------------------------

class ReadingTest : public ::testing::Test {
 protected:
  ReadingTest() {
    auto relay = client::FakeRelay::Start({"HN", "GT", "MX"});
    EXPECT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    root_ = folder_.Write("root.pem", relay_->federation().root_pem());
    setenv("XDG_STATE_HOME", folder_.Path("state").c_str(), 1);
  }
  ~ReadingTest() override { unsetenv("XDG_STATE_HOME"); }

  Result Gaceta(std::vector<std::string> arguments) {
    for (const std::string& argument : std::vector<std::string>{
             "--server", "x:1", "--server-id",
             "spiffe://hn.gaceta.example/node", "--certificate", root_, "--key",
             root_, "--root", root_}) {
      arguments.push_back(argument);
    }
    return RunOn(relay_->source().channel, std::move(arguments));
  }

  // Publishes an update whose title was altered behind its publisher's back.
  void PublishAltered() {
    v1::Entry entry =
        relay_->federation().Publish("HN", client::FakeUpdate("HN", 99));
    v1::Update update;
    update.ParseFromString(entry.payload());
    update.mutable_instrument()->mutable_titles(0)->set_text("Otra ley");
    entry.set_payload(update.SerializeAsString());
    relay_->Append(entry);
  }

  testing::TempFolder folder_;
  std::string root_;
  std::unique_ptr<client::FakeRelay> relay_;
};

TEST_F(ReadingTest, FollowPrintsOneVerifiedLineForEachUpdate) {
  relay_->Publish("HN", client::FakeUpdate("HN", 1));
  relay_->Publish("GT", client::FakeUpdate("GT", 2));

  const Result result =
      Gaceta({"updates", "follow", "--from", "start", "--until-live"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  ASSERT_THAT(result.lines, SizeIs(2));
  EXPECT_THAT(result.lines[0], StartsWith("1  "));
  EXPECT_THAT(result.lines[0], HasSubstr("  HN  "));
  EXPECT_THAT(result.lines[0], HasSubstr("✓ verified"));
  EXPECT_THAT(result.lines[1], HasSubstr("  GT  "));
}

TEST_F(ReadingTest, FollowGivesProgramsOneObjectALine) {
  relay_->Publish("HN", client::FakeUpdate("HN", 1));

  const Result result = Gaceta(
      {"updates", "follow", "--from=start", "--count=1", "--output=json"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  ASSERT_THAT(result.lines, SizeIs(1));
  EXPECT_THAT(result.lines[0], StartsWith(R"({"position":1,"recordedTime":)"));
  EXPECT_THAT(result.lines[0], HasSubstr(R"("publisher":"HN")"));
  EXPECT_THAT(result.lines[0], HasSubstr(R"("verified":true})"));
}

TEST_F(ReadingTest, FollowGoesOnFromItsCursorExactly) {
  relay_->PublishMany(5);
  const std::string cursor = folder_.Path("cursor");

  const Result first = Gaceta({"updates", "follow", "--from", "start",
                               "--cursor", cursor, "--count", "2"});
  const Result ignored = Gaceta({"updates", "follow", "--from", "start",
                                 "--cursor", cursor, "--until-live"});
  const Result second =
      Gaceta({"updates", "follow", "--cursor", cursor, "--until-live"});

  ASSERT_THAT(first.lines, SizeIs(2)) << first.err;
  EXPECT_EQ(ignored.code, kExitFailed);
  EXPECT_THAT(ignored.err, HasSubstr("goes on at position 3; leave --from out, "
                                     "or to start anew: remove " +
                                     cursor));
  ASSERT_THAT(second.lines, SizeIs(3)) << second.err;
  EXPECT_THAT(second.lines[0], StartsWith("3  "));
  EXPECT_THAT(second.lines[2], StartsWith("5  "));
}

TEST_F(ReadingTest, FollowAcknowledgesWhatItPrinted) {
  relay_->PublishMany(3);

  const Result result = Gaceta({"updates", "follow", "--from", "start",
                                "--subscription", "laws", "--until-live"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  relay_->AwaitAcknowledged("laws", 4);
  // From then on the server says where it goes on.
  const Result ignored = Gaceta({"updates", "follow", "--from", "start",
                                 "--subscription", "laws", "--until-live"});
  EXPECT_EQ(ignored.code, kExitFailed);
  EXPECT_THAT(ignored.err,
              HasSubstr("subscription laws goes on at position 4; leave --from "
                        "out, or to start anew: gaceta subscriptions delete "
                        "laws"));
}

TEST_F(ReadingTest, FollowSendsTheFilterThatWasTyped) {
  relay_->PublishMany(6);

  const Result result = Gaceta({"updates", "follow", "--from", "start",
                                "--state", "gt", "--until-live"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(result.lines, SizeIs(2));
  EXPECT_THAT(relay_->opens().at(0).filter().states(), ElementsAre("GT"));
}

TEST_F(ReadingTest, FollowEndsWithThreeAtTheFirstEntryThatDoesNotVerify) {
  relay_->Publish("HN", client::FakeUpdate("HN", 1));
  PublishAltered();
  relay_->Publish("GT", client::FakeUpdate("GT", 3));

  const Result result =
      Gaceta({"updates", "follow", "--from", "start", "--until-live"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_THAT(result.lines, SizeIs(1));
  EXPECT_THAT(result.err, HasSubstr("VERIFICATION FAILED"));
  EXPECT_THAT(result.err, HasSubstr("PAYLOAD_DIGEST_MISMATCH"));
}

TEST_F(ReadingTest, FollowWithoutACursorKeepsEvidenceAndThenFollowsNothing) {
  // Signed, and left out by the log.
  relay_->federation().Publish("HN", client::FakeUpdate("HN", 1));
  relay_->Publish("HN", client::FakeUpdate("HN", 2));
  const std::vector<std::string> follow = {"updates", "follow", "--from",
                                           "start", "--until-live"};

  const Result first = Gaceta(follow);
  const Result second = Gaceta(follow);

  EXPECT_EQ(first.code, kExitVerificationFailed);
  EXPECT_THAT(first.err, HasSubstr("CHAIN_GAP"));
  EXPECT_THAT(first.err, HasSubstr(folder_.Path("state/gaceta/")));
  EXPECT_NE(second.code, kExitDone);
  EXPECT_THAT(second.err, HasSubstr("gaceta evidence dismiss"));
  EXPECT_THAT(second.lines, IsEmpty());
}

TEST_F(ReadingTest, FollowNamesTheOwnClockBesideTheWitnesses) {
  relay_->RequireQuorum(1, absl::Seconds(1));
  relay_->PublishMany(2);
  const absl::Time vouched = absl::Now() - absl::Minutes(5);
  relay_->Cosign({"HN"}, vouched);

  const Result text =
      Gaceta({"updates", "follow", "--from", "start", "--until-live"});
  const Result json = Gaceta({"updates", "follow", "--from", "start",
                              "--until-live", "--output=json"});

  EXPECT_EQ(text.code, kExitDone) << text.err;
  EXPECT_THAT(text.lines, SizeIs(2));
  EXPECT_THAT(text.err,
              HasSubstr("witnesses vouched last at " + TimeText(vouched) +
                        " by their clocks, and this computer's "
                        "clock says "));
  EXPECT_THAT(text.err, HasSubstr("set it if it is wrong"));
  EXPECT_THAT(json.lines, SizeIs(2));
  EXPECT_THAT(json.err, HasSubstr("{\"lastQuorum\":\"" + TimeText(vouched) +
                                  "\",\"ownClock\":\""));
  // A clock that may be wrong is no evidence.
  EXPECT_FALSE(std::filesystem::exists(
      FindStateFolder({root_, "hub.gaceta.example/log"})->path + "/evidence"));
}

TEST_F(ReadingTest, FollowSaysNothingOfAQuorumWithinTheGrace) {
  // A short grace does not count before witnesses have missed two turns.
  const std::vector<std::pair<absl::Duration, absl::Duration>> fresh = {
      {absl::Seconds(1), absl::Seconds(10)},
      {absl::Minutes(10), absl::Minutes(5)}};
  for (const auto& [grace, age] : fresh) {
    relay_->RequireQuorum(1, grace);
    relay_->Cosign({"HN"}, absl::Now() - age);

    const Result result =
        Gaceta({"updates", "follow", "--from", "start", "--until-live"});

    EXPECT_EQ(result.code, kExitDone) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("vouched"))) << grace << age;
  }
}

TEST_F(ReadingTest, FollowGivesUpWhenNothingComes) {
  const Result result =
      Gaceta({"updates", "follow", "--from", "now", "--timeout", "1"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("nothing came for 1 s"));
}

TEST_F(ReadingTest, FollowSaysWhenItCannotWrite) {
  relay_->PublishMany(1);
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  CliContext context{out, err};
  context.connect = [this](const client::ConnectionOptions&)
      -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
    return relay_->source().channel;
  };

  const int code = RunCli(
      {"updates", "follow", "--from", "start", "--subscription", "laws",
       "--server", "x:1", "--server-id", "spiffe://hn.gaceta.example/node",
       "--certificate", root_, "--key", root_, "--root", root_},
      context);

  EXPECT_EQ(code, kExitFailed);
  EXPECT_THAT(err.str(), HasSubstr("cannot write the output"));
}

TEST_F(ReadingTest, ListShowsTheNewestFirstUpToItsLimit) {
  relay_->PublishMany(5);

  const Result newest = Gaceta({"updates", "list", "--limit", "2"});
  const Result oldest = Gaceta({"updates", "list", "--oldest-first"});

  ASSERT_THAT(newest.lines, SizeIs(2)) << newest.err;
  EXPECT_THAT(newest.lines[0], StartsWith("5  "));
  ASSERT_THAT(oldest.lines, SizeIs(5));
  EXPECT_THAT(oldest.lines[0], StartsWith("1  "));
}

TEST_F(ReadingTest, ListAndShowEndWithThreeIfAnEntryDoesNotVerify) {
  PublishAltered();

  EXPECT_EQ(Gaceta({"updates", "list"}).code, kExitVerificationFailed);
  EXPECT_EQ(Gaceta({"updates", "show", "1"}).code, kExitVerificationFailed);
}

TEST_F(ReadingTest, ShowTakesAPositionOrAStatementsId) {
  relay_->Publish("MX", client::FakeUpdate("MX", 7));

  const Result by_position = Gaceta({"updates", "show", "1"});
  EXPECT_EQ(by_position.code, kExitDone) << by_position.err;
  EXPECT_THAT(by_position.out, HasSubstr("  publisher: MX\n"));
  const std::size_t at = by_position.out.find("statement_id: ") + 14;
  const std::string id = by_position.out.substr(at, 36);

  EXPECT_EQ(Gaceta({"updates", "show", id}).out, by_position.out);
  EXPECT_EQ(Gaceta({"updates", "show", "law"}).code, kExitUsage);
  EXPECT_EQ(Gaceta({"updates", "show", "99"}).code, kExitFailed);
}

TEST_F(ReadingTest, TheRegistryIsListedAlsoWithoutAVerb) {
  const Result states = Gaceta({"states"});
  EXPECT_EQ(states.code, kExitDone) << states.err;
  ASSERT_THAT(states.lines, SizeIs(4));
  EXPECT_THAT(states.lines[1], StartsWith("GT"));

  EXPECT_EQ(Gaceta({"states", "list"}).out, states.out);
  EXPECT_THAT(Gaceta({"states", "--all"}).lines, SizeIs(5));
  EXPECT_THAT(Gaceta({"corridors"}).out,
              HasSubstr("HN(sending) GT(transit) MX(receiving)"));
  EXPECT_THAT(Gaceta({"topics", "--output=json"}).out,
              HasSubstr(R"("id":"entry-visa")"));
}

// --- Publishing --------------------------------------------------------------

class PublishingTest : public ::testing::Test {
 protected:
  PublishingTest() {
    const absl::Time now = absl::Now() - absl::Hours(1);
    const auto root = pki::MakeRoot("gaceta.example", now, absl::Hours(48));
    const auto ca =
        pki::MakeCa(*root, "hn.gaceta.example", now, absl::Hours(48));
    const auto id = SpiffeId::Parse("spiffe://hn.gaceta.example/agency/m");
    pki::LeafOptions options;
    options.not_before = now;
    options.validity = absl::Hours(24);
    const auto leaf = pki::MakeLeaf(*ca, *id, options);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    certificate_ = folder_.Write("m.pem", leaf->certificate_pem);
    setenv("XDG_STATE_HOME", folder_.Path("state").c_str(), 1);
  }

  ~PublishingTest() override {
    StopAccepting();
    unsetenv("XDG_STATE_HOME");
  }

  Result Publish(std::vector<std::string> arguments,
                 std::istream* in = nullptr) {
    return Gaceta({"updates", "publish"}, std::move(arguments), in);
  }

  Result Gaceta(std::vector<std::string> verb,
                std::vector<std::string> arguments,
                std::istream* in = nullptr) {
    verb.insert(verb.end(), arguments.begin(), arguments.end());
    for (const std::string& argument : std::vector<std::string>{
             "--server", "x:1", "--server-id",
             "spiffe://hn.gaceta.example/node", "--certificate", certificate_,
             "--key", certificate_, "--root", certificate_}) {
      verb.push_back(argument);
    }
    return RunOn(node_.channel(), std::move(verb), in);
  }

  // Lets the hub accept whatever the node takes, each at its own position.
  void StartAccepting() {
    hub_ = std::thread([this] {
      std::set<std::string> accepted;
      while (!stop_) {
        for (const auto& request : node_.submissions()) {
          if (accepted.insert(request.submission_id()).second) {
            node_.Accept(request.submission_id(),
                         static_cast<std::int64_t>(accepted.size()));
          }
        }
        absl::SleepFor(absl::Milliseconds(2));
      }
    });
  }
  void StopAccepting() {
    stop_ = true;
    if (hub_.joinable()) hub_.join();
  }

  static std::string Line(const std::string& state, int number,
                          const std::string& rest = "") {
    return absl::StrCat(R"({"state":")", state, R"(","update":)",
                        ToJson(client::FakeUpdate(state, number)), rest, "}\n");
  }

  testing::TempFolder folder_;
  std::string certificate_;
  client::FakeNode node_;
  std::atomic<bool> stop_ = false;
  std::thread hub_;
};

TEST_F(PublishingTest, EveryUpdateOfTheOwnStateIsPublished) {
  StartAccepting();
  const std::string file =
      folder_.Write("u.ndjson", Line("HN", 1) + Line("GT", 2) + Line("HN", 3));

  const Result result = Publish({file});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(node_.submissions(), SizeIs(2));
  ASSERT_THAT(result.lines, SizeIs(2));
  EXPECT_THAT(result.lines[0], StartsWith("published  "));
  EXPECT_THAT(result.err,
              HasSubstr("left out 1 updates of other states; this profile is "
                        "of HN"));
  EXPECT_THAT(result.err, HasSubstr("2 published, 0 pending, 0 with errors"));
}

TEST_F(PublishingTest, ASecondRunSendsNothingTwice) {
  StartAccepting();
  const std::string file =
      folder_.Write("u.ndjson", Line("HN", 1) + Line("HN", 2));
  ASSERT_EQ(Publish({file}).code, kExitDone);

  folder_.Write("u.ndjson", Line("HN", 1) + Line("HN", 2) + Line("HN", 3));
  const Result second = Publish({file});

  EXPECT_EQ(second.code, kExitDone) << second.err;
  EXPECT_THAT(second.err, HasSubstr("1 published, 0 pending, 0 with errors, 2 "
                                    "done before"));
  EXPECT_THAT(node_.submissions(), SizeIs(3));
}

TEST_F(PublishingTest, NothingIsWrittenBesideTheFileThatIsPublished) {
  StartAccepting();
  const std::string laws = folder_.Path("laws");
  std::filesystem::create_directory(laws);
  const std::string file = folder_.Write("laws/u.ndjson", Line("HN", 1));

  EXPECT_EQ(Publish({file}).code, kExitDone);

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(laws), {}), 1);
}

TEST_F(PublishingTest, AJournalOfOnesOwnTakesThePipeAndTheSingleUpdateToo) {
  StartAccepting();
  const std::string journal = folder_.Path("journal");
  const std::string update =
      folder_.Write("u.json", ToJson(client::FakeUpdate("HN", 1)));
  for (const char* done_before : {"0 done before", "2 done before"}) {
    std::istringstream in(Line("HN", 2));

    const Result result = Publish({update, "-", "--journal", journal}, &in);

    EXPECT_EQ(result.code, kExitDone) << result.err;
    EXPECT_THAT(result.err, HasSubstr(done_before));
  }
  EXPECT_THAT(node_.submissions(), SizeIs(2));
}

TEST_F(PublishingTest, WithoutAJournalAllIsSentAgain) {
  StartAccepting();
  const std::string file = folder_.Write("u.ndjson", Line("HN", 1));
  for (int run = 0; run < 2; ++run) {
    const Result result = Publish({file, "--no-journal"});

    EXPECT_EQ(result.code, kExitDone) << result.err;
    EXPECT_THAT(result.err, HasSubstr("1 published, 0 pending"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.Path("state")));
  EXPECT_EQ(Publish({file, "--no-journal", "--journal", "x"}).code, kExitUsage);
}

TEST_F(PublishingTest, AStateFolderThatCannotBeMadeIsOnlyAWarning) {
  StartAccepting();
  setenv("XDG_STATE_HOME", folder_.Write("file", "").c_str(), 1);
  const std::string file = folder_.Write("u.ndjson", Line("HN", 1));

  const Result result = Publish({file});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: "));
  EXPECT_THAT(result.err, HasSubstr("1 published"));
}

TEST_F(PublishingTest, AJournalOfAnotherNodesLifeIsPassedOver) {
  StartAccepting();
  const std::string file = folder_.Write("u.ndjson", Line("HN", 1));
  const std::string journal =
      folder_.Write("journal",
                    "spiffe://hn.gaceta.example/node "
                    "0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10 7\n");

  const Result result = Publish({file, "--journal", journal});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(result.err, HasSubstr("all are sent"));
  EXPECT_THAT(node_.submissions(), SizeIs(1));
}

TEST_F(PublishingTest, AnInvalidUpdateIsReportedAndTheRestGoesOn) {
  StartAccepting();
  const std::string file = folder_.Write(
      "u.ndjson", Line("HN", 1) +
                      R"({"update":{"kind":"UPDATE_KIND_POLICY"}})" +
                      "\n{\"update\":{\"kimd\":1}}\n" + Line("HN", 4));

  const Result result = Publish({file});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(node_.submissions(), SizeIs(2));
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat(
                              "error: ", file,
                              ":2: invalid (RULE_VIOLATION)\n"
                              "  update.instrument.titles: is empty\n")));
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat(file, ":3: ")));
  EXPECT_THAT(result.err, HasSubstr("kimd"));
  EXPECT_THAT(result.err, HasSubstr("2 published, 0 pending, 2 with errors"));
}

TEST_F(PublishingTest, WhatTheHubRefusesIsAnErrorWithItsReason) {
  const std::string file = folder_.Write(
      "u.ndjson",
      Line("HN", 1,
           R"(,"submissionId":"0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10")"));
  hub_ = std::thread([this] {
    while (node_.submissions().empty()) absl::SleepFor(absl::Milliseconds(2));
    node_.Refuse("0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10",
                 absl::FailedPreconditionError("law 7 is not there"));
  });

  const Result result = Publish({file, "--output=json"});

  EXPECT_EQ(result.code, kExitFailed);
  ASSERT_THAT(result.lines, SizeIs(1));
  EXPECT_THAT(result.lines[0], HasSubstr(R"("error":{"code":9)"));
  EXPECT_THAT(result.err, HasSubstr("refused"));
  EXPECT_THAT(result.err, HasSubstr("law 7 is not there"));
}

TEST_F(PublishingTest, WithoutWaitingThePendingStateIsPrinted) {
  const std::string file = folder_.Write("u.ndjson", Line("HN", 1));

  const Result result = Publish({file, "--no-wait"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  ASSERT_THAT(result.lines, SizeIs(1));
  EXPECT_THAT(result.lines[0], StartsWith("pending  "));
}

TEST_F(PublishingTest, PatienceEndsWithPendingAndCodeOne) {
  const std::string file = folder_.Write("u.ndjson", Line("HN", 1));

  const Result result = Publish({file, "--timeout", "1"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.out, StartsWith("pending  "));
}

TEST_F(PublishingTest, ValidatingPublishesNothing) {
  const std::string file = folder_.Write(
      "u.ndjson",
      Line("HN", 1) + R"({"update":{"kind":"UPDATE_KIND_POLICY"}})");

  const Result result = Publish({file, "--validate-only"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.lines, SizeIs(1));
  EXPECT_THAT(result.lines[0], StartsWith("valid  "));
  EXPECT_THAT(node_.submissions(), IsEmpty());
}

TEST_F(PublishingTest, DocumentsArriveBeforeTheirUpdate) {
  StartAccepting();
  folder_.Write("ley.pdf", "the text");
  const std::string sha256 = ToHex(Sha256("the text"));
  const std::string file = folder_.Write(
      "u.ndjson",
      Line("HN", 1, R"(,"documentFiles":{")" + sha256 + R"(":"ley.pdf"})"));

  const Result result = Publish({file});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_EQ(node_.document(sha256), "the text");
}

TEST_F(PublishingTest, ADocumentThatIsNotTheOneNamedIsAnError) {
  folder_.Write("ley.pdf", "another text");
  const std::string sha256 = ToHex(Sha256("the text"));
  const std::string file = folder_.Write(
      "u.ndjson",
      Line("HN", 1, R"(,"documentFiles":{")" + sha256 + R"(":"ley.pdf"})"));

  const Result result = Publish({file});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("expected " + sha256));
  EXPECT_THAT(node_.submissions(), IsEmpty());
}

TEST_F(PublishingTest, ADocumentIsAttachedOnTheCommandLine) {
  StartAccepting();
  const std::string update =
      folder_.Write("u.json", ToJson(client::FakeUpdate("HN", 1)));
  const std::string law = folder_.Write("ley.pdf", "the text");

  const Result result = Publish({update, "--document", law + ":pt:official"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  ASSERT_THAT(node_.submissions(), SizeIs(1));
  const v1::Update sent = node_.submissions()[0].update();
  ASSERT_FALSE(sent.documents().empty());
  const v1::Document& document = sent.documents(sent.documents_size() - 1);
  EXPECT_EQ(document.sha256(), ToHex(Sha256("the text")));
  EXPECT_EQ(document.language(), "pt");
  EXPECT_EQ(document.legal_value(), v1::LEGAL_VALUE_OFFICIAL);
  EXPECT_EQ(node_.document(document.sha256()), "the text");
}

TEST_F(PublishingTest, ADocumentCannotGoWithManyUpdates) {
  const std::string file =
      folder_.Write("u.ndjson", Line("HN", 1) + Line("HN", 2));
  const std::string law = folder_.Write("ley.pdf", "the text");

  EXPECT_EQ(Publish({file, "--document", law}).code, kExitUsage);
  EXPECT_EQ(Publish({file, file, "--document", law}).code, kExitUsage);
  EXPECT_THAT(node_.submissions(), IsEmpty());
}

TEST_F(PublishingTest, UpdatesComeFromTheStandardInputToo) {
  StartAccepting();
  std::istringstream in(Line("HN", 1) + Line("HN", 2));

  const Result result = Publish({"-"}, &in);

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(node_.submissions(), SizeIs(2));
}

TEST_F(PublishingTest, WhatIsCorrectedComesBeforeItsCorrection) {
  StartAccepting();
  v1::Update correction = client::FakeUpdate("HN", 2);
  correction.set_corrects("0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10");
  std::string lines;
  for (int i = 10; i < 40; ++i) lines += Line("HN", i);
  lines += Line("HN", 1,
                R"(,"submissionId":"0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10")");
  lines += absl::StrCat(R"({"update":)", ToJson(correction), "}\n");

  const Result result = Publish({folder_.Write("u.ndjson", lines)});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  ASSERT_THAT(node_.submissions(), SizeIs(32));
  EXPECT_EQ(node_.submissions().back().update().corrects(),
            correction.corrects());
}

TEST_F(PublishingTest, DocumentsArePutAndGotByTheirDigest) {
  const std::string law = folder_.Write("ley.pdf", "the text");
  const std::string sha256 = ToHex(Sha256("the text"));

  const Result put = Gaceta({"documents", "put"}, {law});
  EXPECT_EQ(put.code, kExitDone) << put.err;
  EXPECT_THAT(put.out, StartsWith(sha256 + "  8  "));

  const Result get =
      Gaceta({"documents", "get"}, {sha256, "-o", folder_.Path("copy.pdf")});
  EXPECT_EQ(get.code, kExitDone) << get.err;
  EXPECT_EQ(folder_.Read("copy.pdf"), "the text");

  EXPECT_EQ(Gaceta({"documents", "get"}, {"abc"}).code, kExitUsage);
  EXPECT_EQ(Gaceta({"documents", "get"}, {ToHex(Sha256("no"))}).code,
            kExitFailed);
}

TEST_F(PublishingTest, ADocumentThatDoesNotHaveItsDigestEndsWithThree) {
  const std::string sha256 = ToHex(Sha256("the text"));
  node_.PutDocument(sha256, "not the text");

  const Result get =
      Gaceta({"documents", "get"}, {sha256, "-o", folder_.Path("copy.pdf")});

  EXPECT_EQ(get.code, kExitVerificationFailed);
  EXPECT_EQ(folder_.Read("copy.pdf"), "");
}

}  // namespace
}  // namespace gaceta::cli
