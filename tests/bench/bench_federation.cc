#include "tests/bench/bench_federation.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "pki/note_key.h"
#include "verify/openssl_ptr.h"
#include "verify/statement.h"

namespace gaceta::bench {
namespace {

// Members of one change of the registry: their certificates fit into 64 KiB.
constexpr std::size_t kMembersPerChange = 12;
constexpr char kHubName[] = "hub.secretariat.gaceta.example";

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text.str();
}

absl::StatusOr<std::string> ReadDer(const std::string& path) {
  auto pem = ReadFile(path);
  if (!pem.ok()) return pem.status();
  auto certificates = X509sFromPem(*pem);
  if (certificates.empty()) {
    return absl::NotFoundError(absl::StrCat("no certificate in ", path));
  }
  return X509ToDer(certificates[0].get());
}

// The line of a file with a public key.
absl::StatusOr<std::string> ReadKeyLine(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return std::string(absl::StripTrailingAsciiWhitespace(*text));
}

// What a node calls itself when it cosigns.
std::string WitnessNameOf(absl::string_view member) {
  return absl::StrCat("node.", member, ".", kFederation);
}

std::vector<std::string> AllMembers() {
  std::vector<std::string> all = {std::string(kSecretariat)};
  all.insert(all.end(), States().begin(), States().end());
  return all;
}

void AddName(google::protobuf::RepeatedPtrField<v1::NameText>* names,
             const std::string& text) {
  v1::NameText* name = names->Add();
  name->set_language("es");
  name->set_text(text);
}

}  // namespace

const std::vector<std::string>& States() {
  static const auto* states = new std::vector<std::string>{
      "HN", "GT", "MX", "AG", "AR", "BS", "BB", "BZ", "BO", "BR", "CA", "CL",
      "CO", "CR", "CU", "DM", "DO", "EC", "SV", "GD", "GY", "HT", "JM", "NI",
      "PA", "PY", "PE", "KN", "LC", "VC", "SR", "TT", "US", "UY", "VE"};
  return *states;
}

std::string MemberOf(absl::string_view publisher) {
  return publisher == kSecretariat ? "secretariat"
                                   : absl::AsciiStrToLower(publisher);
}

absl::Status BenchFederation::Make() const {
  const absl::Time begin = absl::Now() - absl::Hours(1);
  const absl::Duration validity = absl::Hours(24 * 365 * 5);
  if (auto root = folder_.AddRoot(kFederation, begin, validity); !root.ok()) {
    return root.status();
  }
  for (const std::string& publisher : AllMembers()) {
    const std::string member = MemberOf(publisher);
    if (auto ca = folder_.AddCa(member, begin, validity); !ca.ok()) {
      return ca.status();
    }
    const bool secretariat = publisher == kSecretariat;
    for (const char* path :
         {secretariat ? "hub" : "node", "signer",
          secretariat ? "admin/bench" : "subscriber/bench"}) {
      pki::LeafOptions options;
      options.not_before = begin;
      options.validity = validity;
      if (std::string(path) == "hub") options.dns_names = {kHubName};
      auto leaf = folder_.AddLeaf(member, path, options);
      if (!leaf.ok()) return leaf.status();
    }
    if (secretariat) continue;
    auto cosigner =
        pki::MakeNoteKey(CosignerKeyOf(member), WitnessNameOf(member),
                         NoteKeyType::kCosignature);
    if (!cosigner.ok()) return cosigner.status();
  }
  return absl::OkStatus();
}

std::string BenchFederation::CosignerKeyOf(absl::string_view member) const {
  return absl::StrCat(folder_path_, "/", member, "/cosigner.key");
}

absl::StatusOr<std::string> BenchFederation::PolicyText(
    const PolicyOptions& policy) const {
  auto log_key = ReadKeyLine(policy.log_key_file);
  if (!log_key.ok()) return log_key.status();
  std::string text = absl::StrCat("log ", *log_key, "\n");
  if (policy.quorum == 0) return text + "quorum none\n";
  std::string names;
  for (int i = 0; i < policy.witnesses; ++i) {
    const std::string member = MemberOf(States().at(i));
    auto key = ReadKeyLine(CosignerKeyOf(member) + ".pub");
    if (!key.ok()) return key.status();
    const std::string name = WitnessNameOf(member);
    absl::StrAppend(&text, "witness ", name, " ", *key, "\n");
    absl::StrAppend(&names, " ", name);
  }
  return absl::StrCat(text, "group witnesses ", policy.quorum, names,
                      "\nquorum witnesses\n");
}

absl::StatusOr<std::vector<v1::RegistryChange>> BenchFederation::Registry(
    const PolicyOptions& policy) const {
  auto policy_text = PolicyText(policy);
  if (!policy_text.ok()) return policy_text.status();
  std::vector<v1::RegistryChange> changes;
  std::size_t members = 0;
  for (const std::string& publisher : AllMembers()) {
    if (members++ % kMembersPerChange == 0) {
      changes.emplace_back().set_nonce(NewPayloadNonce());
    }
    v1::RegistryChange& change = changes.back();
    const std::string name = MemberOf(publisher);
    auto ca = ReadDer(folder_.CaFiles(name).certificate_file);
    if (!ca.ok()) return ca.status();
    auto signer = ReadDer(folder_.LeafFiles(name, "signer").certificate_file);
    if (!signer.ok()) return signer.status();
    v1::Member* member = change.add_items()->mutable_member();
    member->set_id(publisher);
    member->set_kind(publisher == kSecretariat ? v1::Member::KIND_SECRETARIAT
                                               : v1::Member::KIND_STATE);
    member->set_status(v1::Member::STATUS_ACTIVE);
    member->set_trust_domain(absl::StrCat(name, ".", kFederation));
    member->add_ca_certificates(*ca);
    AddName(member->mutable_names(), publisher);
    v1::SignerKey* key = change.add_items()->mutable_signer_key();
    key->set_publisher(publisher);
    key->set_certificate(*signer);
    key->set_issuer(*ca);
  }
  v1::Topic* topic = changes.back().add_items()->mutable_topic();
  topic->set_id("entry-visa");
  AddName(topic->mutable_names(), "Ingreso y visas");
  changes.back().add_items()->mutable_log_policy()->set_policy(*policy_text);
  return changes;
}

absl::StatusOr<SigningKey> BenchFederation::SignerOf(
    absl::string_view publisher) const {
  return SigningKey::FromPemFile(
      folder_.LeafFiles(MemberOf(publisher), "signer").key_file);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>>
BenchFederation::CredentialsOf(absl::string_view member,
                               absl::string_view path) const {
  const pki::PkiFolder::Files files = folder_.LeafFiles(member, path);
  auto root = ReadFile(folder_.RootFiles().certificate_file);
  if (!root.ok()) return root.status();
  auto certificate = ReadFile(files.certificate_file);
  if (!certificate.ok()) return certificate.status();
  auto key = ReadFile(files.key_file);
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = *std::move(root);
  options.pem_cert_chain = *std::move(certificate);
  options.pem_private_key = *std::move(key);
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::Channel> NewChannel(
    const std::string& server,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kHubName);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Only who connects before the hub listens waits so.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetMaxReceiveMessageSize(4 * 1024 * 1024);
  return grpc::CreateCustomChannel(server, credentials, arguments);
}

}  // namespace gaceta::bench
