// Certificates are what the design says, by the word of the `openssl` program.
#include "pki/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "pki/inspect.h"
#include "pki/issue.h"
#include "tests/client/pki/openssl_program.h"
#include "verify/ca_constraints.h"
#include "verify/keys.h"
#include "verify/openssl_ptr.h"

namespace gaceta::pki {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr absl::Duration kYear = absl::Hours(24 * 365);

SpiffeId Id(absl::string_view uri) { return *SpiffeId::Parse(uri); }

class PkiTest : public ::testing::Test {
 protected:
  PkiTest()
      : now_(absl::Now()),
        root_(*MakeRoot("gaceta.example", now_ - absl::Hours(2), 20 * kYear)),
        hn_(*MakeCa(root_, "hn.gaceta.example", now_ - absl::Hours(2),
                    5 * kYear)),
        gt_(*MakeCa(
            root_, "gt.gaceta.example", now_ - absl::Hours(2), 5 * kYear,
            {{"gaceta.migracion.gob.gt"}, {"192.0.2.17", "2001:db8::17"}})) {}

  LeafOptions ForAYear() const {
    LeafOptions options;
    options.not_before = now_ - absl::Hours(1);
    options.validity = kYear;
    return options;
  }

  CertifiedKey Node() const {
    return *MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/node"), ForAYear());
  }

  // The node of a member that has a host name and two addresses.
  absl::StatusOr<CertifiedKey> NodeOfGuatemala(
      const LeafOptions& options) const {
    return MakeLeaf(gt_, Id("spiffe://gt.gaceta.example/node"), options);
  }

  // A leaf that only a wrong program would ask for.
  CertificateForm LeafForm(std::vector<std::string> uris,
                           std::vector<std::string> dns_names = {}) const {
    CertificateForm form;
    form.common_name = "forged";
    form.uris = std::move(uris);
    form.dns_names = std::move(dns_names);
    form.not_before = now_ - absl::Hours(1);
    form.not_after = now_ + kYear;
    return form;
  }

