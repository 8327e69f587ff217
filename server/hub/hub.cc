#include "server/hub/hub.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/documents/document_store.h"
#include "server/documents/erase_documents.h"
#include "server/hub/checkpoint_publisher.h"
#include "server/hub/hub_folder.h"
#include "server/hub/hub_history.h"
#include "server/hub/sequencer.h"
#include "server/hub/statement_checker.h"
#include "server/hub/witness_service.h"
#include "server/log/subscription_table.h"
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
#include "verify/checkpoint.h"

namespace gaceta {
namespace {

// A log keeps its name: every statement in it bears it.
absl::Status CheckOrigin(const LogStore& log, const std::string& origin) {
  if (log.Size() == 0) return absl::OkStatus();
  auto first = log.Read(0, 1, 1);
  if (!first.ok()) return first.status();
  const auto header = HeaderOfLeaf((*first)[0].leaf);
  if (!header.has_value()) {
    return absl::DataLossError("the first entry of the log does not parse");
  }
  if (header->log_origin() == origin) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("log_origin: is ", origin, ", but the log in the folder is ",
                   header->log_origin()));
}

HubFolderOptions FolderOptions(const HubOptions& options) {
  return {options.data_folder, options.log_origin, options.log_key_file};
}

// The folder's last checkpoint must be one that this key has signed: with
// another key it would be another log.
absl::Status CheckOwnCheckpoint(const ProjectedLog& log,
                                const CheckpointPublisher& publisher) {
  const LogHeadPtr head = log.head();
  if (head == nullptr) return absl::OkStatus();
  auto opened = OpenCheckpoint(head->note, {publisher.key()});
  if (opened.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "log_key_file: the log's last checkpoint was not signed with key ",
      publisher.key().ToString(), ": ", opened.status().message()));
}

}  // namespace

// In the order of construction; each uses only those above it.
struct Hub::Parts {
  Parts(HubOptions hub_options, OwnIdentity own_identity,
        std::unique_ptr<ProjectedLog> projected_log, NoteSigner log_signer,
        std::unique_ptr<DocumentStore> document_store,
        std::unique_ptr<SubscriptionTable> subscription_table,
        std::unique_ptr<EvidenceFolder> evidence_folder)
      : options(std::move(hub_options)),
        own(std::move(own_identity)),
        log(std::move(projected_log)),
        checkpoints(log.get(), std::move(log_signer)),
        documents(std::move(document_store)),
        subscriptions(std::move(subscription_table)),
        evidence(std::move(evidence_folder)),
        authorizer(ServerKind::kHub, own.id.trust_domain(),
                   log->federation_source()),
        history(&log->index()),
        checker(log.get(), documents.get(), &history, options.log_origin),
        sequencer(std::make_unique<Sequencer>(
            log.get(), &checkpoints, evidence.get(), SequencerOptions())),
        health(&loop),
        publishing(&checker, sequencer.get(), &authorizer, &loop,
                   options.publishing),
        relay({&log->cache(), log->proof_source(), &log->index(),
               subscriptions.get(), &authorizer, log->federation_source(),
               options.log_origin},
              &loop, options.relay),
        witnesses(log.get(), &authorizer, &loop),
        documents_service(documents.get(), &authorizer,
                          {ServerKind::kHub, log.get()}),
        log_service(log.get(), &authorizer),
        registry_service(log.get(), &authorizer),
        updates_service(log.get(), &authorizer) {
    checkpoints.SetListener([this] { witnesses.Wake(); });
    log->SetRegistryListener([this](const Federation& registry) {
      EraseDocuments(registry, documents.get());
    });
  }

  // `witnesses` is there before the server takes its first statement.
  Sequencer::Options SequencerOptions() {
    Sequencer::Options sequencer_options;
    sequencer_options.quorum_reads = [this](int registry_version) {
      return witnesses.QuorumReads(registry_version);
    };
    return sequencer_options;
  }

