// A node as a whole, over mutual TLS, with a hub that comes and goes.
#include "server/node/node.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/documents.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "gaceta/v1/submissions.grpc.pb.h"
#include "gaceta/v1/updates.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "pki/pki_folder.h"
#include "server/hub/hub.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::AllOf;
using testing::DerOf;
using ::testing::ElementsAre;
using testing::GoodUpdate;
using ::testing::HasSubstr;
using testing::kFederation;
using testing::kLogOrigin;
using testing::LogPolicyItem;
using testing::RegistryParts;
using testing::SignedStatement;
using testing::TopicItem;

constexpr absl::Duration kLongest = absl::Seconds(30);

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + kLongest));
}

// Certificates of the secretariat, Honduras and Guatemala, made now.
class Certificates {
 public:
  explicit Certificates(const std::string& folder) : pki_(folder) {
    const absl::Time begin = absl::Now() - absl::Hours(1);
    const absl::Duration validity = absl::Hours(48);
    EXPECT_TRUE(pki_.AddRoot(std::string(kFederation), begin, validity).ok());
    for (const auto& [member, paths] :
         std::vector<std::pair<std::string, std::vector<std::string>>>{
             {"secretariat", {"hub", "signer", "admin/ana"}},
             {"hn",
              {"node", "signer", "agency/migracion", "agency/trabajo",
               "admin/luis", "subscriber/monitor"}},
             {"gt", {"node", "signer", "agency/migracion"}}}) {
      EXPECT_TRUE(pki_.AddCa(member, begin, validity).ok());
      for (const std::string& path : paths) {
        pki::LeafOptions options;
        options.not_before = begin;
        options.validity = validity;
        const auto made = pki_.AddLeaf(member, path, options);
        EXPECT_TRUE(made.ok()) << made.status();
      }
    }
  }

  ServerTlsFiles Tls(const std::string& member, const std::string& path) const {
    const pki::PkiFolder::Files files = pki_.LeafFiles(member, path);
    return {files.certificate_file, files.key_file,
            pki_.RootFiles().certificate_file};
  }
  std::string SignerKeyFile(const std::string& member) const {
    return pki_.LeafFiles(member, "signer").key_file;
  }

  // What makes the registry: all three, their keys and a topic.
  v1::RegistryChange FirstChange() const {
    v1::RegistryChange change;
    change.set_nonce(std::string(16, 'n'));
    const std::vector<std::pair<std::string, std::string>> members = {
        {"OAS", "secretariat"}, {"HN", "hn"}, {"GT", "gt"}};
    for (const auto& [id, folder] : members) {
      v1::Member* member = change.add_items()->mutable_member();
      member->set_id(id);
      member->set_kind(id == "OAS" ? v1::Member::KIND_SECRETARIAT
                                   : v1::Member::KIND_STATE);
      member->set_status(v1::Member::STATUS_ACTIVE);
      member->set_trust_domain(absl::StrCat(folder, ".", kFederation));
      member->add_ca_certificates(CaDer(folder));
      v1::NameText* name = member->add_names();
      name->set_language("es");
      name->set_text(id);
    }
    for (const auto& [id, folder] : members) {
      v1::SignerKey* key = change.add_items()->mutable_signer_key();
      key->set_publisher(id);
      key->set_certificate(
          DerOf(ReadAll(pki_.LeafFiles(folder, "signer").certificate_file)));
      key->set_issuer(CaDer(folder));
    }
    *change.add_items() = TopicItem("entry-visa");
    return change;
  }

 private:
  std::string CaDer(const std::string& member) const {
    return DerOf(ReadAll(pki_.CaFiles(member).certificate_file));
  }

  const pki::PkiFolder pki_;
};

class NodeTest : public ::testing::Test {
 protected:
  NodeTest()
      : folder_(absl::StrCat(::testing::TempDir(), "node-", getpid(), "-",
                             NewStatementId())),
        certificates_(folder_ + "/pki") {}
  ~NodeTest() override {
    node_.reset();
    hub_.reset();
    std::filesystem::remove_all(folder_);
  }

  void StartHub() {
    HubOptions options;
    options.data_folder = folder_ + "/hub";
    options.federation = std::string(kFederation);
    options.log_origin = std::string(kLogOrigin);
    options.listen_address = absl::StrCat("127.0.0.1:", hub_port_);
    options.tls = certificates_.Tls("secretariat", "hub");
    if (!std::filesystem::exists(options.data_folder)) {
      ASSERT_TRUE(Hub::CreateLog(options).ok());
    }
    auto hub = Hub::Start(options);
    ASSERT_TRUE(hub.ok()) << hub.status();
    hub_ = *std::move(hub);
    hub_port_ = hub_->port();
  }

