// `gaceta pki` as a person types it.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "cli/app.h"
#include "pki/inspect.h"
#include "pki/issue.h"
#include "tests/client/pki/openssl_program.h"

namespace gaceta::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

class PkiCommandsTest : public ::testing::Test {
 protected:
  static Result Run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    CliContext context{out, err};
    const int code = RunCli(arguments, context);
    return {code, out.str(), err.str()};
  }

  // As a person does it first: root, a CA, the certificate of a node.
  void MakeAll() {
    ASSERT_EQ(Run({"pki", "root", pki_, "--federation", "gaceta.example"}).code,
              0);
    ASSERT_EQ(Run({"pki", "ca", pki_, "hn"}).code, 0);
    ASSERT_EQ(Run({"pki", "leaf", pki_, "hn", "node"}).code, 0);
  }

  static google::protobuf::Struct Json(const std::string& text) {
    google::protobuf::Struct object;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &object).ok())
        << text;
    return object;
  }

  static std::string DaysFromNow(int days) {
    return pki::DateOf(absl::Now() + absl::Hours(24) * days);
  }

  const testing::TempFolder temp_;
  const std::string pki_ = temp_.Path("pki");
};

TEST_F(PkiCommandsTest, OpensslAcceptsWhatTheCommandsMade) {
  MakeAll();
  ASSERT_EQ(Run({"pki", "leaf", pki_, "hn", "signer", "--ed25519"}).code, 0);

  const pki::ProgramResult result = pki::RunOpenssl(
      {"verify", "-x509_strict", "-CAfile", pki_ + "/root.pem", "-untrusted",
       pki_ + "/hn/ca.pem", pki_ + "/hn/node.pem", pki_ + "/hn/signer.pem"});

  EXPECT_EQ(result.exit_code, 0) << result.text;
}

TEST_F(PkiCommandsTest, EachSaysWhatItMadeForWhomWhereAndUntilWhen) {
  const Result root =
      Run({"pki", "root", pki_, "--federation", "gaceta.example"});
  const Result ca = Run({"pki", "ca", pki_, "hn"});
  const Result leaf = Run({"pki", "leaf", pki_, "hn", "agency/migracion"});
  const Result signer = Run({"pki", "leaf", pki_, "hn", "signer"});

  EXPECT_THAT(root.out, HasSubstr("root CA of spiffe://gaceta.example"));
  EXPECT_THAT(root.out, HasSubstr(DaysFromNow(20 * 365)));
  EXPECT_THAT(ca.out, HasSubstr("URIs of hn.gaceta.example"));
  EXPECT_THAT(ca.out, HasSubstr(DaysFromNow(5 * 365)));
  EXPECT_THAT(leaf.out,
              HasSubstr("leaf of spiffe://hn.gaceta.example/agency/migracion"));
  EXPECT_THAT(leaf.out, HasSubstr(pki_ + "/hn/agency-migracion.pem"));
  EXPECT_THAT(leaf.out, HasSubstr(pki_ + "/hn/agency-migracion.key"));
  EXPECT_THAT(leaf.out, HasSubstr(DaysFromNow(365)));
  EXPECT_THAT(signer.out, HasSubstr(DaysFromNow(5 * 365)));
}

TEST_F(PkiCommandsTest, AServerHasTheHostNamesAndAddressesOfItsCa) {
  ASSERT_EQ(Run({"pki", "root", pki_, "--federation", "gaceta.example"}).code,
            0);
  const Result ca =
      Run({"pki", "ca", pki_, "hn", "--host-name", "gaceta.gob.hn",
           "--ip-address", "192.0.2.17", "--ip-address", "2001:db8::17"});
  const Result node = Run({"pki", "leaf", pki_, "hn", "node"});
  const Result agency = Run({"pki", "leaf", pki_, "hn", "agency/migracion"});

  EXPECT_THAT(ca.out, HasSubstr("DNS names of hn.gaceta.example, gaceta.gob.hn "
                                "and below\n"));
  EXPECT_THAT(ca.out, HasSubstr("IP addresses 192.0.2.17, 2001:db8::17\n"));
  EXPECT_THAT(
      node.out,
      HasSubstr("DNS names    node.hn.gaceta.example, gaceta.gob.hn\n"));
  EXPECT_THAT(node.out, HasSubstr("IP addresses 192.0.2.17, 2001:db8::17\n"));
  EXPECT_THAT(agency.out, Not(HasSubstr("IP addresses")));
  EXPECT_THAT(agency.out, Not(HasSubstr("DNS names")));

  const auto inspected =
      Run({"pki", "inspect", pki_ + "/hn/node.pem", "--output=json"}).out;
  EXPECT_THAT(inspected,
              HasSubstr(R"("ipAddresses":["192.0.2.17","2001:db8::17"])"));
  EXPECT_THAT(
      inspected,
      HasSubstr(R"("permittedIpRanges":["192.0.2.17","2001:db8::17"])"));
  EXPECT_THAT(inspected, HasSubstr(R"("constraintsAreCritical":true)"));
}

