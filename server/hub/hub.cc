#include "server/hub/hub.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/documents/document_store.h"
#include "server/hub/evidence_folder.h"
#include "server/hub/hub_history.h"
#include "server/hub/sequencer.h"
#include "server/hub/statement_checker.h"
#include "server/log/subscription_table.h"
#include "server/projections/projected_log.h"
#include "server/services/documents_service.h"
#include "server/services/registry_service.h"
#include "server/services/server_builder.h"
#include "server/services/updates_service.h"

namespace gaceta {
namespace {

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot make folder ", folder, ": ", error.message()));
}

// A log keeps its name: every statement in it bears it.
absl::Status CheckOrigin(const LogStore& log, const std::string& origin) {
  if (log.Size() == 0) return absl::OkStatus();
  auto first = log.Read(0, 1, 1);
  if (!first.ok()) return first.status();
  v1::Leaf leaf;
  v1::StatementHeader header;
  if (!leaf.ParseFromString((*first)[0].leaf) ||
      !header.ParseFromString(leaf.header())) {
    return absl::DataLossError("the first entry of the log does not parse");
  }
  if (header.log_origin() == origin) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("log_origin: is ", origin, ", but the log in the folder is ",
                   header.log_origin()));
}

}  // namespace

// In the order of construction; each uses only those above it.
struct Hub::Parts {
  Parts(HubOptions hub_options, OwnIdentity own_identity,
        std::unique_ptr<ProjectedLog> projected_log,
        std::unique_ptr<DocumentStore> document_store,
        std::unique_ptr<SubscriptionTable> subscription_table,
        std::unique_ptr<EvidenceFolder> evidence_folder)
      : options(std::move(hub_options)),
        own(std::move(own_identity)),
        log(std::move(projected_log)),
        documents(std::move(document_store)),
        subscriptions(std::move(subscription_table)),
        evidence(std::move(evidence_folder)),
        authorizer(ServerKind::kHub, own.id.trust_domain(),
                   log->federation_source()),
        history(&log->index()),
        checker(log.get(), documents.get(), &history, options.log_origin),
        sequencer(std::make_unique<Sequencer>(log.get(), evidence.get(),
                                              Sequencer::Options())),
        publishing(&checker, sequencer.get(), &authorizer, options.publishing),
        relay({&log->cache(), &log->index(), subscriptions.get(), &authorizer,
               log->federation_source(), options.log_origin},
              options.relay),
        documents_service(documents.get(), &authorizer),
        registry_service(log.get(), &authorizer),
        updates_service(log.get(), &authorizer) {}

  HubOptions options;
  OwnIdentity own;
  std::unique_ptr<ProjectedLog> log;
  std::unique_ptr<DocumentStore> documents;
  std::unique_ptr<SubscriptionTable> subscriptions;
  std::unique_ptr<EvidenceFolder> evidence;
  Authorizer authorizer;
  HubHistory history;
  StatementChecker checker;
  std::unique_ptr<Sequencer> sequencer;
  PublishingService publishing;
  RelayService relay;
  DocumentsService documents_service;
  RegistryService registry_service;
  UpdatesService updates_service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Hub::Hub(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Hub::~Hub() { Drain(absl::Now() + absl::Seconds(5)); }

int Hub::port() const { return parts_->port; }
const OwnIdentity& Hub::identity() const { return parts_->own; }
Position Hub::log_size() const { return parts_->log->Size(); }

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

absl::StatusOr<std::unique_ptr<Hub>> Hub::Start(HubOptions options) {
  auto own = Check(options);
  if (!own.ok()) return own.status();
  auto federation =
      ReadFederationRoot(options.tls.root_file, options.federation);
  if (!federation.ok()) return federation.status();

  const std::string& folder = options.data_folder;
  if (absl::Status s = MakeFolder(folder); !s.ok()) return s;
  auto log = ProjectedLog::Open(folder, *std::move(federation));
  if (!log.ok()) return log.status();
  if (absl::Status s = CheckOrigin((*log)->store(), options.log_origin);
      !s.ok()) {
    return s;
  }
  auto documents = DocumentStore::Open(folder + "/documents");
  if (!documents.ok()) return documents.status();
  auto subscriptions = SubscriptionTable::Open(folder + "/subscriptions.db");
  if (!subscriptions.ok()) return subscriptions.status();
  auto evidence = EvidenceFolder::Open(folder + "/evidence");
  if (!evidence.ok()) return evidence.status();

  auto parts = std::make_unique<Parts>(
      std::move(options), *std::move(own), *std::move(log),
      *std::move(documents), *std::move(subscriptions), *std::move(evidence));
  auto credentials = MakeServerCredentials(parts->options.tls,
                                           parts->log->federation_source());
  if (!credentials.ok()) return credentials.status();

  grpc::ServerBuilder builder;
  PrepareServer(parts->options.listen_address, *std::move(credentials),
                &builder, &parts->port);
  builder.RegisterService(&parts->publishing);
  builder.RegisterService(&parts->documents_service);
  builder.RegisterService(&parts->registry_service);
  builder.RegisterService(&parts->updates_service);
  parts->relay.Register(builder);
  auto server =
      StartServer(parts->options.listen_address, &builder, &parts->port);
  if (!server.ok()) return server.status();
  parts->server = *std::move(server);
  parts->relay.Start();
  return std::unique_ptr<Hub>(new Hub(std::move(parts)));
}

void Hub::Drain(absl::Time deadline) {
  Parts& parts = *parts_;
  if (parts.server == nullptr) return;
  parts.server->GetHealthCheckService()->SetServingStatus(false);
  // Publishers first: what they are owed is the dearest. But one that does not
  // read its answers may not take all the time.
  const absl::Time now = absl::Now();
  parts.publishing.Drain(now + (deadline - now) / 2);
  parts.relay.Drain(deadline);
  parts.server->Shutdown(absl::ToChronoTime(deadline));
  parts.relay.Stop();
  // Callbacks of statements that were cut off still come.
  parts.sequencer.reset();
  parts.server.reset();
}

}  // namespace gaceta
