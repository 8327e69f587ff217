#include "server/node/node.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/documents/document_store.h"
#include "server/documents/erase_documents.h"
#include "server/identity/authorizer.h"
#include "server/log/subscription_table.h"
#include "server/node/document_mirror.h"
#include "server/node/log_trust.h"
#include "server/node/mirror.h"
#include "server/node/node_folder.h"
#include "server/node/outbox.h"
#include "server/node/submission_intake.h"
#include "server/node/submissions_service.h"
#include "server/node/witness.h"
#include "server/projections/projected_log.h"
#include "server/rpc/call_loop.h"
#include "server/services/documents_service.h"
#include "server/services/health_service.h"
#include "server/services/log_service.h"
#include "server/services/registry_service.h"
#include "server/services/server_builder.h"
#include "server/services/updates_service.h"
#include "server/storage/data_folder.h"
#include "spdlog/spdlog.h"
#include "verify/keys.h"

namespace gaceta {
namespace {

absl::Status CheckIdentity(const OwnIdentity& own, const NodeOptions& options) {
  const std::string expected =
      absl::StrCat("spiffe://", absl::AsciiStrToLower(options.state), ".",
                   options.federation, "/node");
  if (own.id.ToString() == expected) return absl::OkStatus();
  return InvalidField(
      "tls.certificate_file",
      absl::StrCat("is that of ", own.id.ToString(), ", expected ", expected));
}

// Fills in what follows from other options.
NodeOptions WithDefaults(NodeOptions options) {
  if (options.log_origin.empty()) {
    options.log_origin = absl::StrCat("hub.", options.federation, "/log");
  }
  client::ConnectionOptions& hub = options.hub;
  if (hub.server_id.empty()) {
    hub.server_id =
        absl::StrCat("spiffe://secretariat.", options.federation, "/hub");
  }
  if (hub.certificate_file.empty()) {
    hub.certificate_file = options.tls.certificate_file;
  }
  if (hub.key_file.empty()) hub.key_file = options.tls.key_file;
  if (hub.root_file.empty()) hub.root_file = options.tls.root_file;
  return options;
}

std::string EvidenceFolderOf(const NodeOptions& options) {
  return options.data_folder + "/evidence";
}

HubLinkOptions LinkOptions(const NodeOptions& options, LogTrust* trust) {
  HubLinkOptions link;
  link.check_receipt = [trust](const v1::Receipt& receipt) {
    return trust->CheckReceipt(receipt);
  };
  link.trust = [trust] { return trust->status(); };
  link.log_origin = options.log_origin;
  link.backoff = options.backoff;
  link.hold = options.hold;
  return link;
}

MirrorOptions MirrorOptionsOf(const NodeOptions& options) {
  MirrorOptions mirror;
  mirror.source.connection = options.hub;
  mirror.source.federation = options.federation;
  mirror.source.log_origin = options.log_origin;
  mirror.publisher = options.state;
  mirror.evidence_folder = EvidenceFolderOf(options);
  mirror.filter = options.mirror_filter;
  mirror.backoff = options.backoff;
  mirror.hold = options.hold;
  return mirror;
}

// The state's own statements are in the outbox as well.
void ErasePayloads(const Federation& registry, const ProjectedLog& log,
                   const std::string& state, Outbox* outbox) {
  for (const auto& [position, in_force] : registry.erasures()) {
    auto entry = log.store().Read(position, 1, 1);
    if (!entry.ok()) continue;
    const auto header = HeaderOfLeaf(entry->front().leaf);
    if (!header.has_value() || header->publisher() != state) continue;
    if (absl::Status s = outbox->Erase(header->statement_id()); !s.ok()) {
      spdlog::error("cannot erase a submission submission_id={} error=\"{}\"",
                    header->statement_id(), std::string(s.message()));
    }
  }
}

DocumentMirrorOptions DocumentMirrorOptionsOf(const NodeOptions& options) {
  return {options.data_folder + "/documents/mirrored_position",
          options.backoff};
}

}  // namespace

// In the order of construction; each uses only those above it.
struct Node::Parts {
  // What can fail to open.
  struct Opened {
    OwnIdentity own;
    std::unique_ptr<StatementSigner> signer;
    std::unique_ptr<ProjectedLog> log;
    std::unique_ptr<DocumentStore> documents;
    std::unique_ptr<SubscriptionTable> subscriptions;
    std::unique_ptr<Outbox> outbox;
    // One connection for statements with their documents, another for documents
    // that come back: neither waits for the other.
    std::shared_ptr<grpc::Channel> publish_channel;
    std::shared_ptr<grpc::Channel> document_channel;
    std::unique_ptr<EvidenceFolder> evidence;
    std::unique_ptr<LogTrust> trust;
    std::unique_ptr<CheckpointWitness> witness;
  };

