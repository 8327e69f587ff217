#include "server/identity/access.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "gaceta/v1/documents.pb.h"
#include "gaceta/v1/log.pb.h"
#include "gaceta/v1/publishing.pb.h"
#include "gaceta/v1/registry.pb.h"
#include "gaceta/v1/relay.pb.h"
#include "gaceta/v1/submissions.pb.h"
#include "gaceta/v1/updates.pb.h"
#include "gaceta/v1/witness.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;
using testing::IdOf;
using testing::kFederation;
using ::testing::Not;

// Every file of the contract that has services.
std::vector<const google::protobuf::FileDescriptor*> Files() {
  return {v1::GetDocumentRequest::descriptor()->file(),
          v1::GetProofRequest::descriptor()->file(),
          v1::PublishRequest::descriptor()->file(),
          v1::ListMembersRequest::descriptor()->file(),
          v1::SubscribeRequest::descriptor()->file(),
          v1::SubmitUpdateRequest::descriptor()->file(),
          v1::GetUpdateRequest::descriptor()->file(),
          v1::WitnessRequest::descriptor()->file()};
}

std::set<std::string> MethodsOfTheContract() {
  std::set<std::string> methods;
  for (const auto* file : Files()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.insert(file->service(s)->full_name() + "/" +
                       file->service(s)->method(m)->name());
      }
    }
  }
  return methods;
}

TEST(AccessTableTest, HasEveryRpcOfTheContractAndNothingElse) {
  std::set<std::string> methods;
  for (const AccessRule& rule : AccessTable()) {
    EXPECT_TRUE(methods.insert(rule.method).second) << rule.method << " twice";
    EXPECT_FALSE(rule.hub_roles.empty() && rule.node_roles.empty())
        << rule.method << " can be called by nobody";
  }

  EXPECT_EQ(methods, MethodsOfTheContract());
}

// A service in a new file must not be missed by Files().
TEST(AccessTableTest, TheContractIsWhatTheProtoFilesSay) {
  const char* source = std::getenv("GACETA_SOURCE_DIR");
  if (source == nullptr) GTEST_SKIP() << "GACETA_SOURCE_DIR is not set";
  std::set<std::string> methods;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::string(source) + "/proto/gaceta/v1")) {
    std::ifstream file(entry.path());
    std::string name;
    for (std::string line; std::getline(file, line);) {
      absl::string_view rest = absl::StripLeadingAsciiWhitespace(line);
      if (absl::ConsumePrefix(&rest, "service ")) {
        name = std::string(rest.substr(0, rest.find(' ')));
      } else if (absl::ConsumePrefix(&rest, "rpc ")) {
        methods.insert(absl::StrCat("gaceta.v1.", name, "/",
                                    rest.substr(0, rest.find('('))));
      }
    }
  }

  EXPECT_EQ(methods, MethodsOfTheContract());
}

TEST(AccessTableTest, IsInOrderOfMethod) {
  EXPECT_TRUE(std::is_sorted(AccessTable().begin(), AccessTable().end(),
                             [](const AccessRule& a, const AccessRule& b) {
                               return a.method < b.method;
                             }));
}

// What each role may call, written down a second time. In order: hub,
// registrar, node, agency, subscriber, state-admin; at the hub, at a node.
struct Expected {
  const char* method;
  const char* hub;
  const char* node;
};

constexpr char kReadersOfHub[] = ".xxxxx";
constexpr char kReadersOfNode[] = "...xxx";
constexpr char kSubmitters[] = "...x.x";
constexpr char kPublishers[] = ".xx...";
constexpr char kNobody[] = "......";

constexpr Expected kExpected[] = {
    {"DocumentsService/GetDocument", kReadersOfHub, kReadersOfNode},
    {"DocumentsService/DownloadDocument", kReadersOfHub, kReadersOfNode},
    {"DocumentsService/UploadDocument", "..x...", kSubmitters},
    {"LogService/GetCheckpoint", kReadersOfHub, kReadersOfNode},
    {"LogService/GetProof", kReadersOfHub, kReadersOfNode},
    {"PublishingService/GetChainHead", kPublishers, kNobody},
    {"PublishingService/Publish", kPublishers, kNobody},
    {"RegistryService/ListCorridors", kReadersOfHub, kReadersOfNode},
    {"RegistryService/ListMembers", kReadersOfHub, kReadersOfNode},
    {"RegistryService/ListRegistryEntries", kReadersOfHub, kReadersOfNode},
    {"RegistryService/ListTopics", kReadersOfHub, kReadersOfNode},
    {"RelayService/DeleteSubscription", kReadersOfHub, kReadersOfNode},
    {"RelayService/Explain", kReadersOfHub, kReadersOfNode},
    {"RelayService/GetSubscription", kReadersOfHub, kReadersOfNode},
    {"RelayService/ListSubscriptions", kReadersOfHub, kReadersOfNode},
    {"RelayService/Subscribe", kReadersOfHub, kReadersOfNode},
    {"SubmissionsService/GetSubmission", kNobody, kSubmitters},
    {"SubmissionsService/ListSubmissions", kNobody, kSubmitters},
    {"SubmissionsService/SubmitUpdate", kNobody, kSubmitters},
    {"SubmissionsService/WatchSubmission", kNobody, kSubmitters},
    {"UpdatesService/GetUpdate", kReadersOfHub, kReadersOfNode},
    {"UpdatesService/ListUpdates", kReadersOfHub, kReadersOfNode},
    {"WitnessService/Witness", "..x...", kNobody},
};

