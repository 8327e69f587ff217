// The outbox: numbers, crashes, refusals.
#include "server/node/outbox.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using testing::GoodUpdate;
using testing::HeaderOf;
using testing::kLogOrigin;
using testing::NewKey;
using testing::SharedKey;

CheckedSubmission Checked(
    int number = 1, v1::VersionStatus status = v1::VERSION_STATUS_UNSPECIFIED) {
  const v1::Update update = GoodUpdate("HN", number);
  CheckedSubmission checked;
  checked.agency = "migracion";
  checked.payload = update.SerializeAsString();
  checked.instrument = update.instrument().uri();
  checked.status = status;
  return checked;
}

Outbox::Check Passes(CheckedSubmission checked = Checked()) {
  return [checked](const OutboxHistory&) { return checked; };
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest()
      : folder_(absl::StrCat(::testing::TempDir(), "outbox-", getpid(), "-",
                             NewStatementId())) {
    std::filesystem::create_directories(folder_);
    signer_ = std::make_unique<StatementSigner>(std::string(kLogOrigin), "HN",
                                                SharedKey());
    Reopen();
  }
  ~OutboxTest() override {
    outbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::string path() const { return folder_ + "/outbox.db"; }

  void Reopen() {
    outbox_.reset();
    Outbox::Options options;
    options.path = path();
    options.max_pending = max_pending_;
    auto outbox = Outbox::Open(std::move(options), signer_.get());
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    outbox_ = *std::move(outbox);
  }

  // Adds one that passes, and returns its id.
  std::string Add(CheckedSubmission checked = Checked()) {
    const std::string id = NewStatementId();
    auto added = outbox_->Add(id, "content", Passes(std::move(checked)));
    EXPECT_TRUE(added.ok()) << added.status();
    return id;
  }

  std::vector<Outbox::Pending> AllPending() {
    return *outbox_->ListPending(0, 1'000'000);
  }

  // Says that the hub has the first pending one at `position`.
  void AcceptFirst(std::int64_t position) {
    const Outbox::Pending first = AllPending().at(0);
    ASSERT_TRUE(outbox_->Accept({Receipt(first, position)}).ok());
  }

  static Outbox::Accepted Receipt(const Outbox::Pending& pending,
                                  std::int64_t position) {
    Outbox::Accepted accepted{pending.submission_id, pending.place, {}};
    accepted.receipt.set_position(position);
    accepted.receipt.set_leaf("leaf");
    return accepted;
  }

  // Every pending statement follows the one before it, from the accepted head
  // on, and is what its place says.
  void CheckChain() {
    ChainHead head = *outbox_->AcceptedHead();
    for (const Outbox::Pending& pending : AllPending()) {
      const v1::StatementHeader header = HeaderOf(pending.statement);
      EXPECT_TRUE(CheckFollows(head, header).ok())
          << CheckFollows(head, header);
      EXPECT_EQ(header.statement_id(), pending.submission_id);
      EXPECT_TRUE(VerifyPayload(header, pending.statement.payload()).ok());
      EXPECT_TRUE(VerifyHeaderSignature(pending.statement.header(),
                                        pending.statement.signature(),
                                        signer_->public_key())
                      .ok());
      head = {header.sequence(), Sha256(pending.statement.header())};
      EXPECT_EQ(pending.place, head);
    }
  }

  const std::string folder_;
  std::uint64_t max_pending_ = 1'000'000;
  std::unique_ptr<StatementSigner> signer_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, SubmissionsGetTheNextNumberAndNameTheirPredecessor) {
  for (int i = 0; i < 5; ++i) Add();

  EXPECT_EQ(AllPending().size(), 5U);
  EXPECT_EQ(AllPending().front().place.sequence, 1U);
  CheckChain();
}

TEST_F(OutboxTest, WhatWasTakenIsThereAfterReopen) {
  CheckedSubmission checked = Checked();
  checked.documents = {std::string(64, 'a'), std::string(64, 'b')};
  checked.audience.set_scope(v1::Audience::SCOPE_MEMBERS);
  checked.warnings.emplace_back().set_reason("RETROACTIVE");
  const std::string id = Add(checked);
  const v1::Submission before = **outbox_->Find(id);

  Reopen();

  const v1::Submission after = **outbox_->Find(id);
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(after.state(), v1::Submission::STATE_PENDING);
  EXPECT_EQ(after.agency(), "migracion");
  EXPECT_EQ(after.warnings(0).reason(), "RETROACTIVE");
  const Outbox::Pending pending = AllPending().at(0);
  EXPECT_EQ(pending.documents, checked.documents);
  EXPECT_EQ(pending.statement.payload(), checked.payload);
  EXPECT_EQ(HeaderOf(pending.statement).audience().scope(),
            v1::Audience::SCOPE_MEMBERS);
  CheckChain();
}

TEST_F(OutboxTest, NumbersGoOnAfterReopen) {
  Add();
  AcceptFirst(7);
  Add();
  Reopen();
  Add();

  ASSERT_EQ(AllPending().size(), 2U);
  EXPECT_EQ(AllPending().back().place.sequence, 3U);
  CheckChain();
}

TEST_F(OutboxTest, NumbersGoOnAfterReopenWithNothingPending) {
  Add();
  AcceptFirst(7);
  Reopen();
  Add();

  EXPECT_EQ(AllPending().at(0).place.sequence, 2U);
  CheckChain();
}

TEST_F(OutboxTest, TheSameContentIsAnsweredAsItIsNowWithoutACheck) {
  const std::string id = Add();
  AcceptFirst(7);

  int checks = 0;
  auto again = outbox_->Add(id, "content", [&](const OutboxHistory&) {
    ++checks;
    return Checked();
  });

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ(again->receipt().position(), 7);
  EXPECT_EQ(checks, 0);
  EXPECT_TRUE(AllPending().empty());
}

TEST_F(OutboxTest, AnIdForOtherContentIsRefused) {
  const std::string id = Add();

  auto other = outbox_->Add(id, "other content", Passes());

  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Reason(other.status()), "SUBMISSION_ID_TAKEN");
  EXPECT_EQ(AllPending().size(), 1U);
}

