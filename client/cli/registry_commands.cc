#include "cli/registry_commands.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/output.h"
#include "cli/registry_change.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/registry_client.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "verify/registry_items/registry_items.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

// Flags that every verb has.
struct SigningFlags {
  // File of the secretariat's signing key.
  std::string key_file;
  // As PublishRequest.accept_older_witnesses.
  bool force = false;
};

// Publishes statements of the secretariat, one after the other.
class RegistryPublisher {
 public:
  // Reads the key and the registry as it is.
  static absl::StatusOr<std::unique_ptr<RegistryPublisher>> Create(
      const CliContext& context, const ResolvedProfile& profile,
      const SigningFlags& signing);

  const Federation& registry() const { return *registry_; }

  // Checks, signs and publishes a change. Its receipt says where it is.
  absl::StatusOr<v1::Receipt> Publish(v1::RegistryChange change);

 private:
  RegistryPublisher(std::unique_ptr<v1::PublishingService::Stub> stub,
                    StatementSigner signer, bool force, Federation registry)
      : stub_(std::move(stub)),
        signer_(std::move(signer)),
        force_(force),
        registry_(std::make_unique<Federation>(std::move(registry))) {}

  absl::StatusOr<ChainHead> FetchHead();
  absl::StatusOr<v1::Receipt> Send(v1::Statement statement);

  const std::unique_ptr<v1::PublishingService::Stub> stub_;
  const StatementSigner signer_;
  const bool force_;
  // As it is with all that was published here.
  const std::unique_ptr<Federation> registry_;
};

absl::StatusOr<std::unique_ptr<RegistryPublisher>> RegistryPublisher::Create(
    const CliContext& context, const ResolvedProfile& profile,
    const SigningFlags& signing) {
  absl::StatusOr<SigningKey> key = SigningKey::FromPemFile(signing.key_file);
  if (!key.ok()) return Annotate(key.status(), "--signer-key");
  absl::StatusOr<client::LogSource> source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<client::Registry>> registry =
      client::Registry::Create(*source);
  if (!registry.ok()) return registry.status();
  if (absl::Status s = (*registry)->Refresh(QuestionDeadline()); !s.ok()) {
    return s;
  }
  return std::unique_ptr<RegistryPublisher>(new RegistryPublisher(
      v1::PublishingService::NewStub(source->channel),
      StatementSigner(profile.log_origin, std::string(kSecretariat),
                      *std::move(key)),
      signing.force, *(*registry)->Latest()));
}

absl::StatusOr<ChainHead> RegistryPublisher::FetchHead() {
  grpc::ClientContext call;
  call.set_deadline(absl::ToChronoTime(QuestionDeadline()));
  v1::GetChainHeadRequest request;
  request.set_publisher(signer_.publisher());
  v1::GetChainHeadResponse response;
  absl::Status status =
      FromGrpc(stub_->GetChainHead(&call, request, &response));
  if (!status.ok()) return status;
  return ChainHead{response.sequence(), response.header_digest()};
}

absl::StatusOr<v1::Receipt> RegistryPublisher::Send(v1::Statement statement) {
  grpc::ClientContext call;
  call.set_deadline(absl::ToChronoTime(QuestionDeadline()));
  const auto stream = stub_->Publish(&call);
  v1::PublishRequest request;
  *request.mutable_statement() = std::move(statement);
  request.set_accept_older_witnesses(force_);
  v1::PublishResponse response;
  const bool answered =
      stream->Write(request) && stream->WritesDone() && stream->Read(&response);
  absl::Status status = FromGrpc(stream->Finish());
  if (!answered) {
    return status.ok() ? absl::UnavailableError("the hub gave no answer")
                       : status;
  }
  if (response.has_error()) return FromRpcStatus(response.error());
  return std::move(*response.mutable_receipt());
}

