#include "verify/federation.h"

#include <functional>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pki/issue.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using testing::DerOf;
using ::testing::ElementsAre;
using testing::IdOf;
using testing::TestFederation;
using testing::TestTime;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(status)) {
    fields.push_back(violation.field);
  }
  return fields;
}

struct BrokenItem {
  std::string name;
  // Makes the item that is put after those of FirstChange().
  std::function<v1::RegistryItem()> make;
  std::string field;
};

void PrintTo(const BrokenItem& one, std::ostream* out) { *out << one.name; }

class BrokenItemTest : public ::testing::TestWithParam<BrokenItem> {};

TEST_P(BrokenItemTest, IsRefusedForThatFieldAndChangesNothing) {
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  *change.add_items() = testing::TopicItem("health");
  *change.add_items() = GetParam().make();

  const absl::Status status = federation.Apply(change, 1);

  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  EXPECT_THAT(FieldsOf(status), ElementsAre("items[1]." + GetParam().field));
  EXPECT_FALSE(federation.HasTopic("health"));
}

v1::RegistryItem Erasure(const std::function<void(v1::Erasure&)>& change) {
  v1::RegistryItem item;
  item.mutable_erasure()->set_position(0);
  item.mutable_erasure()->set_ground("order");
  change(*item.mutable_erasure());
  return item;
}

v1::RegistryItem Member(const std::string& id,
                        const std::function<void(v1::Member&)>& change) {
  v1::RegistryItem item = TheFederation().MemberItem(id);
  change(*item.mutable_member());
  return item;
}

v1::RegistryItem Corridor(const std::function<void(v1::Corridor&)>& change) {
  v1::RegistryItem item;
  const v1::RegistryChange first = TheFederation().FirstChange();
  for (const v1::RegistryItem& one : first.items()) {
    if (one.has_corridor()) item = one;
  }
  change(*item.mutable_corridor());
  return item;
}

v1::RegistryItem Signer(const std::function<void(v1::SignerKey&)>& change) {
  v1::RegistryItem item = TheFederation().SignerItem("HN");
  change(*item.mutable_signer_key());
  return item;
}

v1::RegistryItem Revocation(const std::string& key_id,
                            const std::string& ground) {
  v1::RegistryItem item;
  item.mutable_signer_key_revocation()->set_key_id(key_id);
  item.mutable_signer_key_revocation()->set_ground(ground);
  return item;
}

std::string KeyIdOf(const std::string& id) {
  return TheFederation().SignerKeyOf(id).public_key().key_id();
}

// A leaf of Honduras's CA of any form.
std::string LeafOfHonduras(
    const std::function<void(pki::CertificateForm&)>& change) {
  pki::CertificateForm form;
  form.uris = {"spiffe://hn.gaceta.example/signer"};
  form.not_before = TestTime();
  form.not_after = TestTime() + absl::Hours(24);
  change(form);
  auto leaf = pki::Issue(form, &TheFederation().CaOf("HN"));
  EXPECT_TRUE(leaf.ok()) << leaf.status();
  return DerOf(leaf->certificate_pem);
}

