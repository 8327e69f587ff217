#include "tests/support/test_hub.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/connection.h"

namespace gaceta::testing {
namespace {

template <typename Value>
Value OrDie(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    std::cerr << "the test hub is wrong: " << value.status() << "\n";
    std::abort();
  }
  return *std::move(value);
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool IsState(const std::string& member) { return member.size() == 2; }

}  // namespace

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + kLongest));
}

bool AwaitTrue(const std::function<bool()>& done, absl::Duration longest) {
  const absl::Time deadline = absl::Now() + longest;
  while (!done()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

TestPki::TestPki(const std::vector<std::string>& members)
    : members_(members), pki_(folder_.path()) {
  const absl::Time begin = absl::Now() - absl::Hours(1);
  OrDie(pki_.AddRoot(kFederation, begin, absl::Hours(48)));
  OrDie(
      pki_.AddCa(FolderOf(std::string(kSecretariat)), begin, absl::Hours(48)));
  for (const std::string& member : members_) {
    OrDie(pki_.AddCa(FolderOf(member), begin, absl::Hours(48)));
  }
}

std::string TestPki::FolderOf(const std::string& member) {
  return member == kSecretariat ? "secretariat" : absl::AsciiStrToLower(member);
}

std::string TestPki::TrustDomainOf(const std::string& member) {
  return absl::StrCat(FolderOf(member), ".", kFederation);
}

ServerTlsFiles TestPki::Tls(const std::string& member,
                            const std::string& path) const {
  static auto* mutex = new std::mutex;
  const std::lock_guard<std::mutex> lock(*mutex);
  const pki::PkiFolder::Files files = pki_.LeafFiles(FolderOf(member), path);
  if (!std::filesystem::exists(files.certificate_file)) {
    pki::LeafOptions options;
    options.not_before = absl::Now() - absl::Hours(1);
    options.validity = absl::Hours(48);
    OrDie(pki_.AddLeaf(FolderOf(member), path, options));
  }
  return {files.certificate_file, files.key_file,
          pki_.RootFiles().certificate_file};
}

SigningKey TestPki::SignerKeyOf(const std::string& member) const {
  return OrDie(SigningKey::FromPemFile(Tls(member, "signer").key_file));
}

std::string TestPki::CaDer(const std::string& member) const {
  return DerOf(ReadAll(pki_.CaFiles(FolderOf(member)).certificate_file));
}

v1::RegistryItem TestPki::MemberItem(const std::string& id) const {
  v1::RegistryItem item;
  v1::Member* member = item.mutable_member();
  member->set_id(id);
  member->set_kind(id == kSecretariat ? v1::Member::KIND_SECRETARIAT
                   : IsState(id)      ? v1::Member::KIND_STATE
                                      : v1::Member::KIND_OBSERVER);
  member->set_status(v1::Member::STATUS_ACTIVE);
  member->set_trust_domain(TrustDomainOf(id));
  member->add_ca_certificates(CaDer(id));
  v1::NameText* name = member->add_names();
  name->set_language("es");
  name->set_text(id);
  return item;
}

v1::RegistryChange TestPki::FirstChange() const {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = MemberItem(std::string(kSecretariat));
  for (const std::string& id : members_) *change.add_items() = MemberItem(id);
  std::vector<std::string> signers = {std::string(kSecretariat)};
  std::copy_if(members_.begin(), members_.end(), std::back_inserter(signers),
               IsState);
  for (const std::string& id : signers) {
    v1::SignerKey* key = change.add_items()->mutable_signer_key();
    key->set_publisher(id);
    key->set_certificate(DerOf(ReadAll(Tls(id, "signer").certificate_file)));
    key->set_issuer(CaDer(id));
  }
  *change.add_items() = TopicItem("entry-visa");
  *change.add_items() = TopicItem("education");
  *change.add_items() = CorridorItem("north", {"HN", "GT", "MX"});
  return change;
}

const TestPki& SharedPki() {
  static const auto* pki = new TestPki({"HN", "GT", "MX", "acnur"});
  return *pki;
}

TestHub::TestHub(Options options) : options_(std::move(options)) {
  Start();
  if (options_.with_registry) {
    PublishNext("OAS", RegistryParts(FirstChange()));
  }
}

NoteKey TestHub::log_key() const {
  return OrDie(NoteKey::Parse(absl::StripTrailingAsciiWhitespace(
      ReadAll(folder_.path() + "/data/log.key.pub"))));
}

v1::RegistryChange TestHub::FirstChange() const {
  v1::RegistryChange change = pki().FirstChange();
  *change.add_items() = LogPolicyItem(log_key());
  return change;
}

TestHub::~TestHub() = default;

HubOptions TestHub::hub_options() const {
  HubOptions options;
  options.data_folder = folder_.path() + "/data";
  options.federation = std::string(kFederation);
  options.log_origin = std::string(kLogOrigin);
  options.listen_address = absl::StrCat("127.0.0.1:", port_);
  options.tls = pki().Tls("OAS", "hub");
  // Tests are faster than publishers may be.
  options.publishing.rate = {1e9, 1e9};
  options_.adjust(&options);
  return options;
}

void TestHub::Start() {
  // As an administrator does, before the first start alone.
  if (!std::filesystem::exists(hub_options().data_folder)) {
    OrDie(Hub::CreateLog(hub_options()));
  }
  if (options_.as_process) {
    StartProcess();
    return;
  }
  hub_ = OrDie(Hub::Start(hub_options()));
  port_ = hub_->port();
}

std::string TestHub::WriteConfig() const {
  const HubOptions options = hub_options();
  const std::string path = folder_.path() + "/hub.textproto";
  std::ofstream(path) << "federation: \"" << options.federation
                      << "\"\nlisten: \"" << options.listen_address
                      << "\"\ndata_folder: \"data\"\ntls {\n"
                      << "  certificate_file: \""
                      << options.tls.certificate_file << "\"\n  key_file: \""
                      << options.tls.key_file << "\"\n  root_file: \""
                      << options.tls.root_file
                      << "\"\n}\npublish_limits { burst: 1000000000 }\n";
  return path;
}

void TestHub::StartProcess() {
  process_ = std::make_unique<ChildProcess>(
      "gaceta-hub", std::vector<std::string>{"--config", WriteConfig()},
      folder_.path());
  // The first line of its log says where it listens.
  const std::string listen = " listen=127.0.0.1:";
  std::string log;
  AwaitTrue([&] {
    log = process_->err();
    return absl::StrContains(log, listen) ||
           process_->Wait(absl::ZeroDuration()).has_value();
  });
  const std::size_t at = log.find(listen);
  if (at == std::string::npos) {
    std::cerr << "the hub does not start: " << log << "\n";
    std::abort();
  }
  port_ = std::atoi(log.c_str() + at + listen.size());
}

void TestHub::Stop() {
  hub_.reset();
  process_.reset();
}

void TestHub::Restart() {
  Stop();
  Start();
}

std::shared_ptr<grpc::Channel> TestHub::As(const std::string& member,
                                           const std::string& path) const {
  const ServerTlsFiles files = pki().Tls(member, path);
  client::ConnectionOptions options;
  options.server = absl::StrCat("127.0.0.1:", port_);
  options.server_id =
      absl::StrCat("spiffe://", TestPki::TrustDomainOf("OAS"), "/hub");
  options.certificate_file = files.certificate_file;
  options.key_file = files.key_file;
  options.root_file = files.root_file;
  options.max_backoff = absl::Milliseconds(200);
  return OrDie(client::Connect(options));
}

TestPublisher& TestHub::PublisherOf(const std::string& member) {
  auto found = publishers_.find(member);
  if (found == publishers_.end()) {
    found =
        publishers_
            .emplace(member, TestPublisher(member, pki().SignerKeyOf(member)))
            .first;
  }
  return found->second;
}

std::vector<absl::StatusOr<v1::Receipt>> TestHub::Publish(
    const std::string& member, const std::vector<v1::Statement>& statements) {
  auto stub = v1::PublishingService::NewStub(
      As(member, member == kSecretariat ? "admin/ana" : "node"));
  grpc::ClientContext context;
  SetDeadline(&context);
  auto stream = stub->Publish(&context);
  std::thread writer([&] {
    for (const v1::Statement& statement : statements) {
      v1::PublishRequest request;
      *request.mutable_statement() = statement;
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
  });
  std::vector<absl::StatusOr<v1::Receipt>> answers;
  v1::PublishResponse response;
  while (stream->Read(&response)) {
    if (response.has_receipt()) {
      answers.emplace_back(response.receipt());
    } else {
      answers.emplace_back(FromRpcStatus(response.error()));
    }
  }
  writer.join();
  const absl::Status end = FromGrpc(stream->Finish());
  while (answers.size() < statements.size()) answers.emplace_back(end);
  return answers;
}

Position TestHub::PublishNext(const std::string& member,
                              const StatementParts& parts) {
  return OrDie(std::move(Publish(member, {PublisherOf(member).Next(parts)})[0]))
      .position();
}

Position TestHub::PublishNext(const std::string& member,
                              const v1::Update& update) {
  return PublishNext(member, UpdateParts(update));
}

void TestHub::PublishMany(const std::string& member,
                          const std::vector<StatementParts>& parts) {
  std::vector<v1::Statement> statements;
  statements.reserve(parts.size());
  for (const StatementParts& one : parts) {
    statements.push_back(PublisherOf(member).Next(one));
  }
  for (auto& answer : Publish(member, statements)) OrDie(std::move(answer));
}

void TestHub::ChangeRegistry(const std::vector<v1::RegistryItem>& items) {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  for (const v1::RegistryItem& item : items) *change.add_items() = item;
  PublishNext("OAS", RegistryParts(change));
}

void TestHub::SuspendMember(const std::string& member) {
  v1::RegistryItem item = pki().MemberItem(member);
  item.mutable_member()->set_status(v1::Member::STATUS_SUSPENDED);
  ChangeRegistry({item});
}

v1::RegistryItem CorridorItem(const std::string& id,
                              const std::vector<std::string>& states) {
  v1::RegistryItem item;
  v1::Corridor* corridor = item.mutable_corridor();
  corridor->set_id(id);
  v1::NameText* name = corridor->add_names();
  name->set_language("es");
  name->set_text(id);
  for (std::size_t i = 0; i < states.size(); ++i) {
    v1::Corridor::Stop* stop = corridor->add_stops();
    stop->set_state(states[i]);
    stop->add_roles(i == 0                  ? v1::CORRIDOR_ROLE_SENDING
                    : i + 1 < states.size() ? v1::CORRIDOR_ROLE_TRANSIT
                                            : v1::CORRIDOR_ROLE_RECEIVING);
  }
  return item;
}

v1::Update BigUpdate(absl::string_view state, int number, std::size_t bytes) {
  v1::Update update = GoodUpdate(state, number);
  // At most 2,000 characters a language.
  const char* const languages[] = {"es", "en", "fr", "pt", "nl", "ht"};
  for (const char* language : languages) {
    const std::size_t size = update.ByteSizeLong();
    if (size + 10 >= bytes) break;
    v1::LocalizedText* text = update.add_abstracts();
    text->set_language(language);
    text->set_text(
        std::string(std::min<std::size_t>(2000, bytes - size - 10), 'a'));
  }
  return update;
}

std::string ReasonOf(const grpc::Status& status) {
  return Reason(FromGrpc(status));
}

}  // namespace gaceta::testing