  // What `openssl verify` says of a leaf under a CA and the root.
  ProgramResult OpensslVerify(const std::string& leaf_pem,
                              const std::string& ca_pem,
                              std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments = {
        "verify",     "-x509_strict",
        "-CAfile",    folder_.Write("root.pem", root_.certificate_pem),
        "-untrusted", folder_.Write("ca.pem", ca_pem)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(folder_.Write("leaf.pem", leaf_pem));
    return RunOpenssl(arguments);
  }

  // A certificate in the words of `openssl x509`, blanks made one.
  std::string OpensslText(const std::string& pem) const {
    const ProgramResult result = RunOpenssl(
        {"x509", "-noout", "-text", "-in", folder_.Write("text.pem", pem)});
    return absl::StrJoin(
        absl::StrSplit(result.text, absl::ByAnyChar(" \n"), absl::SkipEmpty()),
        " ");
  }

  const absl::Time now_;
  const CertifiedKey root_;
  // Has no host names and no addresses.
  const CertifiedKey hn_;
  const CertifiedKey gt_;
  const testing::TempFolder folder_;
};

TEST_F(PkiTest, OpensslAcceptsTheChainOfALeafForBothSidesOfTls) {
  for (const char* purpose : {"sslserver", "sslclient"}) {
    const ProgramResult result = OpensslVerify(
        Node().certificate_pem, hn_.certificate_pem, {"-purpose", purpose});

    EXPECT_EQ(result.exit_code, 0) << result.text;
    EXPECT_THAT(result.text, HasSubstr("leaf.pem: OK"));
  }
}

TEST_F(PkiTest, ALeafIsFollowedByItsCa) {
  EXPECT_THAT(Node().certificate_pem, EndsWith(hn_.certificate_pem));
  EXPECT_EQ(ReadCertificates(Node().certificate_pem)->size(), 2U);
}

TEST_F(PkiTest, ALeafHasTheFormOfAnX509Svid) {
  LeafOptions options = ForAYear();
  options.dns_names = {"hn.gaceta.example"};

  const std::string text =
      OpensslText(MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/node"), options)
                      ->certificate_pem);

  EXPECT_THAT(text, HasSubstr("Basic Constraints: critical CA:FALSE"));
  EXPECT_THAT(text, HasSubstr("Key Usage: critical Digital Signature X509v3"));
  EXPECT_THAT(text, HasSubstr("TLS Web Server Authentication, TLS Web Client "
                              "Authentication"));
  EXPECT_THAT(text, HasSubstr("X509v3 Subject Key Identifier:"));
  EXPECT_THAT(text, HasSubstr("X509v3 Authority Key Identifier:"));
  EXPECT_THAT(text, HasSubstr("URI:spiffe://hn.gaceta.example/node, "
                              "DNS:node.hn.gaceta.example, "
                              "DNS:hn.gaceta.example Signature"));
  EXPECT_THAT(text, HasSubstr("NIST CURVE: P-256"));
}

TEST_F(PkiTest, TheCaOfAMemberIsKeptToItsNamesAndSignsNoOtherCa) {
  const std::string text = OpensslText(hn_.certificate_pem);

  EXPECT_THAT(text,
              HasSubstr("Basic Constraints: critical CA:TRUE, pathlen:0"));
  EXPECT_THAT(text,
              HasSubstr("Key Usage: critical Certificate Sign, CRL Sign"));
  EXPECT_THAT(text, HasSubstr("Name Constraints: critical"));
  EXPECT_THAT(text,
              HasSubstr("Permitted: URI:hn.gaceta.example "
                        "DNS:hn.gaceta.example "
                        "Excluded: IP:0.0.0.0/0.0.0.0 IP:0:0:0:0:0:0:0:0/"));
}

TEST_F(PkiTest, ACaIsKeptToTheHostNamesAndAddressesOfItsMember) {
  const CertificateFacts facts = ReadCertificates(gt_.certificate_pem)->front();

  ASSERT_TRUE(facts.constraints.has_value());
  EXPECT_EQ(
      *facts.constraints,
      (CaConstraints{.critical = true,
                     .permitted_uri_hosts = {"gt.gaceta.example"},
                     .permitted_dns_names = {"gt.gaceta.example",
                                             "gaceta.migracion.gob.gt"},
                     .permitted_ip_ranges = {"192.0.2.17", "2001:db8::17"}}));
}

TEST_F(PkiTest, AFamilyOfAddressesThatAMemberDoesNotHaveIsExcluded) {
  const auto excluded_with = [this](std::vector<std::string> addresses) {
    const CertifiedKey ca = *MakeCa(root_, "mx.gaceta.example", now_, kYear,
                                    {{}, std::move(addresses)});
    return ReadCertificates(ca.certificate_pem)
        ->front()
        .constraints->excluded_ip_ranges;
  };

  EXPECT_THAT(excluded_with({}), ElementsAre("0.0.0.0/0", "::/0"));
  EXPECT_THAT(excluded_with({"192.0.2.17"}), ElementsAre("::/0"));
  EXPECT_THAT(excluded_with({"2001:db8::17"}), ElementsAre("0.0.0.0/0"));
}

TEST_F(PkiTest, HostNamesAndAddressesThatNoMemberMayHaveMakeNoCa) {
  const std::vector<std::string> host_names = {
      "gaceta.example", "node.hn.gaceta.example",
      "example",        "localhost",
      "GACETA.gob.hn",  "*.gob.hn",
      ".gob.hn",        "gob..hn",
      "192.0.2.17",     ""};
  for (const std::string& name : host_names) {
    const absl::Status status =
        MakeCa(root_, "hn.gaceta.example", now_, kYear, {{name}, {}}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("host name \""));
  }
  for (const char* address :
       {"192.0.2.0/24", "192.0.2.017", "::ffff:192.0.2.17", "0.0.0.0",
        "::", "2001:DB8::17", "fe80::1%eth0", "gob.hn", ""}) {
    const absl::Status status =
        MakeCa(root_, "hn.gaceta.example", now_, kYear, {{}, {address}})
            .status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr("IP address \""));
  }
  EXPECT_TRUE(
      absl::IsInvalidArgument(MakeCa(root_, "hn.gaceta.example", now_, kYear,
                                     {{"a.gob.hn", "a.gob.hn"}, {}})
                                  .status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeCa(root_, "hn.gaceta.example", now_, kYear,
             {std::vector<std::string>(17, "a.gob.hn"), {}})
          .status()));
}

TEST_F(PkiTest, AServerHasItsNameAndAllThatItsCaIsGiven) {
  const CertifiedKey node = *NodeOfGuatemala(ForAYear());

  const CertificateFacts facts =
      ReadCertificates(node.certificate_pem)->front();
  EXPECT_THAT(facts.dns_names,
              ElementsAre("node.gt.gaceta.example", "gaceta.migracion.gob.gt"));
  EXPECT_THAT(facts.ip_addresses, ElementsAre("192.0.2.17", "2001:db8::17"));
  const ProgramResult result =
      OpensslVerify(node.certificate_pem, gt_.certificate_pem,
                    {"-verify_ip", "2001:db8::17"});
  EXPECT_EQ(result.exit_code, 0) << result.text;
}

TEST_F(PkiTest, TheNamesOfAServerMayBeChosenFromThoseOfItsCa) {
  LeafOptions options = ForAYear();
  options.dns_names = {"b.gaceta.migracion.gob.gt"};
  options.ip_addresses = {"2001:db8::17"};

  const CertificateFacts facts =
      ReadCertificates(NodeOfGuatemala(options)->certificate_pem)->front();

  EXPECT_THAT(facts.dns_names, ElementsAre("node.gt.gaceta.example",
                                           "b.gaceta.migracion.gob.gt"));
  EXPECT_THAT(facts.ip_addresses, ElementsAre("2001:db8::17"));

  options.ip_addresses = {"192.0.2.18"};
  const absl::Status status = NodeOfGuatemala(options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("192.0.2.18 is none that the CA is kept to: "
                        "192.0.2.17, 2001:db8::17"));
}

TEST_F(PkiTest, WhoIsNoServerHasNoNameOfOne) {
  for (const char* path : {"subscriber/monitor", "agency/migracion",
                           "admin/ana", "signer", "hub"}) {
    const SpiffeId id = Id(absl::StrCat("spiffe://gt.gaceta.example/", path));

    const CertifiedKey leaf = *MakeLeaf(gt_, id, ForAYear());
    LeafOptions dns = ForAYear();
    dns.dns_names = {"node.gt.gaceta.example"};
    LeafOptions ip = ForAYear();
    ip.ip_addresses = {"192.0.2.17"};

    const CertificateFacts facts =
        ReadCertificates(leaf.certificate_pem)->front();
    EXPECT_THAT(facts.dns_names, ElementsAre()) << path;
    EXPECT_THAT(facts.ip_addresses, ElementsAre()) << path;
    EXPECT_TRUE(absl::IsInvalidArgument(MakeLeaf(gt_, id, dns).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(MakeLeaf(gt_, id, ip).status()));
  }
}

TEST_F(PkiTest, OpensslRefusesAnAddressThatTheMemberDoesNotHave) {
  const auto verify = [this](const CertifiedKey& ca, const std::string& domain,
                             const std::string& address) {
    CertificateForm form =
        LeafForm({absl::StrCat("spiffe://", domain, "/subscriber/monitor")});
    form.ip_addresses = {address};
    const CertifiedKey leaf = *Issue(form, &ca);
    const absl::Status chain = CheckChain(
        leaf.certificate_pem + ca.certificate_pem, root_.certificate_pem, now_);
    const ProgramResult result =
        OpensslVerify(leaf.certificate_pem, ca.certificate_pem);
    EXPECT_EQ(result.exit_code == 0, chain.ok()) << result.text << chain;
    return result.exit_code == 0 ? "good" : result.text;
  };

  EXPECT_THAT(verify(hn_, "hn.gaceta.example", "192.0.2.17"),
              HasSubstr("excluded subtree violation"));
  EXPECT_THAT(verify(hn_, "hn.gaceta.example", "2001:db8::17"),
              HasSubstr("excluded subtree violation"));
  EXPECT_THAT(verify(gt_, "gt.gaceta.example", "192.0.2.18"),
              HasSubstr("permitted subtree violation"));
  EXPECT_EQ(verify(gt_, "gt.gaceta.example", "192.0.2.17"), "good");
}

TEST_F(PkiTest, ACaOfBeforeTheRuleGoesOnToSignLeaves) {
  CertificateForm form = LeafForm({"spiffe://hn.gaceta.example"});
  form.is_ca = true;
  form.constraints =
      CaConstraints{.permitted_uri_hosts = {"hn.gaceta.example"},
                    .permitted_dns_names = {"hn.gaceta.example"}};
  const CertifiedKey old = *Issue(form, &root_);

  const CertifiedKey node =
      *MakeLeaf(old, Id("spiffe://hn.gaceta.example/node"), ForAYear());
  LeafOptions with_address = ForAYear();
  with_address.ip_addresses = {"192.0.2.17"};

  const CertificateFacts facts =
      ReadCertificates(node.certificate_pem)->front();
  EXPECT_THAT(facts.dns_names, ElementsAre("node.hn.gaceta.example"));
  EXPECT_THAT(facts.ip_addresses, ElementsAre());
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeLeaf(old, Id("spiffe://hn.gaceta.example/node"), with_address)
          .status()));
}

