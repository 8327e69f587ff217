// The nouns `log` and `receipts` against a log in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "cli/app.h"
#include "cli/state_folder.h"
#include "gaceta/file_io.h"
#include "testing/fake_relay.h"
#include "tests/support/temp_folder.h"
#include "verify/checkpoint.h"
#include "verify/log_receipt.h"

namespace gaceta::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

class LogCommandsTest : public ::testing::Test {
 protected:
  LogCommandsTest() {
    auto relay = client::FakeRelay::Start({"GT", "HN", "MX"});
    EXPECT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    root_ = folder_.Write("root.pem", relay_->federation().root_pem());
    setenv("XDG_STATE_HOME", folder_.Path("state").c_str(), 1);
  }
  ~LogCommandsTest() override { unsetenv("XDG_STATE_HOME"); }

  // Runs a command that may ask the server.
  Result Gaceta(std::vector<std::string> arguments,
                Language language = Language::kEnglish) {
    for (const std::string& argument :
         std::vector<std::string>{"--server", "x:1", "--server-id",
                                  "spiffe://hn.gaceta.example/node",
                                  "--certificate", root_, "--key", root_}) {
      arguments.push_back(argument);
    }
    return Run(std::move(arguments), relay_->source().channel, language);
  }
  // Runs one that has none.
  Result Offline(std::vector<std::string> arguments,
                 Language language = Language::kEnglish) {
    return Run(std::move(arguments), nullptr, language);
  }
  Result Run(std::vector<std::string> arguments,
             std::shared_ptr<grpc::Channel> channel, Language language) {
    std::ostringstream out;
    std::ostringstream err;
    CliContext context{out, err};
    context.language = language;
    std::istringstream in(answer_);
    context.in = &in;
    context.connect = [channel](const client::ConnectionOptions&)
        -> absl::StatusOr<std::shared_ptr<grpc::Channel>> {
      if (channel == nullptr) return absl::UnavailableError("no network");
      return channel;
    };
    arguments.emplace_back("--root");
    arguments.push_back(root_);
    Result result;
    result.code = RunCli(std::move(arguments), context);
    result.out = out.str();
    result.err = err.str();
    return result;
  }

  // A receipt with its policy, and what is beside it.
  void Prove(int position, const std::string& name) {
    const Result proved =
        Gaceta({"log", "prove", absl::StrCat(position), "-o", Receipt(name)});
    ASSERT_EQ(proved.code, kExitDone) << proved.err;
    const Result policy =
        Gaceta({"log", "policy", "-o", folder_.Path("policy.txt")});
    ASSERT_EQ(policy.code, kExitDone) << policy.err;
  }
  std::string Receipt(const std::string& name) const {
    return folder_.Path(name + ".tlog-proof");
  }
  Result Verify(const std::vector<std::string>& names,
                Language language = Language::kEnglish) {
    std::vector<std::string> arguments = {"receipts", "verify"};
    for (const std::string& name : names) arguments.push_back(Receipt(name));
    arguments.emplace_back("--policy");
    arguments.push_back(folder_.Path("policy.txt"));
    return Offline(std::move(arguments), language);
  }
  // Where evidence against the log is.
  std::string EvidenceFolder() const {
    return StateFolderPath(root_) + "/evidence";
  }
  // Of a federation with this root.
  static std::string StateFolderPath(const std::string& root) {
    const auto folder = FindStateFolder({root, "hub.gaceta.example/log"});
    EXPECT_TRUE(folder.ok()) << folder.status();
    return folder.ok() ? folder->path : "";
  }
  std::string Remembered() const {
    auto note = client::ReadFile(StateFolderPath(root_) + "/checkpoint");
    return note.ok() ? *note : "";
  }
  int CountEvidence() const {
    const std::filesystem::directory_iterator files(EvidenceFolder());
    return static_cast<int>(std::distance(begin(files), end(files)));
  }

  testing::TempFolder folder_;
  std::string root_;
  // What is typed when a command asks.
  std::string answer_;
  std::unique_ptr<client::FakeRelay> relay_;
};

// --- checkpoint --------------------------------------------------------------

