// Finds entries by what their statements say. A projection of the log: it can
// be thrown away, and is brought up to date from the log when it is behind.
#ifndef GACETA_SERVER_LOG_STATEMENT_INDEX_H_
#define GACETA_SERVER_LOG_STATEMENT_INDEX_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/update.pb.h"
#include "server/log/log_store.h"
#include "verify/statement.h"

namespace gaceta {

// Where a statement is, and which one it is.
struct IndexedStatement {
  Position position = 0;
  std::string publisher;
  std::uint64_t sequence = 0;
  std::string statement_id;
  std::string header_digest;

  friend bool operator==(const IndexedStatement&,
                         const IndexedStatement&) = default;
};

// What is known of an instrument from the updates so far.
struct InstrumentState {
  // Where it was first the subject of an update whose payload is here.
  Position first_position = 0;
  // The last status stated by such an update; unspecified if none was.
  v1::VersionStatus last_status = v1::VERSION_STATUS_UNSPECIFIED;
};

// Thread safety: all methods may be called concurrently; one thread at a time
// applies.
class StatementIndex {
 public:
  // Opens or makes the SQLite file at `path`; `:memory:` keeps it in memory.
  // A file that is damaged or of another version is made anew.
  static absl::StatusOr<std::unique_ptr<StatementIndex>> Open(
      const std::string& path);
  virtual ~StatementIndex() = default;

  // Everything below this position has been applied.
  virtual Position NextPosition() const = 0;

  // Applies entries in order; `begin` must be NextPosition(). Not flushed to
  // disk: what a crash loses is applied again from the log.
  virtual absl::Status Apply(Position begin,
                             absl::Span<const StoredEntry> entries) = 0;

  // Applies what `log` has beyond NextPosition(). Throws away everything first
  // if what was applied is not the beginning of `log`: it is longer, or ends
  // with another statement.
  absl::Status CatchUp(const LogStore& log);

  // Takes out what the payload of `entry`, at `position`, says: for a payload
  // that is going to be erased. When it returns, the file no longer has it.
  virtual absl::Status Forget(Position position, const StoredEntry& entry) = 0;

  virtual absl::StatusOr<std::optional<IndexedStatement>> FindById(
      absl::string_view statement_id) const = 0;
  virtual absl::StatusOr<std::optional<IndexedStatement>> FindBySequence(
      absl::string_view publisher, std::uint64_t sequence) const = 0;
  // Sequence 0 if the publisher has stated nothing.
  virtual absl::StatusOr<ChainHead> Head(absl::string_view publisher) const = 0;
  // In order of position, from `begin` on, at most `max_count`.
  virtual absl::StatusOr<std::vector<IndexedStatement>> ListByPublisher(
      absl::string_view publisher, Position begin, int max_count) const = 0;
  // First entry recorded at or after `time`; NextPosition() if there is none.
  virtual absl::StatusOr<Position> FindByTime(absl::Time time) const = 0;
  // `uri`: urn:lex of the work, without version or part.
  virtual absl::StatusOr<std::optional<InstrumentState>> FindInstrument(
      absl::string_view uri) const = 0;
  // Positions of updates that name a document, by the 32 bytes of its SHA-256;
  // from `begin` on, in order, at most `max_count`.
  virtual absl::StatusOr<std::vector<Position>> ListByDocument(
      absl::string_view sha256, Position begin, int max_count) const = 0;

 protected:
  // Header digest of the last statement; empty if there is none.
  virtual absl::StatusOr<std::string> LastDigest() const = 0;
  // Throws away everything.
  virtual absl::Status Clear() = 0;

 private:
  // Whether `log` begins with what was applied.
  absl::StatusOr<bool> Begins(const LogStore& log) const;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_STATEMENT_INDEX_H_
