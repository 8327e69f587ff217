// The noun `subscriptions`: what the server keeps under a name.
#ifndef GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_
#define GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/command.h"
#include "gaceta/v1/relay.grpc.pb.h"

namespace gaceta::cli {

void AddSubscriptionsCommands(CLI::App& app, CliContext& context);

// Asks the server for one. kNotFound if there is none of that name.
absl::StatusOr<v1::Subscription> FetchSubscription(v1::RelayService::Stub& stub,
                                                   const std::string& name);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_