TEST_F(OutboxTest, AFailedCheckTakesNoNumber) {
  Add();
  auto failed = outbox_->Add(
      NewStatementId(), "content",
      [](const OutboxHistory&) -> absl::StatusOr<CheckedSubmission> {
        return absl::InvalidArgumentError("wrong");
      });
  Add();

  EXPECT_EQ(failed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(AllPending().size(), 2U);
  CheckChain();
}

TEST_F(OutboxTest, AFullOutboxRefusesAndTakesAgainLater) {
  max_pending_ = 2;
  Reopen();
  Add();
  Add();

  auto full = outbox_->Add(NewStatementId(), "content", Passes());
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(full.status()), "OUTBOX_FULL");

  AcceptFirst(0);
  Add();
  EXPECT_EQ(*outbox_->PendingCount(), 2U);
}

TEST_F(OutboxTest, ConcurrentSubmissionsFormOneChain) {
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < kEach; ++j) Add();
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(AllPending().size(), std::size_t{kThreads} * kEach);
  CheckChain();
}

TEST_F(OutboxTest, ReceiptsMoveTheAcceptedHead) {
  const std::string id = Add();
  Add();
  const ChainHead first = AllPending().at(0).place;
  AcceptFirst(41);
  Reopen();

  EXPECT_EQ(*outbox_->AcceptedHead(), first);
  EXPECT_EQ((*outbox_->Find(id))->state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ((*outbox_->Find(id))->receipt().position(), 41);
  EXPECT_EQ(*outbox_->PendingCount(), 1U);
  CheckChain();
}

TEST_F(OutboxTest, ThePayloadOfWhatWasAcceptedCanBeForgotten) {
  const std::string accepted = Add(Checked(1, v1::VERSION_STATUS_IN_FORCE));
  const std::string pending = Add(Checked(2));
  AcceptFirst(7);
  const auto known_status = [this] {
    std::optional<v1::VersionStatus> status;
    (void)outbox_->CheckOnly([&](const OutboxHistory& history) {
      const std::string uri = Checked(1).instrument;
      status = *history.LastStatus(uri, 0);
      EXPECT_EQ(*history.IsKnownInstrument(uri), status.has_value());
      return Checked();
    });
    return status;
  };
  ASSERT_EQ(known_status(), v1::VERSION_STATUS_IN_FORCE);

  for (const std::string& id :
       {accepted, accepted, pending, std::string("not one")}) {
    EXPECT_TRUE(outbox_->Erase(id).ok());
  }

  EXPECT_EQ(**outbox_->FindPayload(accepted), "");
  EXPECT_EQ((*outbox_->Find(accepted))->receipt().position(), 7);
  EXPECT_EQ(known_status(), std::nullopt);
  // What still has to be sent stays.
  EXPECT_EQ(**outbox_->FindPayload(pending), Checked(2).payload);
  CheckChain();
}

TEST_F(OutboxTest, AReceiptOutOfOrderIsNotRecorded) {
  Add();
  const std::string second = Add();

  const absl::Status status = outbox_->Accept({Receipt(AllPending().at(1), 5)});

  EXPECT_FALSE(status.ok());
  EXPECT_EQ((*outbox_->Find(second))->state(), v1::Submission::STATE_PENDING);
  EXPECT_EQ(AllPending().size(), 2U);
}

TEST_F(OutboxTest, ARefusalClosesTheHoleThatItWouldLeave) {
  Add();
  AcceptFirst(0);
  const std::string refused = Add(Checked(2));
  const std::string next = Add(Checked(3));
  const std::string last = Add(Checked(4));
  const std::string payload = AllPending().at(1).statement.payload();

  const absl::Status error =
      InvalidFields("RULE_VIOLATION", {{"update.event", "is missing"}});
  ASSERT_TRUE(outbox_->Refuse(refused, error).ok());
  Reopen();

  const v1::Submission submission = **outbox_->Find(refused);
  EXPECT_EQ(submission.state(), v1::Submission::STATE_REFUSED);
  EXPECT_EQ(Violations(FromRpcStatus(submission.error())), Violations(error));
  const std::vector<Outbox::Pending> pending = AllPending();
  ASSERT_EQ(pending.size(), 2U);
  EXPECT_EQ(pending[0].submission_id, next);
  EXPECT_EQ(pending[0].place.sequence, 2U);
  EXPECT_EQ(pending[0].statement.payload(), payload);
  EXPECT_EQ(pending[1].submission_id, last);
  EXPECT_EQ((*outbox_->Find(last))->sequence(), 3U);
  CheckChain();
}

TEST_F(OutboxTest, OnlyTheFirstPendingCanBeRefused) {
  Add();
  const std::string second = Add();

  EXPECT_FALSE(outbox_->Refuse(second, absl::InvalidArgumentError("")).ok());
  EXPECT_EQ(AllPending().size(), 2U);
  CheckChain();
}

TEST_F(OutboxTest, PendingIsSignedAnewAfterAnotherHead) {
  const std::string in_log = Add(Checked(1));
  const std::string pending = Add(Checked(2));
  Outbox::Accepted found{in_log, {4, std::string(32, 'x')}, {}};
  found.receipt.set_position(70);
  const ChainHead head{9, std::string(32, 'h')};

  ASSERT_TRUE(outbox_->Rebase(head, {found}).ok());
  Reopen();

  EXPECT_EQ(*outbox_->AcceptedHead(), head);
  EXPECT_EQ((*outbox_->Find(in_log))->state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ((*outbox_->Find(in_log))->sequence(), 4U);
  ASSERT_EQ(AllPending().size(), 1U);
  EXPECT_EQ(AllPending().at(0).submission_id, pending);
  EXPECT_EQ(AllPending().at(0).place.sequence, 10U);
  CheckChain();
}

TEST_F(OutboxTest, ANewKeySignsWhatIsPending) {
  Add();
  Add();
  const std::string old_key = AllPending().at(0).statement.key_id();
  outbox_.reset();
  signer_ = std::make_unique<StatementSigner>(std::string(kLogOrigin), "HN",
                                              NewKey());
  Reopen();

  ASSERT_TRUE(outbox_->Rebase(*outbox_->AcceptedHead(), {}).ok());

  EXPECT_NE(AllPending().at(0).statement.key_id(), old_key);
  CheckChain();
}

TEST_F(OutboxTest, HistoryHasWhatIsPendingAndWhatIsNotYetMirrored) {
  const std::string id = Add(Checked(1, v1::VERSION_STATUS_PUBLISHED));
  const std::string uri = Checked(1).instrument;
  const auto ask = [&](Position mirrored) {
    std::optional<v1::VersionStatus> status;
    (void)outbox_->CheckOnly([&](const OutboxHistory& history) {
      EXPECT_TRUE(*history.Has(id));
      EXPECT_FALSE(*history.Has(NewStatementId()));
      EXPECT_TRUE(*history.IsKnownInstrument(uri));
      EXPECT_FALSE(*history.IsKnownInstrument(Checked(2).instrument));
      status = *history.LastStatus(uri, mirrored);
      return absl::StatusOr<CheckedSubmission>(Checked());
    });
    return status;
  };
  EXPECT_EQ(ask(0), v1::VERSION_STATUS_PUBLISHED);

  Add(Checked(1, v1::VERSION_STATUS_IN_FORCE));
  // States nothing of the status.
  Add(Checked(1));
  EXPECT_EQ(ask(0), v1::VERSION_STATUS_IN_FORCE);

  AcceptFirst(10);
  AcceptFirst(11);
  AcceptFirst(12);
  EXPECT_EQ(ask(11), v1::VERSION_STATUS_IN_FORCE);
  // The mirror has it: what came after is for the mirror to say.
  EXPECT_EQ(ask(13), std::nullopt);
}

TEST_F(OutboxTest, HistoryForgetsWhatWasRefused) {
  const std::string id = Add(Checked(1, v1::VERSION_STATUS_REPEALED));
  ASSERT_TRUE(outbox_->Refuse(id, absl::InvalidArgumentError("")).ok());

  (void)outbox_->CheckOnly([&](const OutboxHistory& history) {
    EXPECT_FALSE(*history.Has(id));
    EXPECT_FALSE(*history.IsKnownInstrument(Checked(1).instrument));
    EXPECT_EQ(*history.LastStatus(Checked(1).instrument, 0), std::nullopt);
    return absl::StatusOr<CheckedSubmission>(Checked());
  });
}

TEST_F(OutboxTest, ListsNewestFirstInPages) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Add());
  CheckedSubmission other = Checked();
  other.agency = "trabajo";
  Add(other);

  std::vector<std::string> listed;
  std::int64_t begin = 0;
  do {
    const Outbox::Page page = *outbox_->List("migracion", begin, 2);
    for (const auto& one : page.submissions) {
      listed.push_back(one.submission_id());
    }
    begin = page.next;
  } while (begin != 0);

  EXPECT_THAT(listed, ElementsAre(ids[4], ids[3], ids[2], ids[1], ids[0]));
  EXPECT_EQ(outbox_->List(std::nullopt, 0, 100)->submissions.size(), 6U);
}