TEST_F(LogCommandsTest, CheckpointIsPrintedAsItIsSigned) {
  relay_->PublishMany(3);

  const Result result = Gaceta({"log", "checkpoint"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(result.out, StartsWith("hub.gaceta.example/log\n4\n"));
  EXPECT_TRUE(ParseNote(result.out).ok());
  EXPECT_EQ(Remembered(), result.out);
}

TEST_F(LogCommandsTest, CheckpointGivesProgramsItsParts) {
  relay_->RequireQuorum(1, absl::Seconds(60));
  relay_->Cosign({"HN"}, absl::FromUnixSeconds(1'800'000'000));

  const Result result =
      Gaceta({"log", "checkpoint", "--cosigned", "--output=json"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(
      result.out,
      StartsWith(R"({"origin":"hub.gaceta.example/log","size":2,"root":")"));
  EXPECT_THAT(result.out, HasSubstr(R"("quorum":true)"));
  EXPECT_THAT(result.out, HasSubstr(R"([{"name":"node.hn.gaceta.example",)"
                                    R"("time":"2027-01-15T08:00:00+00:00"}])"));
}

TEST_F(LogCommandsTest, LogThatDoesNotExtendTheLastCheckpointEndsWith3) {
  relay_->PublishMany(3);
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  relay_->PublishMany(2);
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  relay_->Fork(2);
  relay_->PublishMany(2);

  const Result result = Gaceta({"log", "checkpoint"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(EvidenceFolder()));
  EXPECT_EQ(CountEvidence(), 1);
  // Until a person has looked at it, no command trusts the log.
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{
           {"log", "checkpoint"}, {"log", "prove", "1"}, {"log", "audit"}}) {
    const Result again = Gaceta(command);
    EXPECT_EQ(again.code, kExitFailed);
    EXPECT_THAT(again.err, HasSubstr("LOG_DISTRUSTED"));
    EXPECT_THAT(again.err, HasSubstr("on purpose: gaceta log forget"));
  }
}

TEST_F(LogCommandsTest, LogOfAnotherFederationWithTheSameNameIsAnotherLog) {
  relay_->PublishMany(3);
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  const std::string first = Remembered();
  auto other = client::FakeRelay::Start({"GT", "HN", "MX"});
  ASSERT_TRUE(other.ok()) << other.status();
  relay_.swap(*other);
  const std::string root = root_;
  root_ = folder_.Write("other.pem", relay_->federation().root_pem());

  const Result result = Gaceta({"log", "checkpoint"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_EQ(Remembered(), result.out);
  relay_.swap(*other);
  root_ = root;
  EXPECT_EQ(Remembered(), first);
  EXPECT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
}

TEST_F(LogCommandsTest, RootThatIsAddedLaterLeavesTheMemoryWhereItIs) {
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  const std::string folder = StateFolderPath(root_);
  auto other = client::FakeRelay::Start({"HN", "MX"});
  ASSERT_TRUE(other.ok()) << other.status();
  const std::string& old_root = relay_->federation().root_pem();
  const std::string& new_root = (*other)->federation().root_pem();

  EXPECT_EQ(StateFolderPath(folder_.Write("both.pem", old_root + new_root)),
            folder);
  EXPECT_EQ(StateFolderPath(folder_.Write("both.pem", new_root + old_root)),
            folder);
  EXPECT_NE(StateFolderPath(folder_.Write("new.pem", new_root)), folder);
}

// --- forget ------------------------------------------------------------------

class ForgetTest : public LogCommandsTest {
 protected:
  // The log is made anew after it was known, and evidence is kept.
  void MakeLogAnew() {
    relay_->PublishMany(5);
    ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
    relay_->Fork(2);
    relay_->PublishMany(5);
    const Result refused = Gaceta({"log", "checkpoint"});
    ASSERT_EQ(refused.code, kExitVerificationFailed);
    ASSERT_THAT(refused.err, HasSubstr("on purpose: gaceta log forget"));
    ASSERT_EQ(CountEvidence(), 1);
  }
};

TEST_F(ForgetTest, ShowsWhatItDropsAndThenTheLogIsReadAnew) {
  MakeLogAnew();

  const Result forgotten = Gaceta({"log", "forget", "--yes"});

  EXPECT_EQ(forgotten.code, kExitDone) << forgotten.err;
  EXPECT_EQ(forgotten.out, "forgot hub.gaceta.example/log\n");
  EXPECT_THAT(forgotten.err, HasSubstr("log: hub.gaceta.example/log\n"));
  EXPECT_THAT(forgotten.err, HasSubstr("root key: SHA-256 "));
  EXPECT_THAT(forgotten.err, HasSubstr("checkpoint: of 6 entries\n"));
  EXPECT_THAT(forgotten.err, HasSubstr("removes " + EvidenceFolder()));
  EXPECT_EQ(CountEvidence(), 0);
  EXPECT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
}

TEST_F(ForgetTest, AsksAndDropsNothingWithoutAYes) {
  MakeLogAnew();
  const std::string before = Remembered();

  answer_ = "n\n";
  EXPECT_EQ(Gaceta({"log", "forget"}).code, kExitFailed);
  EXPECT_EQ(Remembered(), before);
  EXPECT_EQ(CountEvidence(), 1);

  answer_ = "y\n";
  EXPECT_EQ(Gaceta({"log", "forget"}).code, kExitDone);
  EXPECT_EQ(Remembered(), "");
}

TEST_F(ForgetTest, DropsALogOfAnotherOriginOnlyIfItIsKnown) {
  MakeLogAnew();

  const Result result =
      Gaceta({"log", "forget", "--yes", "--origin", "other.example/log"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("UNKNOWN_LOG"));
  EXPECT_EQ(CountEvidence(), 1);
}

TEST_F(LogCommandsTest, DamagedMemoryIsNamed) {
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  std::ofstream(StateFolderPath(root_) + "/checkpoint") << "text";

  const Result result = Gaceta({"log", "checkpoint"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("to begin anew: gaceta log forget"));
}

// --- prove, policy, verify ---------------------------------------------------

TEST_F(LogCommandsTest, ReceiptVerifiesWithoutAServer) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(9);
  relay_->Cosign({"GT", "HN"});
  Prove(0, "first");
  Prove(5, "law");

  const Result result = Verify({"first", "law"});

  EXPECT_EQ(result.code, kExitDone) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("law.tlog-proof  ✓ verified\n"));
  EXPECT_THAT(result.out, HasSubstr("  ✓ the log hub.gaceta.example/log signed "
                                    "the checkpoint of 11 entries\n"));
  EXPECT_THAT(result.out, HasSubstr("(2 cosignatures)\n"));
  EXPECT_THAT(result.out, HasSubstr("at position 5\n"));
  EXPECT_THAT(result.out, HasSubstr("GT's signer"));
  EXPECT_THAT(result.out, Not(HasSubstr("✗")));
}

TEST_F(LogCommandsTest, ReceiptIsExplainedInThePersonsLanguage) {
  Prove(0, "first");

  EXPECT_THAT(Verify({"first"}, Language::kSpanish).out,
              HasSubstr("✓ verificado\n"));
  EXPECT_THAT(Verify({"first"}, Language::kPortuguese).out,
              HasSubstr("o registro tem a declaração na posição 0"));
  EXPECT_THAT(Verify({"first"}, Language::kFrench).out,
              HasSubstr("le contenu est celui qui a été signé"));
}

TEST_F(LogCommandsTest, ProgramsLearnWhichFactFails) {
  relay_->PublishMany(3);
  Prove(2, "law");
  std::string payload = folder_.Read("law.payload");
  payload.back() = static_cast<char>(payload.back() ^ 1);
  folder_.Write("law.payload", payload);

  const Result result =
      Offline({"receipts", "verify", Receipt("law"), "--policy",
               folder_.Path("policy.txt"), "--output=json"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_THAT(result.out, HasSubstr(R"("verified":false,"position":2)"));
  EXPECT_THAT(result.out, HasSubstr(R"({"fact":"SIGNATURE","holds":true})"));
  EXPECT_THAT(result.out,
              HasSubstr(R"({"fact":"PAYLOAD","holds":false,"reason":)"
                        R"("PAYLOAD_DIGEST_MISMATCH")"));
}

// Alters one part of a receipt, and says what is then no longer so.
struct Alteration {
  std::string name;
  std::string complaint;
};

class AlteredReceiptTest : public LogCommandsTest,
                           public ::testing::WithParamInterface<Alteration> {
 protected:
  LogReceipt Read(const std::string& name) const {
    auto receipt = ParseLogReceipt(folder_.Read(name + ".tlog-proof"));
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return *receipt;
  }
  void Write(const std::string& name, const LogReceipt& receipt) const {
    folder_.Write(name + ".tlog-proof", FormatLogReceipt(receipt));
  }

  void Alter(const std::string& what) {
    LogReceipt receipt = Read("law");
    if (what == "leaf") receipt.leaf.back() ^= 1;
    if (what == "index") receipt.index -= 1;
    if (what == "proof") receipt.proof[1][0] ^= 1;
    if (what == "shorter proof") receipt.proof.pop_back();
    if (what == "checkpoint") receipt.checkpoint = Read("other").checkpoint;
    if (what == "root") {
      receipt.checkpoint =
          absl::StrReplaceAll(receipt.checkpoint, {{"log\n6\n", "log\n7\n"}});
    }
    if (what == "cosignatures") {
      const std::size_t first = receipt.checkpoint.find("— node.");
      receipt.checkpoint.resize(receipt.checkpoint.find('\n', first) + 1);
    }
    Write("law", receipt);
    if (what == "signer") {
      folder_.Write("law.signer.pem", folder_.Read("other.signer.pem"));
    }
    if (what == "payload") {
      folder_.Write("law.payload", folder_.Read("other.payload"));
    }
    if (what == "policy") {
      folder_.Write("policy.txt", absl::StrReplaceAll(
                                      folder_.Read("policy.txt"),
                                      {{"group states 2", "group states 3"}}));
    }
    if (what == "root certificate") {
      auto other = client::FakeRelay::Start({"GT", "HN"});
      folder_.Write("root.pem", (*other)->federation().root_pem());
    }
  }
};

TEST_P(AlteredReceiptTest, DoesNotVerify) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(3);
  relay_->Cosign({"GT", "HN"});
  Prove(2, "other");
  relay_->PublishMany(1);
  relay_->Cosign({"GT", "HN"});
  Prove(3, "law");
  ASSERT_EQ(Verify({"law"}).code, kExitDone);

  Alter(GetParam().name);
  const Result result = Verify({"law"});

  EXPECT_EQ(result.code, kExitVerificationFailed) << result.out;
  EXPECT_THAT(result.out, HasSubstr("✗ " + GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Parts, AlteredReceiptTest,
    ::testing::Values(
        Alteration{"leaf", "the log has"}, Alteration{"index", "the log has"},
        Alteration{"proof", "the log has"},
        Alteration{"shorter proof", "the log has"},
        Alteration{"checkpoint", "the log has"}, Alteration{"root", "the log "},
        Alteration{"cosignatures", "a quorum"},
        Alteration{"signer", "the certificate is that of HN's"},
        Alteration{"payload", "the payload"}, Alteration{"policy", "a quorum"},
        Alteration{"root certificate", "the certificate"}),
    [](const auto& info) {
      return absl::StrReplaceAll(info.param.name, {{" ", "_"}});
    });

TEST_F(LogCommandsTest, ReceiptOfAnotherLogsPolicyDoesNotVerify) {
  relay_->PublishMany(3);
  Prove(2, "law");
  auto key =
      client::NewNoteSigner("hub.gaceta.example/log", NoteKeyType::kEd25519);
  ASSERT_TRUE(key.ok());
  folder_.Write("policy.txt", absl::StrCat("log ", key->public_key().ToString(),
                                           "\nquorum none\n"));

  const Result result = Verify({"law"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_THAT(result.out, HasSubstr("✗ the log "));
}

TEST_F(LogCommandsTest, WhatIsNotAReceiptDoesNotVerify) {
  Prove(0, "first");
  folder_.Write("first.tlog-proof", "c2sp.org/tlog-proof@v1\nindex 0\n");

  const Result result = Verify({"first"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_THAT(result.out, HasSubstr("✗ the receipt and its statement"));
}

TEST_F(LogCommandsTest, MissingFileEndsWith1AndTheOthersAreCheckedStill) {
  Prove(0, "first");
  Prove(0, "second");
  std::filesystem::remove(folder_.Path("first.signer.pem"));
  std::filesystem::remove(folder_.Path("second.payload"));

  const Result result = Verify({"first", "nowhere", "second"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("first.signer.pem"));
  EXPECT_THAT(result.err, HasSubstr("nowhere.tlog-proof"));
  EXPECT_THAT(result.out, HasSubstr("second.tlog-proof  ✓"));
  EXPECT_THAT(result.out, Not(HasSubstr("payload")));
}

TEST_F(LogCommandsTest, ProveNamesItsFiles) {
  relay_->PublishMany(2);

  const Result result =
      Gaceta({"log", "prove", "1", "-o", folder_.Path("a"), "--output=json"});

  EXPECT_EQ(result.code, kExitDone) << result.err;
  EXPECT_THAT(result.out,
              StartsWith(absl::StrCat(R"({"position":1,"receipt":")",
                                      folder_.Path("a"), R"(","signer":")",
                                      folder_.Path("a.signer.pem"))));
  EXPECT_EQ(folder_.Read("a.payload"), relay_->entries()[1].payload());
}

TEST_F(LogCommandsTest, PayloadIsForItsReaderAloneAndTheRestFollowsTheUmask) {
  relay_->PublishMany(2);
  const auto mode_of = [this](const char* name) {
    return static_cast<unsigned>(
        std::filesystem::status(folder_.Path(name)).permissions());
  };
  const mode_t before = umask(0002);

  EXPECT_EQ(Gaceta({"log", "prove", "1", "-o", folder_.Path("a")}).code,
            kExitDone);
  EXPECT_EQ(Gaceta({"log", "policy", "-o", folder_.Path("policy")}).code,
            kExitDone);

  umask(before);
  EXPECT_EQ(mode_of("a.payload"), 0600U);
  EXPECT_EQ(mode_of("a"), 0664U);
  EXPECT_EQ(mode_of("a.signer.pem"), 0664U);
  EXPECT_EQ(mode_of("policy"), 0664U);
}

TEST_F(LogCommandsTest, ProveAndPolicyFailWithoutALog) {
  EXPECT_EQ(Gaceta({"log", "prove", "7"}).code, kExitFailed);
  EXPECT_EQ(Gaceta({"log", "prove", "-1"}).code, kExitUsage);
  EXPECT_EQ(Gaceta({"log", "prove"}).code, kExitUsage);
  EXPECT_EQ(Offline({"receipts", "verify", "x"}).code, kExitUsage);
}

TEST_F(LogCommandsTest, PolicyIsPrintedAsItIsInForce) {
  const std::string policy = relay_->federation()
                                 .LogPolicyItem(0, absl::Seconds(60))
                                 .log_policy()
                                 .policy();

  EXPECT_EQ(Gaceta({"log", "policy"}).out, policy);
  EXPECT_THAT(Gaceta({"log", "policy", "--output=json"}).out,
              EndsWith("\"quorumGraceSeconds\":60}\n"));
}

// --- audit, export -----------------------------------------------------------

TEST_F(LogCommandsTest, AuditSaysWhatTheLogHas) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(6);
  relay_->Cosign({"GT", "MX"}, absl::FromUnixSeconds(1'800'000'000));
  const std::string state = folder_.Path("audit");

  const Result first = Gaceta({"log", "audit", "--state", state});

  EXPECT_EQ(first.code, kExitDone) << first.err;
  EXPECT_THAT(first.out, HasSubstr("size: 8\n"));
  EXPECT_THAT(first.out, HasSubstr("checked: 8\n"));
  EXPECT_THAT(first.out, HasSubstr("publishers: GT 2, HN 2, MX 2, OAS 2\n"));
  EXPECT_THAT(first.out, HasSubstr("cosigned: 8 entries, by 2 of 3, at "
                                   "2027-01-15T08:00:00Z\n"));
  EXPECT_THAT(first.out, EndsWith("✓ the whole log verifies\n"));

  relay_->PublishMany(1);
  relay_->Cosign({"GT", "MX"});
  const Result second =
      Gaceta({"log", "audit", "--state", state, "--output=json"});

  EXPECT_EQ(second.code, kExitDone) << second.err;
  EXPECT_THAT(second.out,
              StartsWith(R"({"verified":true,"begin":8,"end":9,)"
                         R"("publishers":{"GT":3,"HN":2,"MX":2,"OAS":2})"));
}

TEST_F(LogCommandsTest, AuditOfAnAlteredLogEndsWith3) {
  relay_->PublishMany(3);
  v1::Entry entry =
      relay_->federation().Publish("HN", client::FakeUpdate("HN", 1));
  entry.mutable_payload()->back() ^= 1;
  relay_->Append(entry);

  const Result result = Gaceta({"log", "audit"});

  EXPECT_EQ(result.code, kExitVerificationFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("PAYLOAD_DIGEST_MISMATCH"));
}

TEST_F(LogCommandsTest, AuditComparesWithWhatAnyCommandHasSeen) {
  relay_->PublishMany(3);
  ASSERT_EQ(Gaceta({"log", "checkpoint"}).code, kExitDone);
  relay_->Fork(2);
  relay_->PublishMany(1);

  EXPECT_EQ(Gaceta({"log", "audit"}).code, kExitVerificationFailed);
}

TEST_F(LogCommandsTest, ExportGoesOnWhereItWas) {
  relay_->PublishMany(3);
  const std::string www = folder_.Path("www");

  EXPECT_EQ(Gaceta({"log", "export", www}).out,
            absl::StrCat("4 entries are in ", www, ", 4 of them new\n"));
  relay_->PublishMany(2);
  EXPECT_THAT(Gaceta({"log", "export", www, "--output=json"}).out,
              HasSubstr(R"("size":6,"added":2)"));
  EXPECT_THAT(folder_.Read("www/checkpoint"),
              StartsWith("hub.gaceta.example/log\n6\n"));
}

}  // namespace
}  // namespace gaceta::cli