absl::StatusOr<v1::Receipt> RegistryPublisher::Publish(
    v1::RegistryChange change) {
  if (absl::Status s = registry_->Check(change); !s.ok()) return s;
  absl::StatusOr<ChainHead> head = FetchHead();
  if (!head.ok()) return head.status();
  // Nothing in the registry vouches for the first key but the statement that
  // brings it.
  const std::string& key_id = signer_.public_key().key_id();
  const bool first = head->sequence == 0;
  absl::Status known =
      first ? registry_->FindBootstrapKey(change, key_id).status()
            : registry_->FindKey(kSecretariat, key_id, kLatest).status();
  if (!known.ok()) {
    return first ? Annotate(known,
                            "the first change must bring the secretariat "
                            "itself: gaceta registry member OAS")
                 : known;
  }
  change.set_nonce(NewPayloadNonce());
  StatementSigner::Content content;
  content.statement_id = NewStatementId();
  content.payload_type = std::string(kRegistryChangePayloadType);
  content.payload = change.SerializeAsString();
  absl::StatusOr<v1::Statement> statement =
      signer_.Sign(*head, content, absl::Now());
  if (!statement.ok()) return statement.status();
  absl::StatusOr<v1::Receipt> receipt = Send(*std::move(statement));
  if (receipt.ok()) {
    // Checked above.
    registry_->Apply(change, receipt->position()).IgnoreError();
  }
  return receipt;
}

void PrintPublished(const CliContext& context, const std::string& what,
                    const v1::Receipt* receipt) {
  if (context.output == OutputFormat::kJson) {
    context.out << "{\"change\":" << JsonString(what)
                << (receipt == nullptr
                        ? ",\"unchanged\":true}"
                        : absl::StrCat(",\"position\":", receipt->position(),
                                       "}"))
                << '\n';
    return;
  }
  if (receipt == nullptr) {
    context.out << Say(context.language, Phrase::kAlreadyPublished) << "  "
                << what << '\n';
    return;
  }
  context.out << Say(context.language, Phrase::kPublished) << "  "
              << receipt->position() << "  " << what << '\n';
}

// Publishes what of `change` is new.
absl::Status PublishChange(const CliContext& context, const std::string& what,
                           v1::RegistryChange change,
                           RegistryPublisher* publisher) {
  DropUnchanged(publisher->registry(), &change);
  if (change.items().empty()) {
    PrintPublished(context, what, nullptr);
    return absl::OkStatus();
  }
  const std::string items = absl::StrJoin(
      change.items(), ", ", [](std::string* out, const v1::RegistryItem& item) {
        absl::StrAppend(out, DescribeItem(item));
      });
  absl::StatusOr<v1::Receipt> receipt = publisher->Publish(std::move(change));
  if (!receipt.ok()) return Annotate(receipt.status(), what);
  PrintPublished(context, items, &*receipt);
  return absl::OkStatus();
}

absl::StatusOr<int> PublishFiles(const CliContext& context,
                                 const ResolvedProfile& profile,
                                 const SigningFlags& signing,
                                 const std::vector<std::string>& paths) {
  // All files are read before anything is published.
  std::vector<v1::RegistryChange> changes;
  for (const std::string& path : paths) {
    absl::StatusOr<v1::RegistryChange> change = ReadRegistryChange(path);
    if (!change.ok()) return change.status();
    changes.push_back(*std::move(change));
  }
  auto publisher = RegistryPublisher::Create(context, profile, signing);
  if (!publisher.ok()) return publisher.status();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    absl::Status status = PublishChange(
        context, paths[i], std::move(changes[i]), publisher->get());
    if (!status.ok()) return status;
  }
  return kExitDone;
}

absl::StatusOr<int> PublishPolicy(const CliContext& context,
                                  const ResolvedProfile& profile,
                                  const SigningFlags& signing,
                                  const PolicyFiles& files) {
  absl::StatusOr<v1::RegistryChange> change = MakePolicyChange(files);
  if (!change.ok()) return change.status();
  auto publisher = RegistryPublisher::Create(context, profile, signing);
  if (!publisher.ok()) return publisher.status();
  absl::Status status = PublishChange(context, "log policy", *std::move(change),
                                      publisher->get());
  if (!status.ok()) return status;
  return kExitDone;
}

absl::StatusOr<int> PublishErasure(const CliContext& context,
                                   const ResolvedProfile& profile,
                                   const SigningFlags& signing,
                                   const ErasureTarget& target,
                                   const std::string& ground) {
  auto publisher = RegistryPublisher::Create(context, profile, signing);
  if (!publisher.ok()) return publisher.status();
  absl::Status status = PublishChange(
      context, "erasure", MakeErasureChange(target, ground), publisher->get());
  if (!status.ok()) return status;
  return kExitDone;
}