  Parts(NodeOptions node_options, Opened all)
      : options(std::move(node_options)),
        opened(std::move(all)),
        authorizer(ServerKind::kNode, opened.own.id.trust_domain(),
                   opened.log->federation_source()),
        intake({options.state, opened.outbox.get(), opened.log.get(),
                opened.documents.get()}),
        health(&loop),
        submissions(&intake, opened.outbox.get(), &authorizer, &loop),
        relay({&opened.log->cache(), opened.log->proof_source(),
               &opened.log->index(), opened.subscriptions.get(), &authorizer,
               opened.log->federation_source(), options.log_origin},
              &loop, options.relay),
        documents_service(opened.documents.get(), &authorizer,
                          {ServerKind::kNode, opened.log.get()}),
        log_service(opened.log.get(), &authorizer),
        registry_service(opened.log.get(), &authorizer),
        updates_service(opened.log.get(), &authorizer),
        link(LinkOptions(options, opened.trust.get()), opened.publish_channel,
             opened.outbox.get(), opened.documents.get(), opened.log.get(),
             opened.signer.get()),
        document_mirror(DocumentMirrorOptionsOf(options),
                        opened.document_channel, opened.log.get(),
                        opened.documents.get()),
        mirror(MirrorOptionsOf(options), opened.log.get(), opened.outbox.get(),
               opened.trust.get()),
        witness_link(std::move(opened.witness), opened.document_channel,
                     opened.log.get(), options.backoff) {
    opened.outbox->SetListener([this](const std::vector<std::string>& ids) {
      submissions.Changed(ids);
      link.Wake();
    });
    opened.log->SetRegistryListener([this](const Federation& registry) {
      EraseDocuments(registry, opened.documents.get());
      ErasePayloads(registry, *opened.log, options.state, opened.outbox.get());
    });
    mirror.SetCosigned(
        [witness = witness_link.witness()] { return witness->cosigned(); });
    mirror.SetListener([this] {
      link.MirrorGrew();
      witness_link.MirrorGrew();
      if (options.mirror_documents) document_mirror.Wake();
    });
  }

