// A LogStore in one SQLite file: the embedded default.
#ifndef GACETA_SERVER_LOG_SQLITE_LOG_STORE_H_
#define GACETA_SERVER_LOG_SQLITE_LOG_STORE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/log/log_store.h"

namespace gaceta {

// WAL with synchronous=FULL: an append is one transaction and one fsync, and is
// durable when it returns. Readers have connections of their own and never wait
// for the writer. Each entry carries a checksum, since SQLite has none of its
// own: bytes that changed on disk, and entries that are missing or out of
// place, are reported as kDataLoss.
class SqliteLogStore : public LogStore {
 public:
  // Opens or makes the file. kUnavailable if another process has it: one folder
  // serves one server.
  static absl::StatusOr<std::unique_ptr<SqliteLogStore>> Open(
      const std::string& path);
  // The same for a file that must be there: kDataLoss if it is not, or if it
  // has no tables.
  static absl::StatusOr<std::unique_ptr<SqliteLogStore>> OpenExisting(
      const std::string& path);

  // Whether a second record of the log's size belongs beside the file at
  // `path` (see ShownSizeFile). Files that this version makes say so in their
  // first page, which every copy has; those of versions before it do not.
  // Reads no more than that page.
  static bool HasSizeBeside(const std::string& path);
  // Makes a file of a version before say so as well. Nobody may read it now.
  absl::Status SetHasSizeBeside();

  // Number of entries in a file that nobody has open and that has no WAL, as
  // copies do; none if it has a WAL. Unlike opening it, leaves no file beside
  // it. Errors as of opening it.
  static absl::StatusOr<std::optional<Position>> CountWithoutWal(
      const std::string& path);
  ~SqliteLogStore() override;

  absl::Status Append(Position expected,
                      absl::Span<const StoredEntry> entries) override;
  absl::Status Scan(Position begin, int max_count, std::size_t max_bytes,
                    Show show) const override;
  absl::Status Erase(absl::Span<const Position> positions) override;
  Position Size() const override {
    return size_.load(std::memory_order_acquire);
  }

 private:
  struct Connection;

  explicit SqliteLogStore(std::string path);

  static absl::StatusOr<std::unique_ptr<SqliteLogStore>> OpenFile(
      const std::string& path, bool must_exist);

  // Number of entries that are committed.
  absl::StatusOr<Position> ReadEnd() const;
  absl::StatusOr<std::unique_ptr<Connection>> TakeReader() const;
  void ReturnReader(std::unique_ptr<Connection> reader) const;

  const std::string path_;
  // Held while the store is open; see Open().
  int lock_file_ = -1;
  std::atomic<Position> size_{0};

  absl::Mutex writer_mu_;
  std::unique_ptr<Connection> writer_ ABSL_GUARDED_BY(writer_mu_);

  // Readers that nobody uses now.
  mutable absl::Mutex readers_mu_;
  mutable std::vector<std::unique_ptr<Connection>> readers_
      ABSL_GUARDED_BY(readers_mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_SQLITE_LOG_STORE_H_