TEST_F(OutboxTest, TellsWhatChanged) {
  std::vector<std::string> changed;
  outbox_->SetListener([&](const std::vector<std::string>& ids) {
    changed.insert(changed.end(), ids.begin(), ids.end());
  });

  const std::string first = Add();
  const std::string second = Add();
  ASSERT_TRUE(outbox_->Refuse(first, absl::InvalidArgumentError("")).ok());
  AcceptFirst(0);

  EXPECT_THAT(changed, ElementsAre(first, second, first, second, second));
}

// What a child says on a pipe of each submission that was taken.
struct Acknowledged {
  char submission_id[36];
  std::uint64_t sequence;
};

// Runs `work` in a process of its own and kills it at a random moment after
// `at_least` acknowledgements. Returns them all.
std::vector<Acknowledged> KillWhile(const std::function<void(int)>& work,
                                    std::size_t at_least) {
  int pipe_ends[2];
  EXPECT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_ends[0]);
    work(pipe_ends[1]);
    _exit(0);
  }
  close(pipe_ends[1]);
  std::vector<Acknowledged> all;
  Acknowledged one;
  absl::BitGen random;
  const std::size_t enough = at_least + absl::Uniform(random, 0U, 30U);
  while (read(pipe_ends[0], &one, sizeof one) == sizeof one) {
    all.push_back(one);
    if (all.size() == enough) kill(child, SIGKILL);
  }
  close(pipe_ends[0]);
  waitpid(child, nullptr, 0);
  return all;
}