TEST_F(PkiCommandsTest, InspectSaysWhichAddressesACaMayVouchFor) {
  MakeAll();
  pki::CertificateForm form;
  form.is_ca = true;
  form.not_before = absl::Now() - absl::Hours(1);
  form.not_after = absl::Now() + absl::Hours(1);
  form.constraints =
      CaConstraints{.permitted_uri_hosts = {"gt.gaceta.example"},
                    .permitted_dns_names = {"gt.gaceta.example"}};
  const pki::CertifiedKey root = {pki::ReadText(pki_ + "/root.pem"),
                                  pki::ReadText(pki_ + "/root.key")};
  const std::string before_the_rule =
      temp_.Write("old.pem", pki::Issue(form, &root)->certificate_pem);

  EXPECT_THAT(Run({"pki", "inspect", pki_ + "/hn/ca.pem"}).out,
              HasSubstr("IP addresses none\n"));
  EXPECT_THAT(Run({"pki", "inspect", pki_ + "/hn/ca.pem", "--output=json"}).out,
              HasSubstr(R"("excludedIpRanges":["0.0.0.0/0","::/0"])"));
  EXPECT_THAT(Run({"pki", "inspect", before_the_rule}).out,
              HasSubstr("IP addresses ANY IPv4 and ANY IPv6 address; no "
                        "registry takes this CA\n"));
}

TEST_F(PkiCommandsTest, OnlyAServerGetsANameOrAddress) {
  MakeAll();

  for (const auto& [option, value] :
       {std::pair<const char*, const char*>{"--dns", "node.hn.gaceta.example"},
        {"--ip", "192.0.2.17"}}) {
    const Result leaf =
        Run({"pki", "leaf", pki_, "hn", "subscriber/monitor", option, value});

    EXPECT_EQ(leaf.code, 2) << option;
    EXPECT_THAT(leaf.err, HasSubstr("subscriber/monitor has none")) << option;
    EXPECT_FALSE(std::filesystem::exists(pki_ + "/hn/subscriber-monitor.key"));
  }
}

TEST_F(PkiCommandsTest, DaysSaysForHowLong) {
  MakeAll();

  const Result leaf =
      Run({"pki", "leaf", pki_, "hn", "subscriber/monitor", "--days", "30"});

  EXPECT_THAT(leaf.out, HasSubstr(DaysFromNow(30)));
}

TEST_F(PkiCommandsTest, JsonHasTheFilesAndTheKeyId) {
  MakeAll();

  const Result result =
      Run({"pki", "leaf", pki_, "hn", "admin/ana", "--output=json"});

  const auto fields = Json(result.out).fields();
  const std::string file = fields.at("certificateFile").string_value();
  EXPECT_EQ(file, pki_ + "/hn/admin-ana.pem");
  EXPECT_EQ(fields.at("keyFile").string_value(), pki_ + "/hn/admin-ana.key");
  EXPECT_EQ(fields.at("uris").list_value().values(0).string_value(),
            "spiffe://hn.gaceta.example/admin/ana");
  EXPECT_EQ(fields.at("keyId").string_value().size(), 64U);
}

TEST_F(PkiCommandsTest, AKeyIsNeverShown) {
  MakeAll();

  const Result made = Run({"pki", "leaf", pki_, "hn", "signer"});
  const Result inspected = Run({"pki", "inspect", pki_ + "/hn/signer.key"});

  EXPECT_EQ(inspected.code, 0);
  EXPECT_THAT(inspected.out, HasSubstr("private key"));
  for (const std::string& text :
       {made.out, made.err, inspected.out, inspected.err}) {
    EXPECT_THAT(text, Not(HasSubstr("BEGIN")));
  }
}

TEST_F(PkiCommandsTest, MakingTwiceFailsAndKeepsTheFirst) {
  MakeAll();
  const std::string key = pki::ReadText(pki_ + "/hn/node.key");

  const Result again = Run({"pki", "leaf", pki_, "hn", "node"});

  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("never overwritten"));
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(pki::ReadText(pki_ + "/hn/node.key"), key);
}

