// The hub: takes statements from nodes, orders and keeps them, relays them.
#ifndef GACETA_SERVER_HUB_HUB_H_
#define GACETA_SERVER_HUB_HUB_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/hub/publishing_service.h"
#include "server/identity/server_credentials.h"
#include "server/relay/relay_service.h"
#include "verify/note.h"

namespace gaceta {

// The fields without a default are required.
struct HubOptions {
  // Everything that the hub keeps is in this folder: log.db (the log), log.key
  // (what signs it), log.size (how much of it was shown), checkpoints.db (what
  // it has signed), tree.db and index.db (made anew from the log if lost),
  // subscriptions.db, documents/, evidence/.
  std::string data_folder;
  // The federation's domain, `gaceta.example`.
  std::string federation;
  // `hub.gaceta.example/log`.
  std::string log_origin;
  // PEM file of the Ed25519 key that signs checkpoints. Empty: log.key in the
  // data folder. Who loses it has lost the log.
  std::string log_key_file;
  // `host:port`; port 0 for any.
  std::string listen_address;
  ServerTlsFiles tls;
  PublishingService::Options publishing;
  RelayOptions relay;
};

// Builds the parts, in the order in which they depend on one another, and
// serves until Drain().
//
// Thread safety: one thread owns it; what it tells of the log, any may ask.
class Hub {
 public:
  // Checks what can be checked without starting: the certificate, its key and
  // root, and that it is a hub's. Errors as those of Start().
  static absl::StatusOr<OwnIdentity> Check(const HubOptions& options);

  // Begins a new, empty log: makes the data folder and the key. Returns the
  // public half of the key, for the log policy. See CreateHubFolder().
  static absl::StatusOr<NoteKey> CreateLog(const HubOptions& options,
                                           bool reuse_key = false);

  // Serves the log that is in the data folder; never begins one.
  //
  // kInvalidArgument, kNotFound, kPermissionDenied: files or options are wrong,
  // and which; kFailedPrecondition: the folder has another log; kUnavailable:
  // the address or the folder is in use; kDataLoss: what is stored is damaged.
  static absl::StatusOr<std::unique_ptr<Hub>> Start(HubOptions options);
  // Drains with 5 s at most if nobody has.
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Where it listens.
  int port() const;
  // Of its certificate.
  const OwnIdentity& identity() const;
  // The key that signs checkpoints, for the log policy.
  const NoteKey& log_key() const;

  // The following may be called by any thread.
  //
  // Entries in the log.
  Position log_size() const;
  // Of these, those of the newest checkpoint that a quorum has cosigned.
  Position cosigned_size() const;
  // Paths of the evidence that nobody has dismissed.
  absl::StatusOr<std::vector<std::string>> evidence_files() const;

  // Ends in good order: answers what is under way, tells streams, stops. After
  // `deadline`, what is left is cut off.
  void Drain(absl::Time deadline);

 private:
  struct Parts;
  explicit Hub(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_HUB_H_
