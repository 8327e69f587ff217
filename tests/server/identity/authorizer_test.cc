#include "server/identity/authorizer.h"

#include <memory>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "grpcpp/security/auth_context.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using testing::IdOf;
using testing::TestFederation;

constexpr char kSubscribe[] = "gaceta.v1.RelayService/Subscribe";
constexpr char kPublish[] = "gaceta.v1.PublishingService/Publish";
constexpr char kSubmit[] = "gaceta.v1.SubmissionsService/SubmitUpdate";

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation({"HN", "GT", "acnur"});
  return *federation;
}

// gRPC keeps the constructor of its iterator for itself and heirs.
struct NoProperties : grpc::AuthPropertyIterator {};

// What TLS says of a peer.
class FakeAuthContext : public grpc::AuthContext {
 public:
  explicit FakeAuthContext(std::vector<std::string> uris,
                           std::vector<std::string> dns_names = {},
                           std::vector<std::string> ip_addresses = {})
      : uris_(std::move(uris)),
        dns_names_(std::move(dns_names)),
        ip_addresses_(std::move(ip_addresses)) {}

  bool IsPeerAuthenticated() const override { return !uris_.empty(); }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(
      const std::string& name) const override {
    std::vector<grpc::string_ref> values;
    if (name == "peer_uri") values.assign(uris_.begin(), uris_.end());
    if (name == "peer_dns") values.assign(dns_names_.begin(), dns_names_.end());
    if (name == "peer_ip") {
      values.assign(ip_addresses_.begin(), ip_addresses_.end());
    }
    return values;
  }
  grpc::AuthPropertyIterator begin() const override { return NoProperties(); }
  grpc::AuthPropertyIterator end() const override { return NoProperties(); }
  void AddProperty(const std::string&, const grpc::string_ref&) override {}
  bool SetPeerIdentityPropertyName(const std::string&) override {
    return false;
  }

 private:
  std::vector<std::string> uris_;
  std::vector<std::string> dns_names_;
  std::vector<std::string> ip_addresses_;
};

class AuthorizerTest : public ::testing::Test {
 protected:
  AuthorizerTest() { UseRegistry(TheFederation().Full()); }

  void UseRegistry(Federation federation) {
    federation_ = std::make_shared<const Federation>(std::move(federation));
  }

  Authorizer Hub() {
    return Authorizer(ServerKind::kHub, "secretariat.gaceta.example",
                      [this] { return federation_; });
  }
  Authorizer NodeOfHonduras() {
    return Authorizer(ServerKind::kNode, "hn.gaceta.example",
                      [this] { return federation_; });
  }

  static void ExpectDenied(const absl::StatusOr<Caller>& caller,
                           const std::string& reason) {
    EXPECT_EQ(caller.status().code(), absl::StatusCode::kPermissionDenied)
        << caller.status();
    EXPECT_EQ(Reason(caller.status()), reason) << caller.status();
  }

  std::shared_ptr<const Federation> federation_;
};

TEST_F(AuthorizerTest, WhoMayCallIsKnownWithItsMember) {
  auto node = Hub().AuthorizeId(IdOf("hn.gaceta.example", "node"), kPublish);
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->member, "HN");
  EXPECT_TRUE(node->is_state);
  EXPECT_EQ(node->peer.role, Role::kNode);

  auto registrar = Hub().AuthorizeId(
      IdOf("secretariat.gaceta.example", "admin/ana"), kPublish);
  ASSERT_TRUE(registrar.ok()) << registrar.status();
  EXPECT_EQ(registrar->member, "OAS");
  EXPECT_FALSE(registrar->is_state);

  auto observer = Hub().AuthorizeId(
      IdOf("acnur.gaceta.example", "subscriber/mapa"), kSubscribe);
  ASSERT_TRUE(observer.ok()) << observer.status();
  EXPECT_EQ(observer->member, "acnur");
  EXPECT_FALSE(observer->is_state);
  EXPECT_EQ(observer->peer.name, "mapa");
}

TEST_F(AuthorizerTest, ARoleThatMayNotCallIsDenied) {
  ExpectDenied(Hub().AuthorizeId(
                   IdOf("hn.gaceta.example", "subscriber/monitor"), kPublish),
               "ROLE_NOT_ALLOWED");
  ExpectDenied(
      Hub().AuthorizeId(IdOf("hn.gaceta.example", "signer"), kSubscribe),
      "ROLE_NOT_ALLOWED");
  ExpectDenied(Hub().AuthorizeId(IdOf("hn.gaceta.example", "node"), "x/Y"),
               "ROLE_NOT_ALLOWED");
}

TEST_F(AuthorizerTest, ATrustDomainThatIsNotInTheRegistryIsDenied) {
  ExpectDenied(Hub().AuthorizeId(IdOf("cl.gaceta.example", "node"), kPublish),
               "UNKNOWN_MEMBER");
}

TEST_F(AuthorizerTest, AnotherFederationIsDenied) {
  ExpectDenied(Hub().AuthorizeId(IdOf("hn.other.example", "node"), kPublish),
               "WRONG_TRUST_DOMAIN");
}