TEST_F(PkiCommandsTest, WrongUsageEndsWithCode2AndMakesNothing) {
  MakeAll();

  EXPECT_EQ(Run({"pki"}).code, 2);
  EXPECT_EQ(Run({"pki", "root", pki_}).code, 2);
  EXPECT_EQ(Run({"pki", "leaf", pki_, "hn", "hub"}).code, 2);
  EXPECT_EQ(Run({"pki", "leaf", pki_, "hn", "nodes"}).code, 2);
  EXPECT_EQ(Run({"pki", "leaf", pki_, "hn", "agency/x", "--ed25519"}).code, 2);
  EXPECT_EQ(Run({"pki", "leaf", pki_, "hn", "agency/x", "--days", "0"}).code,
            2);
  EXPECT_FALSE(std::filesystem::exists(pki_ + "/hn/agency-x.key"));
}

TEST_F(PkiCommandsTest, WithoutTheIssuerItSaysWhatComesFirst) {
  const Result ca = Run({"pki", "ca", pki_, "hn"});
  const Result leaf = Run({"pki", "leaf", pki_, "hn", "node"});

  EXPECT_EQ(ca.code, 1);
  EXPECT_THAT(ca.err, HasSubstr("gaceta pki root " + pki_));
  EXPECT_EQ(leaf.code, 1);
  EXPECT_THAT(leaf.err, HasSubstr("gaceta pki ca " + pki_ + " hn"));
}

TEST_F(PkiCommandsTest, InspectShowsWhatWasMadeAndThatItHolds) {
  MakeAll();

  const Result result = Run(
      {"pki", "inspect", pki_ + "/hn/node.pem", "--root", pki_ + "/root.pem"});

  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("spiffe://hn.gaceta.example/node"));
  EXPECT_THAT(result.out, HasSubstr("node: publishes for its state"));
  EXPECT_THAT(result.out, HasSubstr("ECDSA P-256"));
  EXPECT_THAT(result.out, HasSubstr("URIs of hn.gaceta.example"));
  EXPECT_THAT(result.out, HasSubstr("holds under " + pki_ + "/root.pem"));
}

TEST_F(PkiCommandsTest, InspectEndsWithCode3UnderAnotherRoot) {
  MakeAll();
  const std::string other = temp_.Path("other");
  ASSERT_EQ(Run({"pki", "root", other, "--federation", "gaceta.example"}).code,
            0);

  const Result result =
      Run({"pki", "inspect", pki_ + "/hn/node.pem", pki_ + "/root.pem",
           "--root", other + "/root.pem"});

  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.out, HasSubstr("DOES NOT HOLD"));
  EXPECT_THAT(result.out, HasSubstr(pki_ + "/root.pem"));
}

TEST_F(PkiCommandsTest, InspectSeesWhatHasExpired) {
  pki::CertificateForm form;
  form.uris = {"spiffe://hn.gaceta.example/node"};
  form.not_before = absl::Now() - absl::Hours(48);
  form.not_after = absl::Now() - absl::Hours(24);
  const std::string file =
      temp_.Write("old.pem", pki::Issue(form, nullptr)->certificate_pem);

  EXPECT_THAT(Run({"pki", "inspect", file}).out, HasSubstr("EXPIRED"));
  const auto object = Json(Run({"pki", "inspect", file, "--output=json"}).out);
  EXPECT_TRUE(object.fields()
                  .at("certificates")
                  .list_value()
                  .values(0)
                  .struct_value()
                  .fields()
                  .at("expired")
                  .bool_value());
}

TEST_F(PkiCommandsTest, InspectJsonSaysWhetherTheChainHolds) {
  MakeAll();

  const Result result = Run({"pki", "inspect", pki_ + "/hn/node.pem", "--root",
                             pki_ + "/root.pem", "--output=json"});

  const auto fields = Json(result.out).fields();
  EXPECT_TRUE(fields.at("chainHolds").bool_value());
  EXPECT_EQ(fields.at("certificates").list_value().values_size(), 2);
}

TEST_F(PkiCommandsTest, InspectRefusesWhatIsNoCertificate) {
  const std::string file = temp_.Write("text.pem", "nothing of the kind");

  const Result result = Run({"pki", "inspect", file});

  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr(file));
}

}  // namespace
}  // namespace gaceta::cli
