#include "cli/end_by_signal.h"

#include <csignal>

namespace gaceta::cli {
namespace {

// Set by the signals that ask to end; only written and read.
volatile std::sig_atomic_t end_asked = 0;

// A second one ends the program as it is.
void AskToEnd(int signal) {
  end_asked = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

EndBySignal::EndBySignal()
    : interrupt_(std::signal(SIGINT, AskToEnd)),
      terminate_(std::signal(SIGTERM, AskToEnd)) {}

EndBySignal::~EndBySignal() {
  std::signal(SIGINT, interrupt_);
  std::signal(SIGTERM, terminate_);
  end_asked = 0;
}

bool EndBySignal::IsAsked() { return end_asked != 0; }

}  // namespace gaceta::cli