TEST_F(PkiTest, TheRootSignsMemberCasOnly) {
  EXPECT_THAT(OpensslText(root_.certificate_pem),
              HasSubstr("Basic Constraints: critical CA:TRUE, pathlen:1"));
}

TEST_F(PkiTest, OpensslRefusesWhatHondurasSignsForOthers) {
  const std::string good = "spiffe://hn.gaceta.example/node";
  const std::vector<CertificateForm> forms = {
      LeafForm({"spiffe://gt.gaceta.example/node"}),
      LeafForm({"spiffe://secretariat.gaceta.example/hub"}),
      // The constraint is on this very host, not on those below it.
      LeafForm({"spiffe://x.hn.gaceta.example/node"}),
      LeafForm({"spiffe://hn.gaceta.example.evil/node"}),
      LeafForm({"spiffe://hn.gaceta.example@gt.gaceta.example/node"}),
      LeafForm({good, "spiffe://gt.gaceta.example/node"}),
      LeafForm({good}, {"node.gt.gaceta.example"}),
      LeafForm({good}, {"hub.secretariat.gaceta.example"}),
      LeafForm({good}, {"xhn.gaceta.example"}),
      LeafForm({good}, {"gaceta.example"}),
  };
  for (const CertificateForm& form : forms) {
    const std::string leaf = Issue(form, &hn_)->certificate_pem;

    const ProgramResult result = OpensslVerify(leaf, hn_.certificate_pem);

    const std::string names = OpensslText(leaf);
    EXPECT_NE(result.exit_code, 0) << names;
    EXPECT_THAT(result.text, HasSubstr("permitted subtree violation")) << names;
    EXPECT_THAT(std::string(CheckChain(leaf + hn_.certificate_pem,
                                       root_.certificate_pem, now_)
                                .message()),
                HasSubstr("permitted subtree violation"))
        << names;
  }
}

