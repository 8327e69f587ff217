#include "tests/support/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

extern char** environ;

namespace gaceta::testing {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string NewFile(const std::string& folder, const char* end) {
  static std::atomic<int> count{0};
  return absl::StrCat(folder, "/process-", count++, end);
}

std::string ProgramPath(const std::string& program) {
  const char* folder = std::getenv("GACETA_BIN_DIR");
  if (folder == nullptr) {
    std::cerr << "GACETA_BIN_DIR is not set: run this by ctest\n";
    std::abort();
  }
  return absl::StrCat(folder, "/", program);
}

}  // namespace

ChildProcess::ChildProcess(const std::string& program,
                           const std::vector<std::string>& arguments,
                           const std::string& folder)
    : out_file_(NewFile(folder, ".out")), err_file_(NewFile(folder, ".err")) {
  const std::string path = ProgramPath(program);
  std::vector<std::string> all = {path};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& one : all) argv.push_back(one.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, out_file_.c_str(), kFlags, 0600);
  posix_spawn_file_actions_addopen(&files, 2, err_file_.c_str(), kFlags, 0600);
  const int error =
      posix_spawn(&pid_, path.c_str(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    std::cerr << "cannot run " << path << "\n";
    std::abort();
  }
}

ChildProcess::~ChildProcess() {
  if (exit_.has_value()) return;
  Signal(SIGKILL);
  WaitForExit();
}

void ChildProcess::Signal(int signal) const {
  if (!exit_.has_value()) kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(absl::Duration longest) {
  const absl::Time deadline = absl::Now() + longest;
  while (!exit_.has_value()) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    } else if (absl::Now() > deadline) {
      break;
    } else {
      absl::SleepFor(absl::Milliseconds(2));
    }
  }
  return exit_;
}

int ChildProcess::WaitForExit() {
  const std::optional<int> code = Wait(absl::Seconds(60));
  if (!code.has_value()) {
    std::cerr << "a program does not end: " << err() << "\n";
    std::abort();
  }
  return *code;
}

std::string ChildProcess::out() const { return ReadAll(out_file_); }
std::string ChildProcess::err() const { return ReadAll(err_file_); }

double ChildProcess::ResidentMegabytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/statm"));
  double total = 0;
  double resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

}  // namespace gaceta::testing