  NodeOptions Options() const {
    NodeOptions options;
    options.data_folder = folder_ + "/hn";
    options.state = "HN";
    options.federation = std::string(kFederation);
    options.listen_address = absl::StrCat("127.0.0.1:", node_port_);
    options.tls = certificates_.Tls("hn", "node");
    options.signer_key_file = certificates_.SignerKeyFile("hn");
    options.hub.server = absl::StrCat("127.0.0.1:", hub_port_);
    options.mirror_filter = filter_;
    options.backoff = {absl::Milliseconds(10), absl::Milliseconds(100)};
    options.hold = absl::Milliseconds(100);
    return options;
  }
  void StartNode() {
    if (!std::filesystem::exists(Options().data_folder)) {
      ASSERT_TRUE(Node::CreateData(Options()).ok());
    }
    auto node = Node::Start(Options());
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    node_port_ = node_->port();
  }
  void StopNode() {
    const absl::Time begin = absl::Now();
    node_->Drain(absl::Now() + absl::Seconds(8));
    node_.reset();
    EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  }

  // Starts both, with a registry that the node has.
  void StartBoth() {
    StartHub();
    StartNode();
    PublishRegistry();
    AwaitMirror(1);
  }

  void PublishRegistry() {
    auto stub = v1::PublishingService::NewStub(
        To(hub_port_, "secretariat", "hub", "secretariat", "admin/ana"));
    grpc::ClientContext context;
    SetDeadline(&context);
    auto stream = stub->Publish(&context);
    v1::PublishRequest request;
    v1::RegistryChange change = certificates_.FirstChange();
    *change.add_items() = LogPolicyItem(hub_->log_key());
    *request.mutable_statement() = SignedStatement(
        "OAS", RegistryParts(change), {},
        *SigningKey::FromPemFile(certificates_.SignerKeyFile("secretariat")));
    v1::PublishResponse response;
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_TRUE(response.has_receipt()) << response.DebugString();
    stream->WritesDone();
    stream->Finish();
  }

  std::shared_ptr<grpc::Channel> To(int port, const std::string& server_member,
                                    const std::string& server_path,
                                    const std::string& member,
                                    const std::string& path) const {
    client::ConnectionOptions options;
    options.server = absl::StrCat("127.0.0.1:", port);
    options.server_id = absl::StrCat("spiffe://", server_member, ".",
                                     kFederation, "/", server_path);
    const ServerTlsFiles files = certificates_.Tls(member, path);
    options.certificate_file = files.certificate_file;
    options.key_file = files.key_file;
    options.root_file = files.root_file;
    options.max_backoff = absl::Milliseconds(200);
    return *client::Connect(options);
  }
  std::shared_ptr<grpc::Channel> ToNode(
      const std::string& path = "agency/migracion",
      const std::string& member = "hn") const {
    return To(node_port_, "hn", "node", member, path);
  }

  void AwaitMirror(Position size) {
    const absl::Time deadline = absl::Now() + kLongest;
    while (node_->log_size() < size) {
      ASSERT_LT(absl::Now(), deadline) << node_->mirror_status();
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  static v1::SubmitUpdateRequest Request(const v1::Update& update) {
    v1::SubmitUpdateRequest request;
    request.set_submission_id(NewStatementId());
    *request.mutable_update() = update;
    return request;
  }

  absl::StatusOr<v1::Submission> Submit(
      const v1::SubmitUpdateRequest& request,
      const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::SubmitUpdateResponse response;
    const grpc::Status status =
        v1::SubmissionsService::NewStub(channel)->SubmitUpdate(
            &context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response.submission();
  }
  absl::StatusOr<v1::Submission> Submit(
      const v1::SubmitUpdateRequest& request) {
    return Submit(request, ToNode());
  }

  // Watches until the end; returns the states that were seen.
  absl::Status Watch(const std::string& id, std::vector<v1::Submission>* seen) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::WatchSubmissionRequest request;
    request.set_submission_id(id);
    auto stub = v1::SubmissionsService::NewStub(ToNode());
    auto stream = stub->WatchSubmission(&context, request);
    v1::WatchSubmissionResponse response;
    while (stream->Read(&response)) seen->push_back(response.submission());
    return FromGrpc(stream->Finish());
  }

  absl::StatusOr<v1::Entry> GetUpdate(const std::string& id,
                                      const std::string& path) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetUpdateRequest request;
    request.set_statement_id(id);
    v1::GetUpdateResponse response;
    const grpc::Status status = v1::UpdatesService::NewStub(ToNode(path))
                                    ->GetUpdate(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response.entry();
  }

  const std::string folder_;
  const Certificates certificates_;
  v1::Filter filter_;
  int hub_port_ = 0;
  int node_port_ = 0;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Node> node_;
};

TEST_F(NodeTest, AnUpdateGoesFromItsAgencyIntoTheLogAndComesBack) {
  StartBoth();
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));

