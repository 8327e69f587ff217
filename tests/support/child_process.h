// A program that a test runs.
#ifndef GACETA_TESTS_SUPPORT_CHILD_PROCESS_H_
#define GACETA_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace gaceta::testing {

// Killed when this object ends. What it says is kept in files below a folder
// that the caller owns.
class ChildProcess {
 public:
  // `program` is a name in GACETA_BIN_DIR.
  ChildProcess(const std::string& program,
               const std::vector<std::string>& arguments,
               const std::string& folder);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Exit code, or minus the signal that ended it; none if it still runs.
  std::optional<int> Wait(absl::Duration longest);
  // The same, where it has to end.
  int WaitForExit();

  std::string out() const;
  std::string err() const;
  double ResidentMegabytes() const;

 private:
  const std::string out_file_;
  const std::string err_file_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SUPPORT_CHILD_PROCESS_H_
