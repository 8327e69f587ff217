#include "cli/whole_log.h"

#include "cli/end_by_signal.h"

namespace gaceta::cli {

void AddThreadsFlag(CLI::App& verb, int* threads) {
  verb.add_option("--threads", *threads,
                  "Threads that check signatures; default one for each "
                  "processor, at most 8")
      ->check(CLI::Range(1, 64).description(""))
      ->type_name("N");
}

void SetWholeLogOptions(const KnownLog& log, int threads, LogProgress* progress,
                        client::WholeLogOptions* options) {
  options->source = log.source;
  options->evidence_folder = log.memory.evidence_folder();
  options->verify_threads = threads;
  options->on_progress = progress->Bar();
  options->on_disconnect = progress->Disconnects();
  options->stop_asked = EndBySignal::IsAsked;
}

}  // namespace gaceta::cli
