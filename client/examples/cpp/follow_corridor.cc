// Prints every update of a corridor's states, one line each, and resumes where
// it stopped. CMakeLists.txt beside this file builds it.
//
// The columns of a line, separated by tabs: position, state, event, urn:lex of
// the law, title, and "verified". The library checks every signature and proof
// against the federation's root, so the server may be any node, or the hub.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gaceta/subscriber.h"

namespace {

constexpr char kHelp[] = R"(usage: follow_corridor OPTION VALUE ...

Prints every update of a corridor's states, one line each, and resumes where it
stopped. Every option is required.

  --server HOST:PORT   the node of your state
  --server-id ID       its identity, as spiffe://hn.gaceta.example/node
  --certificate FILE   your program's certificate, PEM
  --key FILE           its private key, PEM
  --root FILE          the federation's root certificate, PEM
  --federation DOMAIN  as gaceta.example
  --corridor ID        as central-america-north
)";

volatile std::sig_atomic_t stopped = 0;

void Stop(int /*signal*/) { stopped = 1; }

// Returns false if an option is unknown, or has no value.
bool ReadOptions(int argc, char** argv,
                 std::map<std::string, std::string>* options) {
  for (int i = 1; i < argc; i += 2) {
    const auto option = options->find(argv[i]);
    if (option == options->end() || i + 1 == argc) return false;
    option->second = argv[i + 1];
  }
  return std::none_of(options->begin(), options->end(),
                      [](const auto& option) { return option.second.empty(); });
}

std::string LineOf(const gaceta::VerifiedEntry& entry) {
  std::string line =
      absl::StrCat(entry.position, "\t", entry.header.publisher(), "\t");
  if (entry.update == nullptr) {
    // For example, the audience does not include this reader.
    absl::StrAppend(&line,
                    gaceta::v1::Entry::Omission_Name(entry.entry.omission()),
                    "\t\t\tverified");
    return line;
  }
  const gaceta::v1::Instrument& law = entry.update->instrument();
  // A published text may have control characters; the terminal must not get
  // them.
  std::string title = law.titles(0).text();
  std::replace_if(title.begin(), title.end(), absl::ascii_iscntrl, ' ');
  absl::StrAppend(&line, gaceta::v1::UpdateEvent_Name(entry.update->event()),
                  "\t", law.uri(), "\t", title, "\tverified");
  return line;
}

// Returns the program's exit code.
int Follow(gaceta::client::Subscriber* subscriber) {
  while (stopped == 0) {
    // The deadline lets the loop notice a signal.
    auto delivery = subscriber->Next(absl::Now() + absl::Milliseconds(200));
    if (absl::IsDeadlineExceeded(delivery.status())) continue;
    if (!delivery.ok()) {
      std::cerr << "error: " << delivery.status() << "\n";
      return absl::IsDataLoss(delivery.status()) ? 3 : 1;
    }
    for (const gaceta::VerifiedEntry& entry : delivery->entries) {
      // The registry's entries pass every filter.
      if (entry.header.payload_type() == "gaceta.v1.Update") {
        std::cout << LineOf(entry) << std::endl;
      }
    }
    // The position is stored after the lines are printed: a crash in between
    // repeats lines, and loses none.
    const absl::Status kept = subscriber->Acknowledge(delivery->next_position);
    if (!kept.ok()) {
      std::cerr << "error: " << kept << "\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::cout << kHelp;
    return 0;
  }
  std::map<std::string, std::string> option = {
      {"--server", ""},  {"--server-id", ""}, {"--certificate", ""},
      {"--key", ""},     {"--root", ""},      {"--federation", ""},
      {"--corridor", ""}};
  if (!ReadOptions(argc, argv, &option)) {
    std::cerr << kHelp;
    return 2;
  }
  std::signal(SIGINT, Stop);
  std::signal(SIGTERM, Stop);

  gaceta::client::SubscriberOptions options;
  options.source.connection = {option["--server"], option["--server-id"],
                               option["--certificate"], option["--key"],
                               option["--root"]};
  options.source.federation = option["--federation"];
  options.filter.add_corridors()->set_corridor(option["--corridor"]);
  // Has the position to resume from, and what the library verified before it.
  options.cursor_file = option["--corridor"] + ".cursor";
  options.on_disconnect = [](const absl::Status& why, absl::Duration wait) {
    std::cerr << why << "; next try within "
              << absl::Ceil(wait, absl::Milliseconds(100)) << "\n";
  };
  auto subscriber = gaceta::client::Subscriber::Create(std::move(options));
  if (!subscriber.ok()) {
    std::cerr << "error: " << subscriber.status() << "\n";
    return 1;
  }
  return Follow(subscriber->get());
}
