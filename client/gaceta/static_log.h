// A log as a folder of files that any web server can serve (C2SP tlog-tiles
// v0.1.0). Used inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_STATIC_LOG_H_
#define GACETA_CLIENT_GACETA_STATIC_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/file_io.h"
#include "gaceta/static_tiles.h"
#include "verify/checkpoint.h"
#include "verify/frontier.h"
#include "verify/merkle.h"

namespace gaceta::client {

// Holds `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>` and
// `blob/sha256/<hex>`; what begins with a dot is nobody's business.
//
// Whenever the program is killed, the checkpoint that is there has all of its
// tiles: each file is durable before it has its name, and the checkpoint is
// written last. Tiles beyond the checkpoint are the beginning of what comes
// next. Opened again, it goes on from there.
//
// It takes whatever leaves it is given: that they are a log's is shown by
// Publish(), whose checkpoint has to have their root. Its caller checks the
// checkpoint's signature before.
//
// Thread safety: none.
//
// Errors: kDataLoss if files do not fit together; others are the file system's.
class StaticLog {
 public:
  // Opens the folder, or makes it, and checks that its tiles have the root that
  // its checkpoint says. kUnavailable if another program writes it.
  static absl::StatusOr<std::unique_ptr<StaticLog>> Open(std::string folder);
  StaticLog(const StaticLog&) = delete;
  StaticLog& operator=(const StaticLog&) = delete;

  const std::string& folder() const { return folder_; }
  // A file for its caller's use, that no reader of the log asks for.
  std::string PrivatePath(absl::string_view name) const;

  // The note of the checkpoint that is there, and its size; empty and 0 if
  // there is none.
  const std::string& note() const { return note_; }
  std::int64_t published_size() const { return published_size_; }
  // Position of the next leaf to append.
  std::int64_t size() const { return edge_.size(); }
  // Leaves below it need not be appended again, if the program ends now.
  std::int64_t durable_size() const;

  // Adds a leaf. Writes each tile that is full with it.
  absl::Status Append(const std::string& leaf);

  // Writes the tiles that are not full, then `note`, whose checkpoint has to
  // have exactly the leaves that are there; then removes what nobody needs any
  // more. May be called again with the same checkpoint, for a note with more
  // cosignatures.
  //
  // kDataLoss, reason `LOG_FORKED`, if the root is another: nothing is written.
  absl::Status Publish(const Checkpoint& checkpoint, const std::string& note);

  // Where the bytes with that SHA-256, in hex, belong.
  std::string BlobPath(absl::string_view sha256) const;
  // Makes all of them be there.
  absl::Status PutBlobs(const std::vector<absl::string_view>& blobs);
  // Makes it not be there, nor the part of it that has arrived.
  absl::Status RemoveBlob(absl::string_view sha256);

  // A leaf that was appended. kOutOfRange if there is none at `position`.
  absl::StatusOr<std::string> ReadLeaf(std::int64_t position) const;

 private:
  explicit StaticLog(std::string folder)
      : folder_(std::move(folder)), tiles_(folder_) {}

  // --- Opening ---
  absl::Status TakeLock();
  absl::StatusOr<Checkpoint> ReadCheckpoint();
  // How many leaves are there: those of the checkpoint, or more, as whole
  // tiles.
  std::int64_t FindSize() const;
  // Checks that the checkpoint's leaves have its root.
  absl::Status CheckRoot(const Checkpoint& checkpoint, std::int64_t size) const;
  absl::Status ReadEdge(std::int64_t size);

  // --- Writing ---
  // The last tile of `level` is full: writes it, and adds its root one level
  // up.
  absl::Status FinishTile(std::size_t level);
  absl::Status WritePartialTiles();
  void RemoveOldPartialTiles();

  const std::string folder_;
  StaticTiles tiles_;
  File lock_;
  std::string note_;
  std::int64_t published_size_ = 0;
  // Of the checkpoints before: readers of the last may still be at work.
  std::int64_t previous_size_ = 0;
  std::int64_t older_size_ = 0;

  Frontier edge_;
  // The leaves of the last tile, as long as it is not full.
  std::vector<std::string> tail_;
  // By level: the nodes of the last tile, as long as it is not full.
  std::vector<std::vector<TreeHash>> nodes_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_STATIC_LOG_H_
