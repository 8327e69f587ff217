// How many entries of a log were shown, in a small file of its own.
#ifndef GACETA_SERVER_STORAGE_SHOWN_SIZE_FILE_H_
#define GACETA_SERVER_STORAGE_SHOWN_SIZE_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace gaceta {

// A second record of a log's size, beside log.db and independent of SQLite. A
// log that is shorter has lost entries that readers have seen, as a copy of
// log.db without its log.db-wal has: such a log must not be served.
//
// The file is written after the commit, at most once a second and at most 1 s
// late, and when this object goes. So its number is never more than what is
// stored, whatever crashes.
//
// Threads: one of its own, which sleeps while the log does not grow. Show() may
// be called by any thread.
class ShownSizeFile {
 public:
  // `data_folder`/log.size.
  static std::string PathIn(const std::string& data_folder);

  // The number in the file; none if there is no file. kDataLoss if the file
  // has something else.
  static absl::StatusOr<std::optional<std::int64_t>> Read(
      const std::string& path);
  // Durable when it returns. Nothing else may write the file meanwhile.
  static absl::Status Write(const std::string& path, std::int64_t size);

  // `written` is what the file has.
  ShownSizeFile(std::string path, std::int64_t written);
  // Writes what is not written yet.
  ~ShownSizeFile();
  ShownSizeFile(const ShownSizeFile&) = delete;
  ShownSizeFile& operator=(const ShownSizeFile&) = delete;

  // Says that the first `size` entries are durable and shown. Does not wait for
  // the disk.
  void Show(std::int64_t size);

 private:
  void Run();
  bool HasMore() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || shown_ > written_;
  }
  // Writes the newest size. An error is logged once, and tried again.
  void WriteShown();

  const std::string path_;

  // Touched by the own thread, and by the destructor after it.
  bool failed_ = false;

  // Not held while the disk works.
  absl::Mutex mu_;
  std::int64_t shown_ ABSL_GUARDED_BY(mu_);
  std::int64_t written_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_STORAGE_SHOWN_SIZE_FILE_H_
