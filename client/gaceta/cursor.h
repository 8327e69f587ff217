// What a subscriber keeps across restarts. Used inside the client library
// alone.
#ifndef GACETA_CLIENT_GACETA_CURSOR_H_
#define GACETA_CLIENT_GACETA_CURSOR_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/file_io.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/statement.h"

namespace gaceta::client {

using ChainHeads = std::map<std::string, ChainHead>;

// A text file of a few lines, each a word and its values.
struct Cursor {
  std::string log_origin;
  // Of what the subscription asks for: FilterDigest().
  std::string filter_digest;
  // From where on the heads below are complete: what the subscription saw of a
  // publisher began there.
  std::int64_t begin = 0;
  // Everything below it is handled.
  std::int64_t next_position = 0;
  // The note of the newest checkpoint that was verified; empty if there is
  // none.
  std::string checkpoint;
  ChainHeads heads;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

// Returns a hex digest that is equal for filters that pass the same: the order
// of their values does not count.
std::string FilterDigest(const v1::Open& open);

std::string FormatCursor(const Cursor& cursor);
// kDataLoss if it is not the text of a whole cursor.
absl::StatusOr<Cursor> ParseCursor(absl::string_view text);

// kNotFound if there is no file.
absl::StatusOr<Cursor> ReadCursor(const std::string& path);
// Durable when it returns; on error the old file is there still.
absl::Status WriteCursor(const std::string& path, const Cursor& cursor);

// Keeps other programs from using the cursor at `path` as long as the result is
// there. It locks `path`.lock, since the cursor itself is replaced by each
// write; that file stays.
//
// kFailedPrecondition, reason `CURSOR_IN_USE`, if another program, whose
// process id is named, or another Subscriber of this one has it.
absl::StatusOr<File> LockCursor(const std::string& path);

// Knows the heads of all chains as they were at positions of the recent past,
// so that any position that was delivered can be acknowledged.
//
// Memory is bounded: if more than kMaxSteps entries wait for acknowledgement,
// the oldest are forgotten, and the heads at their positions are unknown.
//
// Thread safety: none.
class HeadHistory {
 public:
  static constexpr std::size_t kMaxSteps = 1 << 16;

  // Begins with `heads` at `position`.
  void Reset(std::int64_t position, ChainHeads heads);

  // The entry at `position` moved a publisher's head. In order.
  void Add(std::int64_t position, const std::string& publisher, ChainHead head);

  // Sets `*heads` to those at `position`, and forgets what came before.
  // Returns false if they are unknown.
  bool MoveTo(std::int64_t position, ChainHeads* heads);

 private:
  struct Step {
    std::int64_t position;
    std::string publisher;
    ChainHead head;
  };
  void ApplyFirst();

  // As of `position_`, before `steps_`.
  ChainHeads heads_;
  std::int64_t position_ = 0;
  std::deque<Step> steps_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_CURSOR_H_