  HubOptions options;
  OwnIdentity own;
  std::unique_ptr<ProjectedLog> log;
  CheckpointPublisher checkpoints;
  std::unique_ptr<DocumentStore> documents;
  std::unique_ptr<SubscriptionTable> subscriptions;
  std::unique_ptr<EvidenceFolder> evidence;
  Authorizer authorizer;
  HubHistory history;
  StatementChecker checker;
  std::unique_ptr<Sequencer> sequencer;
  CallLoop loop;
  HealthService health;
  PublishingService publishing;
  RelayService relay;
  WitnessService witnesses;
  DocumentsService documents_service;
  LogService log_service;
  RegistryService registry_service;
  UpdatesService updates_service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Hub::Hub(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Hub::~Hub() { Drain(absl::Now() + absl::Seconds(5)); }

int Hub::port() const { return parts_->port; }
const OwnIdentity& Hub::identity() const { return parts_->own; }
const NoteKey& Hub::log_key() const { return parts_->checkpoints.key(); }
Position Hub::log_size() const { return parts_->log->Size(); }
Position Hub::cosigned_size() const {
  const LogHeadPtr head = parts_->log->head();
  return head == nullptr ? 0 : head->cosigned_size;
}
absl::StatusOr<std::vector<std::string>> Hub::evidence_files() const {
  return parts_->evidence->List();
}

absl::StatusOr<OwnIdentity> Hub::Check(const HubOptions& options) {
  auto own = CheckTlsFiles(options.tls);
  if (!own.ok()) return own;
  auto peer = IdentifyPeer(own->id, options.federation);
  if (peer.ok() && peer->role == Role::kHub) return own;
  return InvalidField(
      "tls.certificate_file",
      absl::StrCat("is that of ", own->id.ToString(), ", expected spiffe://",
                   "secretariat.", options.federation, "/hub"));
}

absl::StatusOr<NoteKey> Hub::CreateLog(const HubOptions& options,
                                       bool reuse_key) {
  if (auto own = Check(options); !own.ok()) return own.status();
  return CreateHubFolder(FolderOptions(options), reuse_key);
}

absl::StatusOr<std::unique_ptr<Hub>> Hub::Start(HubOptions options) {
  auto own = Check(options);
  if (!own.ok()) return own.status();
  auto federation =
      ReadFederationRoot(options.tls.root_file, options.federation);
  if (!federation.ok()) return federation.status();

  const std::string& folder = options.data_folder;
  // Before anything is opened: what is refused has not changed.
  if (absl::Status s = CheckHubFolder(FolderOptions(options)); !s.ok()) {
    return s;
  }
  auto log_signer = ReadLogKey(FolderOptions(options));
  if (!log_signer.ok()) return log_signer.status();
  if (absl::Status s = OpenDataFolder(folder); !s.ok()) return s;
  auto log = ProjectedLog::Open(folder, *std::move(federation));
  if (!log.ok()) return WithRecovery(log.status(), folder);
  if (absl::Status s = CheckOrigin((*log)->store(), options.log_origin);
      !s.ok()) {
    return s;
  }
  auto documents = DocumentStore::Open(folder + "/documents");
  if (!documents.ok()) return documents.status();
  const std::string table = folder + "/subscriptions.db";
  if (!std::filesystem::exists(table)) {
    spdlog::warn("made anew, since it is missing path=\"{}\"", table);
  }
  auto subscriptions = SubscriptionTable::Open(table);
  if (!subscriptions.ok()) return subscriptions.status();
  auto evidence = EvidenceFolder::Open(folder + "/evidence");
  if (!evidence.ok()) return evidence.status();

  auto parts = std::make_unique<Parts>(
      std::move(options), *std::move(own), *std::move(log),
      *std::move(log_signer), *std::move(documents), *std::move(subscriptions),
      *std::move(evidence));
  if (absl::Status s = CheckOwnCheckpoint(*parts->log, parts->checkpoints);
      !s.ok()) {
    return s;
  }
  if (absl::Status s = parts->checkpoints.PublishAll(); !s.ok()) return s;
  auto credentials = MakeServerCredentials(parts->options.tls,
                                           parts->log->federation_source());
  if (!credentials.ok()) return credentials.status();

  grpc::ServerBuilder builder;
  PrepareServer(parts->options.listen_address, *std::move(credentials),
                &builder, &parts->port);
  parts->loop.Register(builder);
  builder.RegisterService(&parts->health);
  builder.RegisterService(&parts->publishing);
  builder.RegisterService(&parts->witnesses);
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
  parts->publishing.Start();
  parts->witnesses.Start();
  parts->relay.Start();
  parts->loop.Start();
  return std::unique_ptr<Hub>(new Hub(std::move(parts)));
}

void Hub::Drain(absl::Time deadline) {
  Parts& parts = *parts_;
  if (parts.server == nullptr) return;
  parts.health.Drain();
  // Publishers first: what they are owed is the dearest. But one that does not
  // read its answers may not take all the time.
  const absl::Time now = absl::Now();
  parts.publishing.Drain(now + (deadline - now) / 2);
  parts.witnesses.Drain(deadline);
  parts.relay.Drain(deadline);
  parts.server->Shutdown(absl::ToChronoTime(deadline));
  // Statements that were cut off are still decided, and their streams wait for
  // that.
  parts.publishing.Stop();
  parts.sequencer.reset();
  parts.loop.Stop();
  parts.relay.Stop();
  parts.server.reset();
}

}  // namespace gaceta
