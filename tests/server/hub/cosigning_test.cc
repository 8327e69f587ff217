#include "server/hub/cosigning.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/hub/checkpoint_publisher.h"
#include "server/log/memory_log_store.h"
#include "tests/support/statements.h"
#include "verify/add_checkpoint.h"
#include "verify/log_policy.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using testing::NewKey;
using testing::RegistryParts;
using testing::SharedLogSigner;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;
using ::testing::UnorderedElementsAre;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

std::string NameOf(const std::string& state) {
  return absl::StrCat("node.", TestFederation::TrustDomainOf(state));
}

// A witness that answers by the book when a test lets it.
class TestWitness {
 public:
  explicit TestWitness(const std::string& state)
      : signer_(*NoteSigner::Create(NameOf(state), NoteKeyType::kCosignature,
                                    NewKey(/*ed25519=*/true))) {}

  std::string name() const { return signer_.public_key().name(); }
  const NoteSigner& signer() const { return signer_; }
  Position known_size() const { return known_.size; }

  std::pair<int, std::string> Answer(const std::string& question,
                                     absl::Time now) {
    const WitnessDecision decision =
        DecideAddCheckpoint(question, {SharedLogSigner().public_key()}, known_);
    if (decision.answer.status != 200) {
      return {decision.answer.status, decision.answer.body};
    }
    known_ = {decision.checkpoint.size, decision.checkpoint.root};
    return {200, *Cosign(FormatCheckpoint(decision.checkpoint), signer_, now)};
  }

 private:
  const NoteSigner signer_;
  WitnessedLog known_;
};

// Three witnesses, of whom two are a quorum.
class CosigningTest : public ::testing::Test {
 protected:
  CosigningTest()
      : log_(*ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                         Members().Empty())),
        publisher_(log_.get(), SharedLogSigner()),
        secretariat_(Members().PublisherOf("OAS")),
        honduras_(Members().PublisherOf("HN")) {
    for (const char* state : {"HN", "GT", "MX"}) {
      witnesses_.emplace(state, TestWitness(state));
    }
    Append(secretariat_.Next(RegistryParts(Members().FirstChange())));
    Append(secretariat_.Next(RegistryParts(PolicyChange())));
    Publish();
    cosigning_ = std::make_unique<Cosigning>(log_.get(), options_);
  }

  v1::RegistryChange PolicyChange() {
    std::string text =
        absl::StrCat("log ", SharedLogSigner().public_key().ToString(), "\n");
    for (const auto& [state, witness] : witnesses_) {
      absl::StrAppend(&text, "witness ", state, " ",
                      witness.signer().public_key().ToString(), "\n");
    }
    absl::StrAppend(&text, "group all 2 HN GT MX\nquorum all\n");
    v1::RegistryChange change;
    change.add_items()->mutable_log_policy()->set_policy(text);
    return change;
  }

  void Append(const v1::Statement& statement) {
    const StoredEntry entry = StoredEntryOf(statement);
    ASSERT_TRUE(log_->Append(log_->store().Size(), {&entry, 1}).ok());
  }
  void Publish() { ASSERT_TRUE(publisher_.PublishAll().ok()); }
  void Grow() {
    Append(honduras_.Next(GoodUpdate("HN", ++number_)));
    Publish();
  }

  void Open(const std::string& state, std::uint64_t line = 1,
            int registry_version = kRegistryVersion) {
    cosigning_->Open(NameOf(state), line, registry_version,
                     [this, state, line](std::string question) {
                       asked_[{state, line}].push_back(std::move(question));
                     });
  }
  bool IsAsked(const std::string& state, std::uint64_t line = 1) {
    return !asked_[{state, line}].empty();
  }
  std::string TakeQuestion(const std::string& state, std::uint64_t line = 1) {
    std::deque<std::string>& questions = asked_[{state, line}];
    EXPECT_EQ(questions.size(), 1U) << state;
    if (questions.empty()) return "";
    std::string question = std::move(questions.front());
    questions.pop_front();
    return question;
  }
  // Answers the question that is there, and those that follow from it.
  void Answer(const std::string& state, std::uint64_t line = 1) {
    while (IsAsked(state, line)) {
      const auto [status, body] =
          witnesses_.at(state).Answer(TakeQuestion(state, line), now_);
      cosigning_->Answer(NameOf(state), line, status, body);
    }
  }
  absl::Time Tick(absl::Duration later = absl::ZeroDuration()) {
    now_ += later;
    return cosigning_->Tick(now_);
  }

  Position cosigned_size() { return log_->head()->cosigned_size; }
  // Who has cosigned what is published, by the policy; each signature once.
  std::set<std::string> Cosigners() {
    const auto registry = log_->registry().Snapshot();
    const LogPolicyInForce* in_force = registry->log_policy();
    auto opened = in_force->policy.Open(log_->head()->cosigned_note);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return {};
    EXPECT_TRUE(opened->has_quorum);
    EXPECT_EQ(ParseNote(log_->head()->cosigned_note)->signatures.size(),
              opened->cosignatures.size() + 1);
    std::set<std::string> names;
    for (const Cosignature& one : opened->cosignatures) names.insert(one.name);
    return names;
  }

  const Cosigning::Options options_;
  const std::unique_ptr<ProjectedLog> log_;
  CheckpointPublisher publisher_;
  TestPublisher secretariat_;
  TestPublisher honduras_;
  std::map<std::string, TestWitness> witnesses_;
  std::unique_ptr<Cosigning> cosigning_;
  std::map<std::pair<std::string, std::uint64_t>, std::deque<std::string>>
      asked_;
  absl::Time now_ = testing::TestTime();
  int number_ = 0;
};