INSTANTIATE_TEST_SUITE_P(
    Members, BrokenItemTest,
    ::testing::Values(
        BrokenItem{"IdOfAnotherKind",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.set_kind(v1::Member::KIND_OBSERVER);
                     });
                   },
                   "member.id"},
        BrokenItem{"NoKind",
                   [] { return Member("HN", [](auto& m) { m.clear_kind(); }); },
                   "member.id"},
        BrokenItem{
            "NoStatus",
            [] { return Member("HN", [](auto& m) { m.clear_status(); }); },
            "member.status"},
        BrokenItem{"TrustDomainOutside",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.set_trust_domain("hn.other.example");
                     });
                   },
                   "member.trust_domain"},
        BrokenItem{"TrustDomainOfTwoLabels",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.set_trust_domain("a.hn.gaceta.example");
                     });
                   },
                   "member.trust_domain"},
        BrokenItem{"TrustDomainInUpperCase",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.set_trust_domain("HN.gaceta.example");
                     });
                   },
                   "member.trust_domain"},
        BrokenItem{"TrustDomainOfAnotherMember",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.set_trust_domain("gt.gaceta.example");
                     });
                   },
                   "member.trust_domain"},
        BrokenItem{
            "NoNames",
            [] { return Member("HN", [](auto& m) { m.clear_names(); }); },
            "member.names"},
        BrokenItem{"NoCa",
                   [] {
                     return Member("HN",
                                   [](auto& m) { m.clear_ca_certificates(); });
                   },
                   "member.ca_certificates"},
        BrokenItem{"CaThatDoesNotParse",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.add_ca_certificates("no certificate");
                     });
                   },
                   "member.ca_certificates"},
        BrokenItem{"CaOfAnotherRoot",
                   [] {
                     static const auto* other = new TestFederation({"HN"});
                     return Member("HN", [](auto& m) {
                       m.add_ca_certificates(
                           DerOf(other->CaOf("HN").certificate_pem));
                     });
                   },
                   "member.ca_certificates"},
        BrokenItem{"CaThatIsALeaf",
                   [] {
                     return Member("HN", [](auto& m) {
                       m.add_ca_certificates(LeafOfHonduras([](auto&) {}));
                     });
                   },
                   "member.ca_certificates"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Signers, BrokenItemTest,
    ::testing::Values(
        BrokenItem{
            "OfNoMember",
            [] { return Signer([](auto& s) { s.set_publisher("CL"); }); },
            "signer_key.publisher"},
        BrokenItem{
            "OfAnotherMember",
            [] { return Signer([](auto& s) { s.set_publisher("GT"); }); },
            "signer_key.certificate"},
        BrokenItem{"WithoutItsIssuer",
                   [] { return Signer([](auto& s) { s.clear_issuer(); }); },
                   "signer_key.certificate"},
        BrokenItem{"UnderAnotherIssuer",
                   [] {
                     return Signer([](auto& s) {
                       s.set_issuer(
                           DerOf(TheFederation().CaOf("GT").certificate_pem));
                     });
                   },
                   "signer_key.certificate"},
        BrokenItem{"ThatIsANode",
                   [] {
                     return Signer([](auto& s) {
                       s.set_certificate(LeafOfHonduras([](auto& form) {
                         form.uris = {"spiffe://hn.gaceta.example/node"};
                       }));
                     });
                   },
                   "signer_key.certificate"},
        BrokenItem{"WithTwoNames",
                   [] {
                     return Signer([](auto& s) {
                       s.set_certificate(LeafOfHonduras([](auto& form) {
                         form.uris.push_back("spiffe://hn.gaceta.example/x");
                       }));
                     });
                   },
                   "signer_key.certificate"},
        BrokenItem{"ThatIsACa",
                   [] {
                     return Signer([](auto& s) {
                       s.set_certificate(LeafOfHonduras(
                           [](auto& form) { form.is_ca = true; }));
                     });
                   },
                   "signer_key.certificate"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Others, BrokenItemTest,
    ::testing::Values(
        BrokenItem{"CorridorWithoutId",
                   [] { return Corridor([](auto& c) { c.clear_id(); }); },
                   "corridor.id"},
        BrokenItem{"CorridorWithoutName",
                   [] { return Corridor([](auto& c) { c.clear_names(); }); },
                   "corridor.names"},
        BrokenItem{"CorridorOfOneState",
                   [] {
                     return Corridor([](auto& c) {
                       c.mutable_stops()->DeleteSubrange(1, 2);
                     });
                   },
                   "corridor.stops"},
        BrokenItem{"CorridorWithAStateTwice",
                   [] {
                     return Corridor(
                         [](auto& c) { *c.add_stops() = c.stops(0); });
                   },
                   "corridor.stops"},
        BrokenItem{"CorridorWithoutARole",
                   [] {
                     return Corridor(
                         [](auto& c) { c.mutable_stops(0)->clear_roles(); });
                   },
                   "corridor.stops"},
        BrokenItem{"TopicWithBlanks",
                   [] { return testing::TopicItem("entry visa"); }, "topic.id"},
        BrokenItem{"TopicWithoutName",
                   [] {
                     v1::RegistryItem item = testing::TopicItem("asylum");
                     item.mutable_topic()->clear_names();
                     return item;
                   },
                   "topic.names"},
        BrokenItem{"RevocationOfNoKey",
                   [] { return Revocation("no key", "lost"); },
                   "signer_key_revocation.key_id"},
        BrokenItem{"RevocationWithoutGround",
                   [] { return Revocation(KeyIdOf("HN"), ""); },
                   "signer_key_revocation.ground"},
        BrokenItem{"ErasureOfNothing",
                   [] { return Erasure([](auto& e) { e.clear_target(); }); },
                   "erasure.target"},
        BrokenItem{"ErasureBeforeTheLog",
                   [] { return Erasure([](auto& e) { e.set_position(-1); }); },
                   "erasure.position"},
        BrokenItem{"ErasureOfNoDigest",
                   [] { return Erasure([](auto& e) { e.set_document("x"); }); },
                   "erasure.document"},
        BrokenItem{"ErasureWithoutGround",
                   [] { return Erasure([](auto& e) { e.clear_ground(); }); },
                   "erasure.ground"},
        BrokenItem{"NothingThatThisVersionKnows",
                   [] { return v1::RegistryItem(); }, "item"}),
    [](const auto& info) { return info.param.name; });

TEST(FederationTest, AChangeHas1To200Items) {
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  EXPECT_THAT(FieldsOf(federation.Check(change)), ElementsAre("items"));

  for (int i = 0; i < 200; ++i) {
    *change.add_items() = testing::TopicItem("health");
  }
  EXPECT_TRUE(federation.Check(change).ok());
  *change.add_items() = testing::TopicItem("health");
  EXPECT_THAT(FieldsOf(federation.Check(change)), ElementsAre("items"));
}

TEST(FederationTest, AnErasureNamesWhatIsBelowIt) {
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  for (const std::int64_t position : {3, 9, 10, 11}) {
    *change.add_items() =
        Erasure([&](auto& erasure) { erasure.set_position(position); });
  }
  const std::string sha256(64, 'a');
  *change.add_items() =
      Erasure([&](auto& erasure) { erasure.set_document(sha256); });

  ASSERT_TRUE(federation.Apply(change, 10).ok());

  std::vector<std::int64_t> erased;
  for (const auto& [position, in_force] : federation.erasures()) {
    erased.push_back(position);
    EXPECT_EQ(in_force.position, 10);
    EXPECT_EQ(in_force.erasure.ground(), "order");
  }
  EXPECT_THAT(erased, ElementsAre(3, 9));
  EXPECT_TRUE(federation.document_erasures().contains(sha256));
}

TEST(FederationTest, ARegistryIsRebuiltAfterItsCertificatesHaveExpired) {
  const absl::Time long_ago = absl::FromUnixSeconds(946'684'800);
  const auto root =
      *pki::MakeRoot(testing::kFederation, long_ago, absl::Hours(48));
  const auto ca =
      *pki::MakeCa(root, "hn.gaceta.example", long_ago, absl::Hours(48));
  pki::LeafOptions options;
  options.not_before = long_ago;
  options.validity = absl::Hours(24);
  const auto signer =
      *pki::MakeLeaf(ca, IdOf("hn.gaceta.example", "signer"), options);
  v1::RegistryChange change;
  *change.add_items() = TheFederation().MemberItem("HN");
  change.mutable_items(0)->mutable_member()->set_ca_certificates(
      0, DerOf(ca.certificate_pem));
  v1::SignerKey* key = change.add_items()->mutable_signer_key();
  key->set_publisher("HN");
  key->set_certificate(DerOf(signer.certificate_pem));
  key->set_issuer(DerOf(ca.certificate_pem));
  Federation federation = *Federation::Create(
      root.certificate_pem, std::string(testing::kFederation));

  const absl::Status status = federation.Apply(change, 1);

  EXPECT_TRUE(status.ok()) << status;
}

TEST(FederationTest, AKeyIsFoundForItsPublisherAlone) {
  const Federation federation = TheFederation().Full();

  EXPECT_TRUE(federation.FindKey("HN", KeyIdOf("HN"), kLatest).ok());
  EXPECT_EQ(Reason(federation.FindKey("GT", KeyIdOf("HN"), kLatest).status()),
            "UNKNOWN_KEY");
  EXPECT_EQ(Reason(federation.FindKey("HN", "no key", kLatest).status()),
            "UNKNOWN_KEY");
}

TEST(FederationTest, ARevokedKeyStaysRevoked) {
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  *change.add_items() = Revocation(KeyIdOf("HN"), "lost");
  *change.add_items() = TheFederation().SignerItem("HN");

  ASSERT_TRUE(federation.Apply(change, 1).ok());

  EXPECT_EQ(Reason(federation.FindKey("HN", KeyIdOf("HN"), kLatest).status()),
            "UNKNOWN_KEY");
}

TEST(FederationTest, ASnapshotDoesNotChange) {
  Federation federation = TheFederation().Full();
  const Federation snapshot = federation;
  v1::RegistryChange change;
  *change.add_items() = testing::TopicItem("health");

  ASSERT_TRUE(federation.Apply(change, 1).ok());

  EXPECT_TRUE(federation.HasTopic("health"));
  EXPECT_FALSE(snapshot.HasTopic("health"));
}

class CheckLeafTest : public ::testing::Test {
 protected:
  absl::Status Check(const std::string& der,
                     absl::Time now = TestTime() + absl::Hours(1)) {
    return federation_.CheckLeaf(IdOf("hn.gaceta.example", "node"), der, {},
                                 now);
  }

  static std::string Node(
      const std::function<void(pki::CertificateForm&)>& change) {
    return LeafOfHonduras([&](pki::CertificateForm& form) {
      form.uris = {"spiffe://hn.gaceta.example/node"};
      change(form);
    });
  }

  const Federation federation_ = TheFederation().Full();
};

TEST_F(CheckLeafTest, ALeafOfTheMembersCaPasses) {
  const absl::Status status = Check(Node([](auto&) {}));

  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(CheckLeafTest, AnotherFormIsRefused) {
  EXPECT_FALSE(Check("").ok());
  EXPECT_FALSE(Check(Node([](auto& form) { form.uris.clear(); })).ok());
  EXPECT_FALSE(Check(Node([](auto& form) { form.is_ca = true; })).ok());
  EXPECT_FALSE(Check(Node([](auto& form) {
                 form.uris = {"spiffe://hn.gaceta.example/agency/x"};
               })).ok());
  EXPECT_FALSE(Check(Node([](auto& form) {
                 form.uris.push_back("spiffe://hn.gaceta.example/hub");
               })).ok());
}

TEST_F(CheckLeafTest, TimeCounts) {
  const std::string leaf = Node([](auto&) {});

  EXPECT_FALSE(Check(leaf, TestTime() - absl::Hours(1)).ok());
  EXPECT_FALSE(Check(leaf, TestTime() + absl::Hours(25)).ok());
}

TEST_F(CheckLeafTest, HondurasCannotNameGuatemala) {
  const std::string leaf = LeafOfHonduras(
      [](auto& form) { form.uris = {"spiffe://gt.gaceta.example/node"}; });
  const std::vector<std::string> chain = {
      DerOf(TheFederation().CaOf("HN").certificate_pem)};
  const SpiffeId id = IdOf("gt.gaceta.example", "node");
  const absl::Time now = TestTime() + absl::Hours(1);

  // Whether the registry knows Guatemala or not.
  EXPECT_FALSE(federation_.CheckLeaf(id, leaf, chain, now).ok());
  EXPECT_FALSE(TheFederation().Empty().CheckLeaf(id, leaf, chain, now).ok());
}

TEST_F(CheckLeafTest, BeforeTheRegistryTheChainToTheRootCounts) {
  const Federation empty = TheFederation().Empty();
  const SpiffeId id = IdOf("hn.gaceta.example", "node");
  const std::string leaf = Node([](auto&) {});
  const std::string ca = DerOf(TheFederation().CaOf("HN").certificate_pem);
  const absl::Time now = TestTime() + absl::Hours(1);

  EXPECT_TRUE(empty.CheckLeaf(id, leaf, {ca}, now).ok());
  EXPECT_FALSE(empty.CheckLeaf(id, leaf, {}, now).ok());
}

}  // namespace
}  // namespace gaceta