absl::StatusOr<int> PublishMember(const CliContext& context,
                                  const ResolvedProfile& profile,
                                  const SigningFlags& signing,
                                  const MemberFiles& files) {
  absl::StatusOr<v1::RegistryChange> change =
      MakeMemberChange(files, profile.federation);
  if (!change.ok()) return change.status();
  auto publisher = RegistryPublisher::Create(context, profile, signing);
  if (!publisher.ok()) return publisher.status();
  absl::Status status =
      PublishChange(context, absl::StrCat("member ", files.id),
                    *std::move(change), publisher->get());
  if (!status.ok()) return status;
  return kExitDone;
}

void AddSigningFlags(CLI::App& verb, SigningFlags* signing) {
  verb.add_flag("--force", signing->force,
                "Publish also what witnesses cannot read that are older than "
                "this change: they cosign nothing until they are upgraded");
  verb.add_option("--signer-key", signing->key_file,
                  "The secretariat's signing key, PEM, mode 0600")
      ->required()
      ->type_name("FILE");
}

void AddPolicyVerb(CLI::App& noun, CliContext& context,
                   const std::shared_ptr<SigningFlags>& signing) {
  CLI::App* policy = AddVerb(
      noun, "policy",
      "Says who signs the log, who cosigns it, and how many of them are a "
      "quorum. The hub takes no updates before there is a policy with its key.",
      "  gaceta registry policy --log-key hub/log.key.pub --witness "
      "hn/cosigner.key.pub \\\n"
      "    --witness mx/cosigner.key.pub --quorum 1 --signer-key "
      "pki/secretariat/signer.key");
  auto files = std::make_shared<PolicyFiles>();
  auto grace = std::make_shared<int>(0);
  policy
      ->add_option("--log-key", files->log_key_file,
                   "The hub's public log key, log.key.pub")
      ->required()
      ->type_name("FILE");
  policy
      ->add_option("--witness", files->witness_files,
                   "A node's public cosigning key, cosigner.key.pub; repeat it")
      ->type_name("FILE");
  policy
      ->add_option("--quorum", files->quorum,
                   "How many witnesses have to cosign: a number, all, or none")
      ->required();
  policy
      ->add_option("--grace", *grace,
                   "How long readers wait for them, in seconds; default 60")
      ->check(CLI::Range(1, 86400));
  AddSigningFlags(*policy, signing.get());
  RunWithProfile(
      *policy, context,
      [&context, files, grace, signing](const ResolvedProfile& profile) {
        files->grace = absl::Seconds(*grace);
        return PublishPolicy(context, profile, *signing, *files);
      });
}

void AddEraseVerb(CLI::App& noun, CliContext& context,
                  const std::shared_ptr<SigningFlags>& signing) {
  CLI::App* erase = AddVerb(
      noun, "erase",
      "Erases a payload or a document everywhere, for good: on the hub, in all "
      "nodes and exports. Its header and digest stay, so every proof holds. "
      "The "
      "ground is public. What programs have read before is theirs to delete.",
      "  gaceta registry erase --position 41 --ground 'Names a child' \\\n"
      "    --signer-key pki/secretariat/signer.key\n"
      "  gaceta registry erase --document 9f86d081884c7d65... --ground "
      "'Court order 12-2026' \\\n"
      "    --signer-key pki/secretariat/signer.key");
  auto target = std::make_shared<ErasureTarget>();
  auto ground = std::make_shared<std::string>();
  CLI::Option_group* one = erase->add_option_group("What is erased");
  one->add_option("--position", target->position,
                  "Position of the entry whose payload is erased")
      ->check(CLI::NonNegativeNumber);
  one->add_option("--document", target->document,
                  "SHA-256 of the document, in lower-case hex");
  one->require_option(1);
  erase->add_option("--ground", *ground, "Why, as everybody will read it")
      ->required();
  AddSigningFlags(*erase, signing.get());
  RunWithProfile(
      *erase, context,
      [&context, target, ground, signing](const ResolvedProfile& profile) {
        return PublishErasure(context, profile, *signing, *target, *ground);
      });
}

