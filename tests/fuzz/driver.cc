// Runs a fuzz target without libFuzzer: over each file of a folder, and over
// alterations of them, which are the same for one seed.
//
//   fuzz_note FOLDER [--rounds=N] [--seconds=N] [--seed=N]
//
// Ends after so many alterations or so much time, whichever comes first. An
// input that ends the program is left in the working folder as `crash-<pid>`.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/fuzz/fuzz.h"

// There in programs with a sanitizer; null in others.
extern "C" void __sanitizer_set_death_callback(void (*callback)())
    __attribute__((weak));

namespace {

struct Options {
  std::string folder;
  std::int64_t rounds = 20'000;
  std::int64_t seconds = 2;
  std::int64_t seed = 1;
};

// What the target works on: for whoever must save it.
const std::string* current = nullptr;
char crash_path[64];

// Calls only what may be called from a signal's handler.
void SaveInput() {
  const int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || current == nullptr) return;
  (void)!write(fd, current->data(), current->size());
  close(fd);
}

void OnSignal(int signal) {
  SaveInput();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void SaveInputsThatEndTheProgram() {
  std::snprintf(crash_path, sizeof crash_path, "crash-%d", getpid());
  std::signal(SIGABRT, OnSignal);
  // A sanitizer has handlers of its own, which say what was wrong.
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SaveInput);
    return;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, OnSignal);
  }
}

void Run(const std::string& input) {
  current = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()),
                         input.size());
  current = nullptr;
}

std::vector<std::string> ReadFiles(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  // The order of a folder is not the same everywhere.
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> files;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in),
                       std::istreambuf_iterator<char>());
  }
  return files;
}

// Alters inputs in the ways that parsers get wrong.
class Mutator {
 public:
  Mutator(std::vector<std::string> files, std::int64_t seed)
      : files_(std::move(files)), random_(static_cast<std::uint64_t>(seed)) {}

  std::string Next() {
    std::string input = files_[Below(files_.size())];
    for (std::size_t i = 1 + Below(4); i > 0; --i) Alter(&input);
    return input;
  }

 private:
  std::size_t Below(std::size_t end) { return random_() % end; }

  void Alter(std::string* input) {
    const std::size_t at = Below(input->size() + 1);
    const std::size_t count =
        Below(1 + std::min<std::size_t>(64, input->size() - at));
    switch (Below(7)) {
      case 0:
        if (at < input->size()) {
          (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
        }
        break;
      case 1:
        if (at < input->size()) (*input)[at] = static_cast<char>(Below(256));
        break;
      case 2:
        input->insert(at, 1, static_cast<char>(Below(256)));
        break;
      case 3:
        input->erase(at, count);
        break;
      case 4:
        input->insert(at, input->substr(at, count));
        break;
      case 5:
        input->insert(at, Token());
        break;
      default:
        Splice(at, input);
    }
  }

  // The beginning of one input and the end of another.
  void Splice(std::size_t at, std::string* input) {
    const std::string& other = files_[Below(files_.size())];
    input->resize(at);
    input->append(other, Below(other.size() + 1));
  }

  std::string Token() {
    static const char* const kTokens[] = {
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\t",
        "+",
        "-",
        "=",
        "/",
        "//",
        ".",
        "..",
        ":",
        ";",
        "~",
        "@",
        "$",
        "#",
        "%",
        "0",
        "00",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "\xe2\x80\x94 ",
        "\xc2\xa0",
        "\xff",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        "AAAA",
        "====",
        "none",
        "any",
        "all"};
    const std::size_t token = Below(std::size(kTokens) + 1);
    return token == std::size(kTokens) ? std::string(1, '\0') : kTokens[token];
  }

  const std::vector<std::string> files_;
  std::mt19937_64 random_;
};

bool ReadFlag(absl::string_view argument, absl::string_view name,
              std::int64_t* value) {
  return absl::ConsumePrefix(&argument, name) &&
         absl::SimpleAtoi(argument, value) && *value >= 0;
}

bool ReadOptions(int argc, char** argv, Options* options) {
  if (argc < 2) return false;
  options->folder = argv[1];
  for (int i = 2; i < argc; ++i) {
    if (ReadFlag(argv[i], "--seconds=", &options->seconds)) continue;
    if (ReadFlag(argv[i], "--rounds=", &options->rounds)) continue;
    if (!ReadFlag(argv[i], "--seed=", &options->seed)) return false;
  }
  return std::filesystem::is_directory(options->folder);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!ReadOptions(argc, argv, &options)) {
    std::fprintf(stderr,
                 "usage: %s FOLDER [--rounds=N] [--seconds=N] [--seed=N]\n",
                 argv[0]);
    return 2;
  }
  SaveInputsThatEndTheProgram();

  const std::vector<std::string> files = ReadFiles(options.folder);
  if (files.empty()) {
    std::fprintf(stderr, "no files in %s\n", options.folder.c_str());
    return 2;
  }
  Run("");
  for (const std::string& file : files) Run(file);
  Mutator mutator(files, options.seed);
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  std::int64_t round = 0;
  while (round < options.rounds && std::chrono::steady_clock::now() < end) {
    Run(mutator.Next());
    ++round;
  }
  std::printf("%zu files and %lld alterations of them, seed %lld\n",
              files.size(), static_cast<long long>(round),
              static_cast<long long>(options.seed));
  return 0;
}