  auto taken = Submit(request);
  ASSERT_TRUE(taken.ok()) << taken.status();
  std::vector<v1::Submission> seen;
  ASSERT_TRUE(Watch(request.submission_id(), &seen).ok());

  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ(seen.back().receipt().position(), 1);
  AwaitMirror(2);
  auto entry = GetUpdate(request.submission_id(), "subscriber/monitor");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->leaf(), seen.back().receipt().leaf());
  EXPECT_FALSE(entry->payload().empty());
}

TEST_F(NodeTest, WithoutTheHubItTakesServesAndDeliversLater) {
  StartBoth();
  const v1::SubmitUpdateRequest before = Request(GoodUpdate("HN", 1));
  ASSERT_TRUE(Submit(before).ok());
  AwaitMirror(2);
  hub_.reset();

  const v1::SubmitUpdateRequest during = Request(GoodUpdate("HN", 2));
  auto taken = Submit(during);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->state(), v1::Submission::STATE_PENDING);
  EXPECT_TRUE(GetUpdate(before.submission_id(), "subscriber/monitor").ok());
  StopNode();
  StartNode();
  EXPECT_EQ(*node_->pending(), 1U);
  EXPECT_TRUE(GetUpdate(before.submission_id(), "subscriber/monitor").ok());

  StartHub();
  std::vector<v1::Submission> seen;
  ASSERT_TRUE(Watch(during.submission_id(), &seen).ok());
  EXPECT_EQ(seen.back().state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ(seen.back().sequence(), 2U);
  AwaitMirror(3);
  EXPECT_EQ(hub_->log_size(), 3);
}

TEST_F(NodeTest, TwoNodesByMistakeMakeOneChain) {
  StartBoth();
  NodeOptions options = Options();
  options.data_folder = folder_ + "/hn-again";
  ASSERT_TRUE(Node::CreateData(options).ok());
  options.listen_address = "127.0.0.1:0";
  auto other = Node::Start(options);
  ASSERT_TRUE(other.ok()) << other.status();
  const auto to_other =
      To((*other)->port(), "hn", "node", "hn", "agency/trabajo");
  const absl::Time deadline = absl::Now() + kLongest;
  while ((*other)->log_size() < 1) {
    ASSERT_LT(absl::Now(), deadline);
    absl::SleepFor(absl::Milliseconds(5));
  }

  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Submit(Request(GoodUpdate("HN", 2 * i + 1))).ok());
    ASSERT_TRUE(Submit(Request(GoodUpdate("HN", 2 * i + 2)), to_other).ok());
  }

  AwaitMirror(11);
  EXPECT_EQ(hub_->log_size(), 11);
  EXPECT_TRUE(node_->mirror_status().ok());
}

TEST_F(NodeTest, DocumentsGoThroughTheNodeToTheHub) {
  StartBoth();
  const std::string path = folder_ + "/law.txt";
  std::ofstream(path) << std::string(600'000, 'l');
  auto documents = client::DocumentClient::Create(ToNode());
  auto ref = documents->Upload(path, absl::Now() + kLongest);
  ASSERT_TRUE(ref.ok()) << ref.status();
  v1::Update update = GoodUpdate("HN");
  v1::Document* document = update.add_documents();
  document->set_sha256(ref->sha256);
  document->set_size(ref->size);
  document->set_media_type("text/plain");
  document->set_language("es");
  document->set_legal_value(v1::LEGAL_VALUE_OFFICIAL);
  const v1::SubmitUpdateRequest request = Request(update);

  ASSERT_TRUE(Submit(request).ok());
  std::vector<v1::Submission> seen;
  ASSERT_TRUE(Watch(request.submission_id(), &seen).ok());

  EXPECT_EQ(seen.back().state(), v1::Submission::STATE_ACCEPTED);
  auto at_hub = client::DocumentClient::Create(
      To(hub_port_, "secretariat", "hub", "hn", "subscriber/monitor"));
  const std::string copy = folder_ + "/copy.txt";
  ASSERT_TRUE(at_hub->Download(ref->sha256, copy, absl::Now() + kLongest).ok());
  EXPECT_EQ(ReadAll(copy), ReadAll(path));
}

TEST_F(NodeTest, TheStatesOwnPayloadsAreKeptWhateverTheFilter) {
  filter_.add_states("GT");
  StartBoth();
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));

  ASSERT_TRUE(Submit(request).ok());
  AwaitMirror(2);

  auto entry = GetUpdate(request.submission_id(), "agency/migracion");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_FALSE(entry->payload().empty());
}