TEST_F(PkiTest, OpensslRefusesACaThatAMemberMade) {
  CertificateForm form = LeafForm({});
  form.is_ca = true;
  form.constraints = MemberCaConstraints("hn.gaceta.example", {}, {});
  const CertifiedKey below = *Issue(form, &hn_);
  const CertifiedKey leaf =
      *Issue(LeafForm({"spiffe://hn.gaceta.example/node"}), &below);

  const ProgramResult result = OpensslVerify(
      leaf.certificate_pem, below.certificate_pem + hn_.certificate_pem);

  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.text, HasSubstr("path length constraint exceeded"));
}

TEST_F(PkiTest, OpensslRefusesWhatALeafSigned) {
  const CertifiedKey node = Node();
  const CertifiedKey leaf =
      *Issue(LeafForm({"spiffe://hn.gaceta.example/node"}), &node);

  const ProgramResult result =
      OpensslVerify(leaf.certificate_pem, node.certificate_pem);

  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.text, HasSubstr("invalid CA certificate"));
}

TEST_F(PkiTest, ALeafOfAnotherTrustDomainIsNotMade) {
  for (const char* uri : {"spiffe://gt.gaceta.example/node",
                          "spiffe://secretariat.gaceta.example/hub",
                          "spiffe://x.hn.gaceta.example/node"}) {
    auto leaf = MakeLeaf(hn_, Id(uri), ForAYear());

    EXPECT_TRUE(absl::IsFailedPrecondition(leaf.status())) << leaf.status();
    EXPECT_THAT(std::string(leaf.status().message()), HasSubstr(uri));
  }
}