absl::StatusOr<int> RevokeCertificate(const CliContext& context,
                                      const ResolvedProfile& profile,
                                      const SigningFlags& signing,
                                      const std::string& path,
                                      const std::string& ground) {
  absl::StatusOr<v1::RegistryChange> change =
      MakeRevokedCertificateChange(path, ground);
  if (!change.ok()) return change.status();
  auto publisher = RegistryPublisher::Create(context, profile, signing);
  if (!publisher.ok()) return publisher.status();
  absl::Status status =
      PublishChange(context, path, *std::move(change), publisher->get());
  if (!status.ok()) return status;
  return kExitDone;
}

void AddRevokeCertificateVerb(CLI::App& noun, CliContext& context,
                              const std::shared_ptr<SigningFlags>& signing) {
  CLI::App* revoke = AddVerb(
      noun, "revoke-certificate",
      "Revokes a certificate for good: of a program, or of a CA and so of "
      "every "
      "certificate that it signed. A signing key is revoked by a "
      "signerKeyRevocation instead (registry publish). The ground is public.",
      "  gaceta registry revoke-certificate pki/hn/node.pem --ground 'Stolen "
      "server' \\\n"
      "    --signer-key pki/secretariat/signer.key");
  auto path = std::make_shared<std::string>();
  auto ground = std::make_shared<std::string>();
  revoke
      ->add_option("certificate", *path,
                   "The certificate, PEM; the first one of the file")
      ->required()
      ->type_name("FILE");
  revoke->add_option("--ground", *ground, "Why, as everybody will read it")
      ->required();
  AddSigningFlags(*revoke, signing.get());
  RunWithProfile(
      *revoke, context,
      [&context, path, ground, signing](const ResolvedProfile& profile) {
        return RevokeCertificate(context, profile, *signing, *path, *ground);
      });
}

}  // namespace

void AddRegistryCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "registry",
      "For the secretariat: members, keys, corridors, topics and erasures of "
      "the federation");
  noun->require_subcommand(1);
  auto signing = std::make_shared<SigningFlags>();

  CLI::App* publish = AddVerb(
      *noun, "publish",
      "Signs and publishes changes of the registry: each file is the JSON of "
      "a gaceta.v1.RegistryChange. What is so already is left out.",
      "  gaceta registry publish topics.json corridors.json "
      "--signer-key pki/secretariat/signer.key");
  auto files = std::make_shared<std::vector<std::string>>();
  publish->add_option("files", *files, "The changes, published in this order")
      ->required()
      ->type_name("FILE");
  AddSigningFlags(*publish, signing.get());
  RunWithProfile(*publish, context,
                 [&context, files, signing](const ResolvedProfile& profile) {
                   return PublishFiles(context, profile, *signing, *files);
                 });

  CLI::App* member = AddVerb(
      *noun, "member",
      "Makes a state, an organisation or the secretariat (OAS) a member, with "
      "its CA and its signing key. The secretariat comes first. Host names and "
      "addresses of its servers are those that the CA is kept to; no other "
      "member may have them.",
      "  gaceta registry member OAS --ca pki/secretariat/ca.pem \\\n"
      "    --signer pki/secretariat/signer.pem "
      "--signer-key pki/secretariat/signer.key\n"
      "  gaceta registry member HN --ca pki/hn/ca.pem --signer "
      "pki/hn/signer.pem \\\n"
      "    --members members.json --signer-key pki/secretariat/signer.key");
  auto member_files = std::make_shared<MemberFiles>();
  member->add_option("id", member_files->id, "HN, OAS, or an organisation's id")
      ->required();
  member
      ->add_option("--ca", member_files->ca_file,
                   "The member's CA certificate, PEM")
      ->required()
      ->type_name("FILE");
  member
      ->add_option("--signer", member_files->signer_file,
                   "The certificate of the key that signs its statements, "
                   "PEM; an organisation that only reads has none")
      ->type_name("FILE");
  member
      ->add_option("--members", member_files->members_file,
                   "JSON with the member's names in several languages")
      ->type_name("FILE");
  AddSigningFlags(*member, signing.get());
  RunWithProfile(
      *member, context,
      [&context, member_files, signing](const ResolvedProfile& profile) {
        return PublishMember(context, profile, *signing, *member_files);
      });
  AddPolicyVerb(*noun, context, signing);
  AddEraseVerb(*noun, context, signing);
  AddRevokeCertificateVerb(*noun, context, signing);
}

}  // namespace gaceta::cli