TEST_F(NodeTest, OnlyTheStatesOwnAgenciesSubmit) {
  StartBoth();
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));

  EXPECT_EQ(Reason(Submit(request, ToNode("agency/migracion", "gt")).status()),
            "WRONG_TRUST_DOMAIN");
  EXPECT_EQ(Reason(Submit(request, ToNode("subscriber/monitor")).status()),
            "ROLE_NOT_ALLOWED");
  EXPECT_EQ(*node_->pending(), 0U);
  EXPECT_EQ(Submit(request, ToNode("admin/luis"))->agency(), "");
}

TEST_F(NodeTest, EachAgencyListsItsOwnAndTheAdministratorAll) {
  StartBoth();
  std::vector<std::string> ids;
  for (const char* agency :
       {"agency/migracion", "agency/trabajo", "agency/migracion"}) {
    const v1::SubmitUpdateRequest request =
        Request(GoodUpdate("HN", static_cast<int>(ids.size()) + 1));
    ASSERT_TRUE(Submit(request, ToNode(agency)).ok());
    ids.push_back(request.submission_id());
  }
  const auto list = [&](const std::string& path) {
    std::vector<std::string> listed;
    auto stub = v1::SubmissionsService::NewStub(ToNode(path));
    v1::ListSubmissionsRequest request;
    request.set_page_size(1);
    do {
      grpc::ClientContext context;
      SetDeadline(&context);
      v1::ListSubmissionsResponse response;
      EXPECT_TRUE(stub->ListSubmissions(&context, request, &response).ok());
      for (const auto& one : response.submissions()) {
        listed.push_back(one.submission_id());
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return listed;
  };

  EXPECT_THAT(list("agency/migracion"), ElementsAre(ids[2], ids[0]));
  EXPECT_THAT(list("agency/trabajo"), ElementsAre(ids[1]));
  EXPECT_THAT(list("admin/luis"), ElementsAre(ids[2], ids[1], ids[0]));
}

TEST_F(NodeTest, APageTokenOfSomebodyElseIsRefused) {
  StartBoth();
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::ListSubmissionsRequest request;
  request.set_page_token("made up");
  v1::ListSubmissionsResponse response;

  const grpc::Status status =
      v1::SubmissionsService::NewStub(ToNode())->ListSubmissions(
          &context, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(NodeTest, DrainingTellsWhoWatches) {
  StartBoth();
  hub_.reset();
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(request).ok());
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::WatchSubmissionRequest watch;
  watch.set_submission_id(request.submission_id());
  auto stub = v1::SubmissionsService::NewStub(ToNode());
  auto stream = stub->WatchSubmission(&context, watch);
  v1::WatchSubmissionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.submission().state(), v1::Submission::STATE_PENDING);

  StopNode();

  EXPECT_FALSE(stream->Read(&response));
  const absl::Status status = FromGrpc(stream->Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "DRAINING");
}

TEST_F(NodeTest, AWatchOfNothingIsNotFound) {
  StartBoth();
  std::vector<v1::Submission> seen;

  EXPECT_EQ(Watch(NewStatementId(), &seen).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(seen.empty());
}

TEST_F(NodeTest, AFolderServesOneNode) {
  StartNode();
  NodeOptions options = Options();
  options.listen_address = "127.0.0.1:0";

  EXPECT_EQ(Node::Start(options).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(NodeTest, ACertificateOfAnotherStateIsRefused) {
  NodeOptions options = Options();
  options.tls = certificates_.Tls("gt", "node");

  const absl::Status status = Node::Start(options).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("spiffe://hn.gaceta.example/node"));
}

TEST_F(NodeTest, ASignerKeyThatOthersMayReadIsRefused) {
  NodeOptions options = Options();
  ASSERT_EQ(chmod(options.signer_key_file.c_str(), 0640), 0);

  EXPECT_EQ(Node::Start(options).status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(NodeTest, AnAddressInUseIsRefused) {
  StartNode();
  NodeOptions options = Options();
  options.data_folder = folder_ + "/other";
  ASSERT_TRUE(Node::CreateData(options).ok());

  EXPECT_EQ(Node::Start(options).status().code(),
            absl::StatusCode::kUnavailable);
}

// --- Data begins when somebody says so, and never else

TEST_F(NodeTest, AFolderThatIsNotThereOrEmptyIsRefusedAndStaysSo) {
  const std::string folder = Options().data_folder;

  const absl::Status missing = Node::Start(Options()).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound) << missing;
  EXPECT_FALSE(std::filesystem::exists(folder));
  std::filesystem::create_directory(folder);
  const absl::Status empty = Node::Start(Options()).status();

  EXPECT_EQ(empty.code(), absl::StatusCode::kNotFound) << empty;
  EXPECT_THAT(std::string(empty.message()),
              AllOf(HasSubstr("found an empty folder, expected outbox.db"),
                    HasSubstr("--create-data")));
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(NodeTest, EachPartThatCannotBeFetchedAgainIsNamedWhenItIsMissing) {
  StartNode();
  StopNode();
  for (const char* name : {"cosigner.key", "outbox.db", "checkpoints.db"}) {
    const std::string path = folder_ + "/hn/" + name;
    std::filesystem::rename(path, folder_ + "/away");

    const absl::Status status = Node::Start(Options()).status();

    EXPECT_FALSE(status.ok()) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    EXPECT_THAT(std::string(status.message()), HasSubstr("restore it"));
    EXPECT_FALSE(std::filesystem::exists(path)) << name;
    std::filesystem::rename(folder_ + "/away", path);
  }
  StartNode();
}

TEST_F(NodeTest, DataIsNotMadeWhereAnythingIs) {
  ASSERT_TRUE(Node::CreateData(Options()).ok());
  const std::string key = ReadAll(folder_ + "/hn/cosigner.key.pub");

  const absl::Status again = Node::CreateData(Options()).status();

  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists) << again;
  EXPECT_EQ(ReadAll(folder_ + "/hn/cosigner.key.pub"), key);
}

TEST_F(NodeTest, ALostMirrorIsFetchedAgain) {
  StartBoth();
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(request).ok());
  AwaitMirror(2);
  StopNode();
  std::filesystem::remove(folder_ + "/hn/log.db");
  std::filesystem::remove_all(folder_ + "/hn/documents");

  StartNode();

  AwaitMirror(2);
  EXPECT_TRUE(GetUpdate(request.submission_id(), "subscriber/monitor").ok());
  EXPECT_TRUE(node_->trust_status().ok()) << node_->trust_status();
  EXPECT_TRUE(node_->mirror_status().ok()) << node_->mirror_status();
  StopNode();
  StartNode();
  EXPECT_EQ(node_->log_size(), 2);
}

TEST_F(NodeTest, WhatIsFetchedAgainHasToBeWhatWasThereBefore) {
  StartBoth();
  StopNode();
  hub_.reset();
  std::filesystem::remove(folder_ + "/hn/log.db");
  // Another history of the same log.
  std::filesystem::rename(folder_ + "/hub", folder_ + "/first");
  HubOptions options;
  options.data_folder = folder_ + "/hub";
  options.federation = std::string(kFederation);
  options.log_origin = std::string(kLogOrigin);
  options.listen_address = absl::StrCat("127.0.0.1:", hub_port_);
  options.tls = certificates_.Tls("secretariat", "hub");
  options.log_key_file = folder_ + "/first/log.key";
  ASSERT_TRUE(Hub::CreateLog(options, /*reuse_key=*/true).ok());
  auto hub = Hub::Start(options);
  ASSERT_TRUE(hub.ok()) << hub.status();
  hub_ = *std::move(hub);
  PublishRegistry();

  StartNode();

  const absl::Time deadline = absl::Now() + kLongest;
  while (node_->trust_status().ok()) {
    ASSERT_LT(absl::Now(), deadline);
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(Reason(node_->trust_status()), "LOG_FORKED");
}

TEST_F(NodeTest, AMirrorShorterThanWhatWasShownIsRefused) {
  StartBoth();
  StopNode();
  std::ofstream(folder_ + "/hn/log.size") << "5\n";

  const absl::Status status = Node::Start(Options()).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("has 1 entries"), HasSubstr("5 were shown"),
                    HasSubstr("move log.db")));
}

}  // namespace
}  // namespace gaceta