TEST_F(PkiTest, ADnsNameOutsideOfTheTrustDomainIsNotMade) {
  for (const char* dns :
       {"node.gt.gaceta.example", "localhost", "xhn.gaceta.example",
        "gaceta.example", "*.hn.gaceta.example", "a..hn.gaceta.example",
        "NODE.hn.gaceta.example", "node.hn.gaceta.example,DNS:evil", ""}) {
    LeafOptions options = ForAYear();
    options.dns_names = {dns};

    auto leaf = MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/node"), options);

    EXPECT_TRUE(absl::IsInvalidArgument(leaf.status())) << dns;
  }
}

TEST_F(PkiTest, ACaOutsideOfTheFederationIsNotMade) {
  for (const char* domain :
       {"hn.other.example", "gaceta.example", "a.hn.gaceta.example",
        ".gaceta.example", "HN.gaceta.example", "h_n.gaceta.example",
        "-hn.gaceta.example", "hngaceta.example", ""}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(MakeCa(root_, domain, now_, kYear).status()))
        << domain;
  }
}

TEST_F(PkiTest, OnlyARootSignsACaAndOnlyACaALeaf) {
  const SpiffeId id = Id("spiffe://hn.gaceta.example/node");

  EXPECT_TRUE(absl::IsFailedPrecondition(
      MakeCa(hn_, "gt.gaceta.example", now_, kYear).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      MakeCa(Node(), "gt.gaceta.example", now_, kYear).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(MakeLeaf(root_, id, ForAYear()).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(MakeLeaf(Node(), id, ForAYear()).status()));
}

TEST_F(PkiTest, TheKeyMustBeTheOneOfTheIssuersCertificate) {
  const CertifiedKey mixed = {hn_.certificate_pem, root_.key_pem};

  auto leaf =
      MakeLeaf(mixed, Id("spiffe://hn.gaceta.example/node"), ForAYear());

  EXPECT_TRUE(absl::IsFailedPrecondition(leaf.status())) << leaf.status();
}

TEST_F(PkiTest, TextThatIsNoPemIsRefused) {
  const SpiffeId id = Id("spiffe://hn.gaceta.example/node");

  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeLeaf({"nothing", hn_.key_pem}, id, ForAYear()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeLeaf({hn_.certificate_pem, "nothing"}, id, ForAYear()).status()));
}

TEST_F(PkiTest, NothingOutlivesItsIssuer) {
  const CertifiedKey root =
      *MakeRoot("gaceta.example", now_ - absl::Hours(1), 2 * kYear);
  const CertifiedKey ca =
      *MakeCa(root, "hn.gaceta.example", now_ - absl::Hours(2), 5 * kYear);
  LeafOptions options = ForAYear();
  options.not_before = now_ - 3 * kYear;
  options.validity = 30 * kYear;
  const CertifiedKey leaf =
      *MakeLeaf(ca, Id("spiffe://hn.gaceta.example/node"), options);

  const CertificateFacts of_root =
      ReadCertificates(root.certificate_pem)->at(0);
  const CertificateFacts of_ca = ReadCertificates(ca.certificate_pem)->at(0);
  const CertificateFacts of_leaf =
      ReadCertificates(leaf.certificate_pem)->at(0);
  EXPECT_EQ(of_ca.not_before, of_root.not_before);
  EXPECT_EQ(of_ca.not_after, of_root.not_after);
  EXPECT_EQ(of_leaf.not_before, of_ca.not_before);
  EXPECT_EQ(of_leaf.not_after, of_ca.not_after);
}

TEST_F(PkiTest, ACaThatHasEndedSignsNothing) {
  LeafOptions options = ForAYear();
  options.not_before = now_ + 6 * kYear;

  auto leaf = MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/node"), options);

  EXPECT_TRUE(absl::IsFailedPrecondition(leaf.status())) << leaf.status();
}

TEST_F(PkiTest, TimesThatNoCertificateCanHoldAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeRoot("gaceta.example", now_, absl::ZeroDuration()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeRoot("gaceta.example", now_, absl::InfiniteDuration()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      MakeRoot("gaceta.example", absl::InfinitePast(), kYear).status()));
}

TEST_F(PkiTest, AnExpiredLeafDoesNotHold) {
  const std::string leaf = Node().certificate_pem;
  const absl::Time later = now_ + 2 * kYear;

  const ProgramResult result =
      OpensslVerify(leaf, hn_.certificate_pem,
                    {"-attime", absl::StrCat(absl::ToUnixSeconds(later))});

  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.text, HasSubstr("certificate has expired"));
  EXPECT_THAT(
      std::string(CheckChain(leaf, root_.certificate_pem, later).message()),
      HasSubstr("certificate has expired"));
  EXPECT_TRUE(CheckChain(leaf, root_.certificate_pem, now_).ok());
}