TEST_F(OutboxTest, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
  outbox_.reset();
  std::vector<Acknowledged> acknowledged;
  for (int round = 0; round < 10; ++round) {
    const std::vector<Acknowledged> more = KillWhile(
        [this](int out) {
          Reopen();
          std::int64_t position = 0;
          for (int i = 1; i < 10'000; ++i) {
            const std::string id = NewStatementId();
            const v1::Submission added = *outbox_->Add(id, "content", Passes());
            Acknowledged one{};
            id.copy(one.submission_id, sizeof one.submission_id);
            one.sequence = added.sequence();
            if (write(out, &one, sizeof one) != sizeof one) _exit(1);
            // Receipts come in between.
            if (i % 3 == 0) AcceptFirst(position++);
          }
        },
        5);
    acknowledged.insert(acknowledged.end(), more.begin(), more.end());
  }

  Reopen();

  CheckChain();
  ASSERT_GE(acknowledged.size(), 50U);
  std::uint64_t last = 0;
  for (const Acknowledged& one : acknowledged) {
    // Numbers rise, so none was given twice.
    EXPECT_GT(one.sequence, last);
    last = one.sequence;
    auto found = outbox_->Find({one.submission_id, sizeof one.submission_id});
    ASSERT_TRUE(found.ok() && found->has_value());
    EXPECT_EQ((*found)->sequence(), one.sequence);
  }
}

TEST_F(OutboxTest, ARefusalIsWholeOrNotAtAllWhenTheProcessIsKilled) {
  for (int i = 0; i < 200; ++i) Add(Checked(i + 1));
  outbox_.reset();

  std::size_t refused = 0;
  for (int round = 0; round < 5; ++round) {
    refused += KillWhile(
                   [this](int out) {
                     Reopen();
                     while (true) {
                       const Outbox::Pending first = AllPending().at(0);
                       if (!outbox_
                                ->Refuse(first.submission_id,
                                         absl::InvalidArgumentError("no"))
                                .ok()) {
                         _exit(1);
                       }
                       Acknowledged one{};
                       if (write(out, &one, sizeof one) != sizeof one) _exit(1);
                     }
                   },
                   1)
                   .size();
    Reopen();
    CheckChain();
    EXPECT_EQ(AllPending().at(0).place.sequence, 1U);
    EXPECT_LE(AllPending().size(), 200 - refused);
    outbox_.reset();
  }
}

}  // namespace
}  // namespace gaceta