  NodeOptions options;
  Opened opened;
  Authorizer authorizer;
  SubmissionIntake intake;
  CallLoop loop;
  HealthService health;
  SubmissionsService submissions;
  RelayService relay;
  DocumentsService documents_service;
  LogService log_service;
  RegistryService registry_service;
  UpdatesService updates_service;
  HubLink link;
  DocumentMirror document_mirror;
  Mirror mirror;
  WitnessLink witness_link;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

namespace {

absl::StatusOr<std::unique_ptr<StatementSigner>> OpenSigner(
    const NodeOptions& options) {
  auto key = SigningKey::FromPemFile(options.signer_key_file);
  if (!key.ok()) {
    return Annotate(key.status(),
                    absl::StrCat("signer_key_file ", options.signer_key_file));
  }
  return std::make_unique<StatementSigner>(options.log_origin, options.state,
                                           *std::move(key));
}

NodeFolderOptions FolderOptions(const NodeOptions& options) {
  return {options.data_folder,
          absl::StrCat("node.", absl::AsciiStrToLower(options.state), ".",
                       options.federation),
          options.cosigner_key_file};
}

}  // namespace

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() { Drain(absl::Now() + absl::Seconds(5)); }

int Node::port() const { return parts_->port; }
const OwnIdentity& Node::identity() const { return parts_->opened.own; }
Position Node::log_size() const { return parts_->opened.log->Size(); }
Position Node::cosigned_size() const {
  const LogHeadPtr head = parts_->opened.log->head();
  return head == nullptr ? 0 : head->cosigned_size;
}
absl::Status Node::trust_status() const {
  return parts_->opened.trust->status();
}
absl::StatusOr<std::vector<std::string>> Node::evidence_files() const {
  return parts_->opened.evidence->List();
}
absl::Status Node::mirror_status() const { return parts_->mirror.status(); }
absl::StatusOr<std::uint64_t> Node::pending() const {
  return parts_->opened.outbox->PendingCount();
}

absl::StatusOr<OwnIdentity> Node::Check(const NodeOptions& options) {
  auto own = CheckTlsFiles(options.tls);
  if (!own.ok()) return own.status();
  if (absl::Status s = CheckIdentity(*own, options); !s.ok()) return s;
  if (auto signer = OpenSigner(options); !signer.ok()) return signer.status();
  return own;
}

absl::StatusOr<NoteKey> Node::CreateData(const NodeOptions& options,
                                         bool reuse_key) {
  if (auto own = Check(options); !own.ok()) return own.status();
  return CreateNodeFolder(FolderOptions(options), reuse_key);
}

absl::StatusOr<std::unique_ptr<Node>> Node::Start(NodeOptions given) {
  NodeOptions options = WithDefaults(std::move(given));
  auto own = Check(options);
  if (!own.ok()) return own.status();
  auto signer = OpenSigner(options);
  if (!signer.ok()) return signer.status();
  auto federation =
      ReadFederationRoot(options.tls.root_file, options.federation);
  if (!federation.ok()) return federation.status();
  auto publish_channel = client::Connect(options.hub);
  if (!publish_channel.ok()) return Annotate(publish_channel.status(), "hub");
  auto document_channel = client::Connect(options.hub);
  if (!document_channel.ok()) return Annotate(document_channel.status(), "hub");

  const std::string& folder = options.data_folder;
  // Before anything is opened: what is refused has not changed.
  if (absl::Status s = CheckNodeFolder(FolderOptions(options)); !s.ok()) {
    return s;
  }
  auto cosigner = ReadCosignerKey(FolderOptions(options));
  if (!cosigner.ok()) return cosigner.status();
  if (absl::Status s = OpenDataFolder(folder); !s.ok()) return s;
  if (absl::Status s = PrepareMirror(folder); !s.ok()) {
    return Annotate(s, absl::StrCat("data_folder ", folder));
  }
  auto log = ProjectedLog::Open(folder, *std::move(federation));
  if (!log.ok()) return WithRefetch(log.status(), folder);
  auto documents = DocumentStore::Open(folder + "/documents");
  if (!documents.ok()) return documents.status();
  auto subscriptions = SubscriptionTable::Open(folder + "/subscriptions.db");
  if (!subscriptions.ok()) return subscriptions.status();
  Outbox::Options outbox_options;
  outbox_options.path = folder + "/outbox.db";
  outbox_options.max_pending = options.max_pending;
  auto outbox = Outbox::Open(std::move(outbox_options), signer->get());
  if (!outbox.ok()) return outbox.status();

  auto evidence = EvidenceFolder::Open(EvidenceFolderOf(options));
  if (!evidence.ok()) return evidence.status();
  auto trust = std::make_unique<LogTrust>(log->get(), evidence->get());
  if (absl::Status s = trust->Remember((*log)->checkpoints()); !s.ok()) {
    return s;
  }
  auto witness = CheckpointWitness::Open(log->get(), &(*log)->checkpoints(),
                                         *std::move(cosigner), trust.get());
  if (!witness.ok()) return witness.status();

  auto parts = std::make_unique<Parts>(
      std::move(options),
      Parts::Opened{*std::move(own), *std::move(signer), *std::move(log),
                    *std::move(documents), *std::move(subscriptions),
                    *std::move(outbox), *std::move(publish_channel),
                    *std::move(document_channel), *std::move(evidence),
                    std::move(trust), *std::move(witness)});
  auto credentials = MakeServerCredentials(
      parts->options.tls, parts->opened.log->federation_source());
  if (!credentials.ok()) return credentials.status();

  grpc::ServerBuilder builder;
  PrepareServer(parts->options.listen_address, *std::move(credentials),
                &builder, &parts->port);
  parts->loop.Register(builder);
  builder.RegisterService(&parts->health);
  builder.RegisterService(&parts->submissions);
  builder.RegisterService(&parts->documents_service);
  builder.RegisterService(&parts->log_service);
  builder.RegisterService(&parts->registry_service);
  builder.RegisterService(&parts->updates_service);
  parts->relay.Register(builder);
  auto server =
      StartServer(parts->options.listen_address, &builder, &parts->port);
  if (!server.ok()) return server.status();
  parts->server = *std::move(server);
  parts->health.Start();
  parts->submissions.Start();
  parts->relay.Start();
  parts->loop.Start();

  std::unique_ptr<Node> node(new Node(std::move(parts)));
  if (absl::Status s = node->parts_->mirror.Start(); !s.ok()) return s;
  if (node->parts_->options.mirror_documents) {
    node->parts_->document_mirror.Start();
  }
  node->parts_->link.Start();
  node->parts_->witness_link.Start();
  return node;
}

void Node::Drain(absl::Time deadline) {
  Parts& parts = *parts_;
  if (parts.server == nullptr) return;
  spdlog::info("node drains");
  parts.health.Drain();
  parts.submissions.Drain();
  parts.relay.Drain(deadline);
  // Submissions under way are answered; the link still takes receipts.
  parts.server->Shutdown(absl::ToChronoTime(deadline));
  parts.loop.Stop();
  parts.relay.Stop();
  // What is under way to the hub is sent again by the next start, and then gets
  // its receipts.
  parts.link.Stop();
  parts.witness_link.Stop();
  parts.mirror.Stop();
  parts.document_mirror.Stop();
  parts.server.reset();
  spdlog::info("node stopped");
}

}  // namespace gaceta