constexpr Role kRoles[] = {Role::kHub,    Role::kRegistrar,  Role::kNode,
                           Role::kAgency, Role::kSubscriber, Role::kStateAdmin};

TEST(MayCallTest, EveryRoleMayCallWhatItIsForAndNothingElse) {
  std::set<std::string> seen;
  for (const Expected& expected : kExpected) {
    const std::string method = std::string("gaceta.v1.") + expected.method;
    seen.insert(method);
    for (std::size_t i = 0; i < std::size(kRoles); ++i) {
      EXPECT_EQ(MayCall(ServerKind::kHub, method, kRoles[i]),
                expected.hub[i] == 'x')
          << RoleName(kRoles[i]) << " calls " << method << " of the hub";
      EXPECT_EQ(MayCall(ServerKind::kNode, method, kRoles[i]),
                expected.node[i] == 'x')
          << RoleName(kRoles[i]) << " calls " << method << " of a node";
    }
  }
  EXPECT_EQ(seen, MethodsOfTheContract());
}

TEST(MayCallTest, AnRpcThatIsNotInTheTableIsNobodys) {
  for (const char* method :
       {"", "gaceta.v1.RelayService", "gaceta.v1.RelayService/",
        "/gaceta.v1.RelayService/Subscribe", "gaceta.v1.RelayService/subscribe",
        "gaceta.v1.AdminService/Stop"}) {
    for (const Role role : kRoles) {
      EXPECT_FALSE(MayCall(ServerKind::kHub, method, role)) << method;
      EXPECT_FALSE(MayCall(ServerKind::kNode, method, role)) << method;
    }
  }
}

TEST(PrintAccessTableTest, ShowsWhatTheServerServes) {
  const std::string hub = PrintAccessTable(ServerKind::kHub);
  const std::string node = PrintAccessTable(ServerKind::kNode);

  EXPECT_THAT(hub, HasSubstr("gaceta.v1.PublishingService/Publish: registrar, "
                             "node\n"));
  EXPECT_THAT(hub, Not(HasSubstr("SubmissionsService")));
  EXPECT_THAT(node, HasSubstr("gaceta.v1.SubmissionsService/SubmitUpdate: "
                              "agency, state-admin\n"));
  EXPECT_THAT(node, Not(HasSubstr("PublishingService")));
}

struct Identity {
  const char* domain;
  const char* path;
  Role role;
  const char* name;
};

TEST(IdentifyPeerTest, ReadsTheRoleOfEveryIdentity) {
  for (const Identity& one : std::initializer_list<Identity>{
           {"secretariat.gaceta.example", "hub", Role::kHub, ""},
           {"secretariat.gaceta.example", "admin/ana", Role::kRegistrar, "ana"},
           {"secretariat.gaceta.example", "subscriber/web", Role::kSubscriber,
            "web"},
           {"hn.gaceta.example", "node", Role::kNode, ""},
           {"hn.gaceta.example", "agency/migracion", Role::kAgency,
            "migracion"},
           {"hn.gaceta.example", "subscriber/monitor", Role::kSubscriber,
            "monitor"},
           {"hn.gaceta.example", "admin/luis", Role::kStateAdmin, "luis"},
           {"acnur.gaceta.example", "subscriber/mapa", Role::kSubscriber,
            "mapa"},
       }) {
    auto peer = IdentifyPeer(IdOf(one.domain, one.path), kFederation);

    ASSERT_TRUE(peer.ok()) << peer.status();
    EXPECT_EQ(peer->role, one.role) << one.path;
    EXPECT_EQ(peer->name, one.name) << one.path;
    EXPECT_EQ(peer->id, IdOf(one.domain, one.path));
  }
}

TEST(IdentifyPeerTest, APathThatNoRoleHasIsRefused) {
  for (const char* path :
       {"signer", "hub", "Node", "node/1", "nodes", "agency", "agency/a/b",
        "agency/A.b", "subscriber", "admin", "admin/a/b", "x", "x/y"}) {
    const absl::Status status =
        IdentifyPeer(IdOf("hn.gaceta.example", path), kFederation).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << path;
    EXPECT_EQ(Reason(status), "ROLE_NOT_ALLOWED") << path;
  }
  for (const char* path : {"signer", "node", "agency/a", "hub/1", "admin"}) {
    EXPECT_EQ(Reason(IdentifyPeer(IdOf("secretariat.gaceta.example", path),
                                  kFederation)
                         .status()),
              "ROLE_NOT_ALLOWED")
        << path;
  }
}

TEST(IdentifyPeerTest, ATrustDomainOutsideTheFederationIsRefused) {
  for (const char* domain :
       {"gaceta.example", "hn.other.example", "hn.gaceta.example.evil.example",
        "hngaceta.example", "a.hn.gaceta.example",
        "x.secretariat.gaceta.example", "hn.xgaceta.example"}) {
    const absl::Status status =
        IdentifyPeer(IdOf(domain, "node"), kFederation).status();

    EXPECT_EQ(Reason(status), "WRONG_TRUST_DOMAIN") << domain;
  }
}

}  // namespace
}  // namespace gaceta
