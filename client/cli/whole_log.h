// What the commands that read a whole log have in common.
#ifndef GACETA_CLIENT_CLI_WHOLE_LOG_H_
#define GACETA_CLIENT_CLI_WHOLE_LOG_H_

#include "CLI/CLI.hpp"
#include "cli/checkpoint_memory.h"
#include "cli/log_progress.h"
#include "gaceta/whole_log.h"

namespace gaceta::cli {

void AddThreadsFlag(CLI::App& verb, int* threads);

// Sets what follows from the log, the flag and the terminal: it ends at a
// signal. `log` and `progress` must outlive the use of `options`.
void SetWholeLogOptions(const KnownLog& log, int threads, LogProgress* progress,
                        client::WholeLogOptions* options);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_WHOLE_LOG_H_
