// The ordered, append-only record of what publishers have stated, as an engine
// keeps it.
#ifndef GACETA_SERVER_LOG_LOG_STORE_H_
#define GACETA_SERVER_LOG_LOG_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gaceta/v1/statement.pb.h"

namespace gaceta {

// An entry's place in the log, from 0.
using Position = std::int64_t;

// What the log keeps of one entry. The bytes are never parsed here.
struct StoredEntry {
  // The bytes of a v1::Leaf.
  std::string leaf;
  // The payload as signed; empty if `omission` says why it is not kept.
  std::string payload;
  v1::Entry::Omission omission = v1::Entry::OMISSION_UNSPECIFIED;

  friend bool operator==(const StoredEntry&, const StoredEntry&) = default;
};

// The same where somebody else holds the bytes.
struct EntryView {
  absl::string_view leaf;
  absl::string_view payload;
  v1::Entry::Omission omission = v1::Entry::OMISSION_UNSPECIFIED;

  EntryView() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): as std::string to its view.
  EntryView(const StoredEntry& entry)
      : leaf(entry.leaf), payload(entry.payload), omission(entry.omission) {}
};

// A position, once Append() has returned, is never reused or moved, whatever
// crashes follow. Nothing here knows of signatures or trees: the sequencer
// builds those on top, so an engine has only order and durability to provide.
//
// Thread safety: all methods may be called concurrently.
//
// Errors: kUnavailable is worth retrying. kDataLoss is not: stored bytes no
// longer match their checksum, and a person has to look.
class LogStore {
 public:
  virtual ~LogStore() = default;

  // Appends `entries` as one unit at position `expected`, which must be Size().
  // On success they are on stable storage; on error none of them is visible.
  //
  // `entries` must not be empty. kAborted: the log ends elsewhere, someone else
  // wrote; nothing was appended. kResourceExhausted: no space was left.
  // kUnknown: the outcome is not known; read back before trying again.
  virtual absl::Status Append(Position expected,
                              absl::Span<const StoredEntry> entries) = 0;

  // Shows entries from `begin` on, in order, where the engine has them: at most
  // `max_count`, and no more once their bytes reach `max_bytes` (but one at
  // least); fewer if the log ends first; none if `begin` is Size(). kOutOfRange
  // if it is beyond. After an error some may have been shown.
  //
  // What is shown is valid until `show` returns, which must not call the store.
  using Show = absl::FunctionRef<void(const EntryView&)>;
  virtual absl::Status Scan(Position begin, int max_count,
                            std::size_t max_bytes, Show show) const = 0;

  // Returns copies of what Scan() shows.
  absl::StatusOr<std::vector<StoredEntry>> Read(Position begin, int max_count,
                                                std::size_t max_bytes) const;

  // Takes the payloads at `positions` away, as one unit: they are read as
  // omitted, OMISSION_ERASED, and no file of the engine has their bytes any
  // more. Leaves stay. What was erased before may be erased again.
  //
  // kOutOfRange if a position is beyond the end. kUnavailable also if what was
  // read a moment ago keeps the bytes for now: erase again.
  virtual absl::Status Erase(absl::Span<const Position> positions) = 0;

  // Number of entries. Never decreases.
  virtual Position Size() const = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_LOG_STORE_H_