TEST_F(CosigningTest, AQuorumIsPublishedAtOnceAndTheOthersWithIt) {
  for (const char* state : {"HN", "GT", "MX"}) Open(state);
  Tick();

  Answer("HN");
  EXPECT_EQ(cosigned_size(), 0);
  Answer("MX");
  EXPECT_EQ(cosigned_size(), 2);
  EXPECT_THAT(Cosigners(), UnorderedElementsAre(NameOf("HN"), NameOf("MX")));
  Answer("GT");
  EXPECT_THAT(Cosigners(),
              UnorderedElementsAre(NameOf("HN"), NameOf("MX"), NameOf("GT")));
}

TEST_F(CosigningTest, ALineThatOpensLateIsAskedAboutTheRound) {
  Open("HN");
  Tick();
  Answer("HN");

  Open("GT");
  Answer("GT");

  EXPECT_EQ(cosigned_size(), 2);
}

TEST_F(CosigningTest, ASlowWitnessDelaysNobody) {
  for (const char* state : {"HN", "GT", "MX"}) Open(state);
  Tick();
  for (int i = 0; i < 5; ++i) {
    Answer("HN");
    Answer("GT");
    EXPECT_EQ(cosigned_size(), log_->Size());
    Grow();
    Tick(options_.min_interval);
  }

  // It is asked one thing at a time, and then about what is newest.
  Answer("MX");
  EXPECT_EQ(witnesses_.at("MX").known_size(), log_->Size());
}

TEST_F(CosigningTest, AllAreAskedAboutOneCheckpointHoweverFastTheLogGrows) {
  for (const char* state : {"HN", "GT", "MX"}) Open(state);
  Tick();
  Grow();
  Tick();
  Answer("HN");
  Grow();
  Tick();
  Answer("GT");

  EXPECT_EQ(cosigned_size(), 2);
}

TEST_F(CosigningTest, RoundsDoNotBeginFasterThanTheyMay) {
  for (const char* state : {"HN", "GT"}) Open(state);
  Tick();
  Answer("HN");
  Answer("GT");
  Grow();

  const absl::Time next = Tick();
  EXPECT_FALSE(IsAsked("HN"));
  EXPECT_EQ(next, now_ + options_.min_interval);
  Tick(options_.min_interval);
  EXPECT_TRUE(IsAsked("HN"));
}

TEST_F(CosigningTest, ARoundWithoutAQuorumMakesWayAfterAWhile) {
  for (const char* state : {"HN", "GT"}) Open(state);
  Tick();
  Answer("HN");
  Grow();

  Tick(options_.patience / 2);
  EXPECT_FALSE(IsAsked("HN"));
  Tick(options_.patience);
  Answer("HN");
  Answer("GT");
  EXPECT_EQ(cosigned_size(), 3);
}

TEST_F(CosigningTest, ALogThatDoesNotGrowIsCosignedAgainWithANewTime) {
  for (const char* state : {"HN", "GT"}) Open(state);
  Tick();
  Answer("HN");
  Answer("GT");
  const std::int64_t number = log_->head()->cosigned_number;
  const std::string note = log_->head()->cosigned_note;

  EXPECT_EQ(Tick(), now_ + options_.refresh);
  Tick(options_.refresh);
  Answer("HN");
  Answer("GT");

  EXPECT_EQ(cosigned_size(), 2);
  EXPECT_GT(log_->head()->cosigned_number, number);
  EXPECT_NE(log_->head()->cosigned_note, note);
}

