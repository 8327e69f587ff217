// Fetches the documents that mirrored updates name.
#ifndef GACETA_SERVER_NODE_DOCUMENT_MIRROR_H_
#define GACETA_SERVER_NODE_DOCUMENT_MIRROR_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/backoff.h"
#include "grpcpp/channel.h"
#include "server/documents/document_store.h"
#include "server/node/call_slot.h"
#include "server/node/document_transfer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

struct DocumentMirrorOptions {
  // File that holds the position below which every document is here.
  std::string position_file;
  client::BackoffOptions backoff;
};

// Goes through the mirrored log in order and downloads what its payloads name
// and the store lacks. While the hub is away it waits; a document that the hub
// does not have (its update names an address of its own) is passed over.
//
// The position is written now and then: after a crash a part of the log is gone
// through again, which costs a look at each document.
//
// Threads: one of its own.
class DocumentMirror {
 public:
  // All must outlive this object.
  DocumentMirror(DocumentMirrorOptions options,
                 std::shared_ptr<grpc::Channel> channel, ProjectedLog* log,
                 DocumentStore* store);
  // Stops.
  ~DocumentMirror();
  DocumentMirror(const DocumentMirror&) = delete;
  DocumentMirror& operator=(const DocumentMirror&) = delete;

  void Start();
  // Says that the log has more entries.
  void Wake();
  void Stop();

  // Everything below has been looked at.
  Position next_position() const;

 private:
  void Run();
  // Brings one entry's documents; false if it was stopped.
  bool Bring(const StoredEntry& entry, Position position);
  bool BringOne(const std::string& sha256, Position position);
  Position ReadPosition() const;
  void WritePosition(Position position) const;

  const DocumentMirrorOptions options_;
  ProjectedLog* const log_;
  CallSlot calls_;
  DocumentTransfer transfer_;
  std::thread thread_;

  mutable absl::Mutex mu_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  Position next_ ABSL_GUARDED_BY(mu_) = 0;
  // End of the log when Wake() was last called.
  Position end_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_DOCUMENT_MIRROR_H_
