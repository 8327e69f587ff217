// The national node: signs, keeps and publishes what a state's agencies submit,
// mirrors the federation's log, and serves both to the state's own programs.
#ifndef GACETA_SERVER_NODE_NODE_H_
#define GACETA_SERVER_NODE_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/connection.h"
#include "gaceta/v1/relay.pb.h"
#include "server/identity/server_credentials.h"
#include "server/node/hub_link.h"
#include "server/relay/relay_service.h"
#include "verify/note.h"

namespace gaceta {

// The fields without a default are required.
struct NodeOptions {
  // Everything that the node keeps is in this folder: outbox.db (what agencies
  // submitted, dear), checkpoints.db (what this node has cosigned, dear),
  // log.db (the mirrored log, fetched again if it is lost as a whole), log.size
  // (how much of it was shown), tree.db and index.db (made anew from the log),
  // subscriptions.db, documents/, and cosigner.key.
  std::string data_folder;
  // The state, ISO 3166-1 alpha-2, as `HN`.
  std::string state;
  // The federation's domain, `gaceta.example`.
  std::string federation;
  // Empty: `hub.<federation>/log`.
  std::string log_origin;
  // `host:port`; port 0 for any.
  std::string listen_address;
  // Of `spiffe://<state>.<federation>/node`.
  ServerTlsFiles tls;
  // PEM: the key that signs the state's statements, readable by its owner
  // alone. Never the TLS key.
  std::string signer_key_file;
  // PEM: the Ed25519 key that cosigns the hub's checkpoints. Empty:
  // cosigner.key in the data folder.
  std::string cosigner_key_file;
  // The hub. Files that are empty are those of `tls`; an empty `server_id` is
  // the federation's hub.
  client::ConnectionOptions hub;
  // Payloads that the node keeps; everybody's by default. It keeps all headers,
  // and its state's own payloads, in any case.
  v1::Filter mirror_filter;
  // Whether it keeps the documents that these name.
  bool mirror_documents = true;
  // Submissions that may wait for the hub.
  std::uint64_t max_pending = 100'000;
  // Waits while the hub is away.
  client::BackoffOptions backoff;
  // Longest wait before something is tried again that a person has to mend.
  absl::Duration hold = absl::Seconds(30);
  RelayOptions relay;
};

// Builds the parts, in the order in which they depend on one another, and
// serves until Drain(). Does not wait for the hub: without it, the node takes
// submissions and serves what it has mirrored.
//
// Thread safety: one thread owns it; what it tells of the log, any may ask.
class Node {
 public:
  // Makes the data folder of a new node, with its cosigning key. Returns the
  // public half of the key, for the log policy. See CreateNodeFolder().
  static absl::StatusOr<NoteKey> CreateData(const NodeOptions& options,
                                            bool reuse_key = false);

  // Serves over the data that is in the folder; never begins one.
  //
  // kInvalidArgument, kNotFound, kPermissionDenied: files or options are wrong,
  // and which; kUnavailable: the address or the folder is in use; kDataLoss:
  // what is stored is damaged.
  static absl::StatusOr<std::unique_ptr<Node>> Start(NodeOptions options);
  // Checks what can be checked without starting: the certificate, its key, that
  // it is this state's node's, and the signing key. Errors as Start()'s.
  static absl::StatusOr<OwnIdentity> Check(const NodeOptions& options);
  // Drains with 5 s at most if nobody has.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Where it listens.
  int port() const;
  // Of its certificate.
  const OwnIdentity& identity() const;

  // The following may be called by any thread.
  //
  // Entries mirrored.
  Position log_size() const;
  // Of these, those of the newest checkpoint that a quorum has cosigned.
  Position cosigned_size() const;
  // OK while the hub's log is trusted; why not, if it is not.
  absl::Status trust_status() const;
  // Paths of the evidence that nobody has dismissed.
  absl::StatusOr<std::vector<std::string>> evidence_files() const;
  // Submissions that the hub does not have yet.
  absl::StatusOr<std::uint64_t> pending() const;
  // OK while the mirror follows the hub; why it ended, if it did.
  absl::Status mirror_status() const;

  // Ends in good order: answers submissions under way, tells streams, stops.
  // After `deadline`, what is left is cut off. What is pending stays in the
  // outbox.
  void Drain(absl::Time deadline);

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_NODE_H_