TEST_F(AuthorizerTest, ASuspendedMemberIsDeniedUntilItTakesPartAgain) {
  v1::RegistryChange change;
  *change.add_items() = TheFederation().MemberItem("HN");
  change.mutable_items(0)->mutable_member()->set_status(
      v1::Member::STATUS_SUSPENDED);
  Federation suspended = TheFederation().Full();
  ASSERT_TRUE(suspended.Apply(change, 1).ok());
  UseRegistry(suspended);

  for (const char* path : {"node", "subscriber/monitor"}) {
    ExpectDenied(Hub().AuthorizeId(IdOf("hn.gaceta.example", path), kSubscribe),
                 "MEMBER_SUSPENDED");
  }
  EXPECT_TRUE(
      Hub().AuthorizeId(IdOf("gt.gaceta.example", "node"), kSubscribe).ok());

  UseRegistry(TheFederation().Full());
  EXPECT_TRUE(
      Hub().AuthorizeId(IdOf("hn.gaceta.example", "node"), kSubscribe).ok());
}

TEST_F(AuthorizerTest, AnObserverMayNotCallItselfANode) {
  for (const char* path : {"node", "admin/x", "agency/x"}) {
    ExpectDenied(
        Hub().AuthorizeId(IdOf("acnur.gaceta.example", path), kSubscribe),
        "ROLE_NOT_ALLOWED");
  }
  ExpectDenied(
      Hub().AuthorizeId(IdOf("acnur.gaceta.example", "node"), kPublish),
      "ROLE_NOT_ALLOWED");
}

TEST_F(AuthorizerTest, ANodeServesItsOwnStateAlone) {
  auto agency = NodeOfHonduras().AuthorizeId(
      IdOf("hn.gaceta.example", "agency/migracion"), kSubmit);
  ASSERT_TRUE(agency.ok()) << agency.status();
  EXPECT_EQ(agency->member, "HN");
  EXPECT_EQ(agency->peer.name, "migracion");

  ExpectDenied(NodeOfHonduras().AuthorizeId(
                   IdOf("gt.gaceta.example", "agency/migracion"), kSubmit),
               "WRONG_TRUST_DOMAIN");
}

TEST_F(AuthorizerTest, TheRegistrarFillsAnEmptyRegistry) {
  UseRegistry(TheFederation().Empty());

  EXPECT_TRUE(Hub()
                  .AuthorizeId(IdOf("secretariat.gaceta.example", "admin/ana"),
                               kPublish)
                  .ok());
  ExpectDenied(Hub().AuthorizeId(IdOf("hn.gaceta.example", "node"), kPublish),
               "UNKNOWN_MEMBER");
}

TEST_F(AuthorizerTest, ANodeThatNeverMetItsHubServesItsState) {
  UseRegistry(TheFederation().Empty());

  EXPECT_TRUE(
      NodeOfHonduras()
          .AuthorizeId(IdOf("hn.gaceta.example", "agency/migracion"), kSubmit)
          .ok());
  ExpectDenied(NodeOfHonduras().AuthorizeId(
                   IdOf("gt.gaceta.example", "agency/migracion"), kSubmit),
               "WRONG_TRUST_DOMAIN");
}

TEST_F(AuthorizerTest, TheCertificateSaysWhoCalls) {
  auto caller = Hub().Authorize(
      FakeAuthContext({"spiffe://hn.gaceta.example/node"}), kPublish);

  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->member, "HN");
}

TEST_F(AuthorizerTest, WhoIsNoServerAndHasANameOfOneIsRefused) {
  for (const char* path : {"subscriber/monitor", "agency/migracion"}) {
    const std::string uri = IdOf("hn.gaceta.example", path).ToString();
    for (const auto& context :
         {FakeAuthContext({uri}, {"node.hn.gaceta.example"}),
          FakeAuthContext({uri}, {}, {"192.0.2.17"})}) {
      const absl::Status status = Hub().Authorize(context, kSubscribe).status();

      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
      EXPECT_EQ(Reason(status), "SERVER_NAMES_NOT_ALLOWED");
    }
  }
}

TEST_F(AuthorizerTest, ANodeCallsWithTheNamesOfItsServer) {
  auto node = Hub().Authorize(
      FakeAuthContext({"spiffe://hn.gaceta.example/node"},
                      {"node.hn.gaceta.example"}, {"192.0.2.17"}),
      kPublish);

  EXPECT_TRUE(node.ok()) << node.status();
}

TEST_F(AuthorizerTest, ACertificateWithoutExactlyOneSpiffeIdIsNobody) {
  for (const std::vector<std::string>& uris :
       {std::vector<std::string>{},
        {"spiffe://hn.gaceta.example/node", "spiffe://hn.gaceta.example/x"},
        {"https://hn.gaceta.example/node"},
        {"spiffe://HN.gaceta.example/node"},
        {"spiffe://hn.gaceta.example/node/"}}) {
    const absl::Status status =
        Hub().Authorize(FakeAuthContext(uris), kPublish).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
    EXPECT_EQ(Reason(status), "NO_IDENTITY");
  }
}

}  // namespace
}  // namespace gaceta