TEST_F(PkiTest, YearsAfter2049AreWrittenAndRead) {
  const CertifiedKey root = *MakeRoot("gaceta.example", now_, 100 * kYear);

  EXPECT_EQ(ReadCertificates(root.certificate_pem)->at(0).not_after,
            absl::FromUnixSeconds(absl::ToUnixSeconds(now_ + 100 * kYear)));
}

TEST_F(PkiTest, SerialNumbersAreRandomAndOf128Bits) {
  std::set<std::string> serials;
  for (int i = 0; i < 16; ++i) {
    const CertificateFacts facts =
        ReadCertificates(Node().certificate_pem)->at(0);
    EXPECT_LE(facts.serial.size(), 32U);
    serials.insert(facts.serial);
  }

  EXPECT_EQ(serials.size(), 16U);
  // One of 16 is shorter than 12 bytes once in 2^28 runs.
  for (const std::string& serial : serials) EXPECT_GE(serial.size(), 24U);
}

TEST_F(PkiTest, LongNamesAreWholeInTheSpiffeIdAndCutInTheSubject) {
  const SpiffeId id = Id(absl::StrCat("spiffe://hn.gaceta.example/agency/",
                                      std::string(200, 'a')));

  const CertifiedKey leaf = *MakeLeaf(hn_, id, ForAYear());

  EXPECT_THAT(ReadCertificates(leaf.certificate_pem)->at(0).uris,
              ElementsAre(id.ToString()));
  EXPECT_EQ(OpensslVerify(leaf.certificate_pem, hn_.certificate_pem).exit_code,
            0);
}

class SignerTest : public PkiTest,
                   public ::testing::WithParamInterface<bool> {};

TEST_P(SignerTest, TheKeyOfASignerSignsWhatItsCertificateVerifies) {
  LeafOptions options = ForAYear();
  options.ed25519 = GetParam();
  const CertifiedKey leaf =
      *MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/signer"), options);

  auto key = SigningKey::FromPem(leaf.key_pem);
  ASSERT_TRUE(key.ok()) << key.status();
  auto public_key = PublicKey::FromCertificateDer(
      X509ToDer(X509sFromPem(leaf.certificate_pem)[0].get()));
  ASSERT_TRUE(public_key.ok()) << public_key.status();

  const std::string signature = *key->Sign("Decreto 12-2026");
  EXPECT_TRUE(public_key->Verify("Decreto 12-2026", signature).ok());
  EXPECT_FALSE(public_key->Verify("Decreto 13-2026", signature).ok());
  EXPECT_EQ(ReadCertificates(leaf.certificate_pem)->at(0).key_id,
            public_key->key_id());
}

TEST_P(SignerTest, OpensslAcceptsTheChainOfASigner) {
  LeafOptions options = ForAYear();
  options.ed25519 = GetParam();
  const CertifiedKey leaf =
      *MakeLeaf(hn_, Id("spiffe://hn.gaceta.example/signer"), options);

  EXPECT_EQ(OpensslVerify(leaf.certificate_pem, hn_.certificate_pem).exit_code,
            0);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, SignerTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Ed25519" : "EcdsaP256";
                         });

}  // namespace
}  // namespace gaceta::pki