TEST_F(CosigningTest, AWitnessIsAskedFromWhatItKnows) {
  Open("HN");
  Tick();
  Answer("HN");
  Grow();
  Tick(options_.patience);
  Answer("HN");
  // The hub was restarted, and knows nothing of it.
  cosigning_ = std::make_unique<Cosigning>(log_.get(), options_);
  Grow();
  Open("HN", 2);
  Open("GT", 2);
  Tick();

  Answer("HN", 2);
  Answer("GT", 2);

  EXPECT_EQ(cosigned_size(), 4);
}

TEST_F(CosigningTest, AWitnessThatNeverAgreesIsAskedOnceARound) {
  Open("HN");
  Tick();
  TakeQuestion("HN");
  cosigning_->Answer(NameOf("HN"), 1, 409, "0\n");
  EXPECT_FALSE(IsAsked("HN"));
  Grow();
  Tick(options_.patience);
  for (const auto& [status, body] :
       std::vector<std::pair<int, std::string>>{{409, "x"},
                                                {409, "-1\n"},
                                                {422, "no\n"},
                                                {500, ""},
                                                {200, "rubbish"}}) {
    TakeQuestion("HN");
    cosigning_->Answer(NameOf("HN"), 1, status, body);
    EXPECT_FALSE(IsAsked("HN")) << status << body;
    Grow();
    Tick(options_.patience);
  }
  EXPECT_EQ(cosigned_size(), 0);
}

TEST_F(CosigningTest, OnlyItsOwnKeyCounts) {
  Open("HN");
  Open("GT");
  Tick();
  Answer("GT");
  const std::string question = TakeQuestion("HN");
  TestWitness stranger("HN");
  // Another's, and one by a key that the policy does not know.
  cosigning_->Answer(NameOf("HN"), 1, 200,
                     *Cosign(FormatCheckpoint(log_->head()->checkpoint),
                             witnesses_.at("MX").signer(), now_));
  EXPECT_EQ(cosigned_size(), 0);
  Tick(options_.refresh);
  Answer("GT");
  const auto [status, body] = stranger.Answer(TakeQuestion("HN"), now_);
  cosigning_->Answer(NameOf("HN"), 1, status, body);
  EXPECT_EQ(cosigned_size(), 0);
}

TEST_F(CosigningTest, ACosignatureOfTheRoundBeforeDoesNotCountForThisOne) {
  Open("HN");
  Open("GT");
  Tick();
  const auto [status, body] =
      witnesses_.at("HN").Answer(TakeQuestion("HN"), now_);
  Grow();
  Tick(options_.patience);
  Answer("GT");

  cosigning_->Answer(NameOf("HN"), 1, status, body);
  EXPECT_EQ(cosigned_size(), 0);
  // It is asked about this one at once.
  Answer("HN");
  EXPECT_EQ(cosigned_size(), 3);
}

TEST_F(CosigningTest, AWitnessThatComesBackIsCountedOnce) {
  Open("HN");
  Tick();
  Answer("HN");
  Open("HN", 2);
  Answer("HN", 2);
  EXPECT_EQ(cosigned_size(), 0);

  Open("GT");
  Answer("GT");
  EXPECT_THAT(Cosigners(), UnorderedElementsAre(NameOf("HN"), NameOf("GT")));
}

TEST_F(CosigningTest, ALineThatWasReplacedSaysNothingMore) {
  Open("HN");
  Open("GT");
  Tick();
  Answer("GT");
  const std::string question = TakeQuestion("HN");
  Open("HN", 2);

  const auto [status, body] = witnesses_.at("HN").Answer(question, now_);
  cosigning_->Answer(NameOf("HN"), 1, status, body);
  cosigning_->Close(NameOf("HN"), 1);
  EXPECT_EQ(cosigned_size(), 0);
  Answer("HN", 2);
  EXPECT_EQ(cosigned_size(), 2);
}

TEST_F(CosigningTest, AnAnswerThatNobodyAskedForIsIgnored) {
  Open("HN");
  cosigning_->Answer(NameOf("HN"), 1, 200, "rubbish");
  cosigning_->Answer(NameOf("GT"), 1, 200, "rubbish");
  EXPECT_EQ(cosigned_size(), 0);
}

TEST_F(CosigningTest, AQuorumReadsARegistryVersionWhileItsLinesAreOpen) {
  EXPECT_FALSE(cosigning_->QuorumReads(2));
  Open("HN", 1, 2);
  Open("GT", 1, 1);
  EXPECT_TRUE(cosigning_->QuorumReads(1));
  EXPECT_FALSE(cosigning_->QuorumReads(2));

  // Guatemala's node comes back upgraded.
  Open("GT", 2, 2);
  EXPECT_TRUE(cosigning_->QuorumReads(2));

  cosigning_->Close(NameOf("HN"), 1);
  EXPECT_FALSE(cosigning_->QuorumReads(2));
}

}  // namespace
}  // namespace gaceta
