// Real mutual TLS on the loopback.
#include "gaceta/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "pki/issue.h"
#include "pki/pki_folder.h"

namespace gaceta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Remembers who called.
class WhoCalls : public v1::RegistryService::Service {
 public:
  grpc::Status ListTopics(grpc::ServerContext* context,
                          const v1::ListTopicsRequest* /*request*/,
                          v1::ListTopicsResponse* /*response*/) override {
    for (const auto& uri :
         context->auth_context()->FindPropertyValues("peer_uri")) {
      callers.emplace_back(uri.data(), uri.size());
    }
    return grpc::Status::OK;
  }

  std::vector<std::string> callers;
};

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                absl::StrCat("connection-", getpid())),
        pki_((folder_ / "pki").string()) {
    std::filesystem::create_directories(folder_);
  }
  ~ConnectionTest() override {
    if (server_ != nullptr) server_->Shutdown();
    std::filesystem::remove_all(folder_);
  }

  void SetUp() override {
    const absl::Time since = absl::Now() - absl::Hours(1);
    const absl::Duration validity = absl::Hours(48);
    pki::LeafOptions leaf;
    leaf.not_before = since;
    leaf.validity = validity;
    ASSERT_TRUE(pki_.AddRoot("gaceta.example", since, validity).ok());
    ASSERT_TRUE(pki_.AddCa("hn", since, validity).ok());
    ASSERT_TRUE(pki_.AddLeaf("hn", "node", leaf).ok());
    ASSERT_TRUE(pki_.AddLeaf("hn", "agency/migracion", leaf).ok());

    StartServer(pki_.LeafFiles("hn", "node"));

    const auto own = pki_.LeafFiles("hn", "agency/migracion");
    options_.server = absl::StrCat("127.0.0.1:", port_);
    options_.server_id = "spiffe://hn.gaceta.example/node";
    options_.certificate_file = own.certificate_file;
    options_.key_file = own.key_file;
    options_.root_file = pki_.RootFiles().certificate_file;
  }

  void StartServer(const pki::PkiFolder::Files& files) {
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = Read(pki_.RootFiles().certificate_file);
    tls.pem_key_cert_pairs.push_back(
        {Read(files.key_file), Read(files.certificate_file)});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls),
                             &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  // A leaf of Honduras's CA, whatever its names, and its CA.
  pki::PkiFolder::Files IssueLeaf(const std::string& path,
                                  const std::vector<std::string>& dns_names) {
    const auto ca_files = pki_.CaFiles("hn");
    const pki::CertifiedKey ca = {Read(ca_files.certificate_file),
                                  Read(ca_files.key_file)};
    pki::CertificateForm form;
    form.uris = {"spiffe://hn.gaceta.example/" + path};
    form.dns_names = dns_names;
    form.not_before = absl::Now() - absl::Hours(1);
    form.not_after = absl::Now() + absl::Hours(1);
    const auto leaf = pki::Issue(form, &ca);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    const pki::PkiFolder::Files files = {(folder_ / "issued.pem").string(),
                                         (folder_ / "issued.key").string()};
    std::ofstream(files.certificate_file)
        << leaf->certificate_pem << ca.certificate_pem;
    std::ofstream(files.key_file) << leaf->key_pem;
    return files;
  }

  absl::Status Call() {
    auto channel = Connect(options_);
    if (!channel.ok()) return channel.status();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    v1::ListTopicsResponse response;
    return FromGrpc(v1::RegistryService::NewStub(*channel)->ListTopics(
        &context, {}, &response));
  }

  const std::filesystem::path folder_;
  const pki::PkiFolder pki_;
  WhoCalls service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  ConnectionOptions options_;
};

TEST_F(ConnectionTest, ProvesWhoItIsToTheServerItAskedFor) {
  const absl::Status called = Call();

  EXPECT_TRUE(called.ok()) << called;
  EXPECT_THAT(service_.callers,
              ElementsAre("spiffe://hn.gaceta.example/agency/migracion"));
}

TEST_F(ConnectionTest, RefusesAServerThatIsAnother) {
  options_.server_id = "spiffe://gt.gaceta.example/node";

  EXPECT_TRUE(absl::IsUnavailable(Call()));
  EXPECT_THAT(service_.callers, ElementsAre());
}

TEST_F(ConnectionTest, RefusesWhoIsNoServerAndHasANameOfOne) {
  options_.server_id = "spiffe://hn.gaceta.example/subscriber/monitor";
  const auto call_server_with =
      [this](const std::vector<std::string>& dns_names) {
        server_->Shutdown();
        StartServer(IssueLeaf("subscriber/monitor", dns_names));
        options_.server = absl::StrCat("127.0.0.1:", port_);
        return Call();
      };

  EXPECT_TRUE(
      absl::IsUnavailable(call_server_with({"node.hn.gaceta.example"})));
  EXPECT_THAT(service_.callers, ElementsAre());
  EXPECT_TRUE(call_server_with({}).ok());
}

TEST_F(ConnectionTest, RefusesAServerOfAnotherFederation) {
  const pki::PkiFolder other((folder_ / "other").string());
  ASSERT_TRUE(other
                  .AddRoot("gaceta.example", absl::Now() - absl::Hours(1),
                           absl::Hours(48))
                  .ok());
  options_.root_file = other.RootFiles().certificate_file;

  EXPECT_TRUE(absl::IsUnavailable(Call()));
  EXPECT_THAT(service_.callers, ElementsAre());
}

TEST_F(ConnectionTest, RefusesAKeyThatOthersMayRead) {
  ASSERT_EQ(chmod(options_.key_file.c_str(), 0640), 0);

  const absl::Status called = Call();

  EXPECT_TRUE(absl::IsPermissionDenied(called));
  EXPECT_THAT(called.message(), HasSubstr("chmod 600"));
}

TEST_F(ConnectionTest, NamesTheOptionThatIsWrong) {
  const ConnectionOptions right = options_;
  options_.server.clear();
  EXPECT_THAT(Call().message(), HasSubstr("server: is empty"));
  options_ = right;
  options_.server_id = "hn.gaceta.example";
  EXPECT_THAT(Call().message(), HasSubstr("server_id: "));
  options_ = right;
  options_.certificate_file = "/nowhere.pem";
  EXPECT_THAT(Call().message(), HasSubstr("certificate_file: cannot read"));
  EXPECT_TRUE(absl::IsNotFound(Call()));
}

}  // namespace
}  // namespace gaceta::client
