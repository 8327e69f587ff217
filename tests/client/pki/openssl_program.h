// The `openssl` program as an independent judge.
#ifndef GACETA_TESTS_CLIENT_PKI_OPENSSL_PROGRAM_H_
#define GACETA_TESTS_CLIENT_PKI_OPENSSL_PROGRAM_H_

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace gaceta::pki {

inline std::string ReadText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// The rights of a file or folder, as 0600; 0 if there is none.
inline unsigned ModeOf(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

struct ProgramResult {
  // -1 if it could not be run.
  int exit_code = -1;
  // What it wrote, on both outputs.
  std::string text;
};

// Runs `openssl` with `arguments` to its end.
inline ProgramResult RunOpenssl(std::vector<std::string> arguments) {
  const testing::TempFolder folder;
  const std::string output = folder.Path("output");
  arguments.insert(arguments.begin(), "openssl");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = 0;
  ProgramResult result;
  if (posix_spawnp(&pid, "openssl", &actions, nullptr, argv.data(), environ) ==
      0) {
    int status = 0;
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status)) {
      result.exit_code = WEXITSTATUS(status);
    }
    result.text = ReadText(output);
  } else {
    result.text = "the openssl program is not installed";
  }
  posix_spawn_file_actions_destroy(&actions);
  return result;
}

}  // namespace gaceta::pki

#endif  // GACETA_TESTS_CLIENT_PKI_OPENSSL_PROGRAM_H_
