#include "cli/subscriptions_commands.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/entry_text.h"
#include "cli/output.h"
#include "cli/session.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/client_context.h"

namespace gaceta::cli {
namespace {

using Stub = v1::RelayService::Stub;

absl::StatusOr<std::unique_ptr<Stub>> Connect(const CliContext& context,
                                              const ResolvedProfile& profile) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      context.connect(profile.connection);
  if (!channel.ok()) return channel.status();
  return v1::RelayService::NewStub(*channel);
}

// Waits for a server that is starting, up to the deadline.
void Prepare(grpc::ClientContext* call) {
  call->set_wait_for_ready(true);
  call->set_deadline(absl::ToChronoTime(QuestionDeadline()));
}

void AddRow(const v1::Subscription& subscription, Table* table) {
  table->AddRow(
      {subscription.name(), absl::StrCat(subscription.next_position()),
       absl::StrCat(subscription.behind()),
       subscription.connected() ? "yes" : "no",
       google::protobuf::util::TimeUtil::ToString(subscription.update_time())});
}

absl::StatusOr<int> List(const CliContext& context,
                         const ResolvedProfile& profile) {
  absl::StatusOr<std::unique_ptr<Stub>> stub = Connect(context, profile);
  if (!stub.ok()) return stub.status();
  Table table({"NAME", "POSITION", "BEHIND", "CONNECTED", "LAST SEEN"});
  v1::ListSubscriptionsRequest request;
  do {
    grpc::ClientContext call;
    Prepare(&call);
    v1::ListSubscriptionsResponse response;
    absl::Status status =
        FromGrpc((*stub)->ListSubscriptions(&call, request, &response));
    if (!status.ok()) return status;
    for (const v1::Subscription& subscription : response.subscriptions()) {
      if (context.output == OutputFormat::kJson) {
        context.out << ToJson(subscription) << '\n';
      } else {
        AddRow(subscription, &table);
      }
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  table.Print(context.out);
  return kExitDone;
}

absl::StatusOr<int> Show(const CliContext& context,
                         const ResolvedProfile& profile,
                         const std::string& name) {
  absl::StatusOr<std::unique_ptr<Stub>> stub = Connect(context, profile);
  if (!stub.ok()) return stub.status();
  absl::StatusOr<v1::Subscription> subscription =
      FetchSubscription(**stub, name);
  if (!subscription.ok()) return subscription.status();
  if (context.output == OutputFormat::kJson) {
    context.out << ToJson(*subscription) << '\n';
  } else {
    PrintFields(context.out, *subscription, 0);
  }
  return kExitDone;
}

// Shows what is going to be lost and asks. An answer needs a person.
absl::Status Confirm(const CliContext& context,
                     const v1::Subscription& subscription) {
  context.err << "forgets " << OneLine(subscription.name()) << " of "
              << OneLine(subscription.identity()) << ", acknowledged up to "
              << subscription.next_position() << "; delete it? [y/N] "
              << std::flush;
  std::string answer;
  if (context.in == &std::cin && isatty(STDIN_FILENO) != 1) {
    context.err << '\n';
    return UsageError("nobody can be asked here: give --yes to delete");
  }
  std::getline(*context.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") {
    return absl::OkStatus();
  }
  return absl::CancelledError("nothing was deleted");
}

absl::StatusOr<int> Delete(const CliContext& context,
                           const ResolvedProfile& profile,
                           const std::string& name, bool yes) {
  absl::StatusOr<std::unique_ptr<Stub>> stub = Connect(context, profile);
  if (!stub.ok()) return stub.status();
  absl::StatusOr<v1::Subscription> subscription =
      FetchSubscription(**stub, name);
  if (!subscription.ok()) return subscription.status();
  if (!yes) {
    if (absl::Status s = Confirm(context, *subscription); !s.ok()) return s;
  }
  grpc::ClientContext call;
  Prepare(&call);
  v1::DeleteSubscriptionRequest request;
  request.set_name(subscription->name());
  v1::DeleteSubscriptionResponse response;
  absl::Status status =
      FromGrpc((*stub)->DeleteSubscription(&call, request, &response));
  if (!status.ok()) return status;
  if (context.output == OutputFormat::kJson) {
    context.out << ToJson(*subscription) << '\n';
  } else {
    context.out << "deleted " << OneLine(subscription->name()) << '\n';
  }
  return kExitDone;
}

}  // namespace

absl::StatusOr<v1::Subscription> FetchSubscription(v1::RelayService::Stub& stub,
                                                   const std::string& name) {
  grpc::ClientContext call;
  Prepare(&call);
  v1::GetSubscriptionRequest request;
  request.set_name(name);
  v1::GetSubscriptionResponse response;
  absl::Status status =
      FromGrpc(stub.GetSubscription(&call, request, &response));
  if (!status.ok()) return status;
  return response.subscription();
}

void AddSubscriptionsCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "subscriptions",
      "Named subscriptions that the server keeps: list, show, delete");
  noun->require_subcommand(1);

  CLI::App* list = AddVerb(
      *noun, "list",
      "Lists your own; an administrator, those of the whole state.",
      "  gaceta subscriptions list\n"
      "  gaceta subscriptions list --output=json | jq 'select(.behind>100)'");
  RunWithProfile(*list, context, [&context](const ResolvedProfile& profile) {
    return List(context, profile);
  });

  auto name = std::make_shared<std::string>();
  CLI::App* show = AddVerb(
      *noun, "show", "Shows one: its filter, and how far it is behind.",
      "  gaceta subscriptions show laws\n"
      "  gaceta subscriptions show mx.gaceta.example/subscriber/monitor:laws");
  show->add_option("name", *name, "Its name, or your own short one")
      ->required();
  RunWithProfile(*show, context,
                 [&context, name](const ResolvedProfile& profile) {
                   return Show(context, profile, *name);
                 });

  auto yes = std::make_shared<bool>(false);
  CLI::App* remove =
      AddVerb(*noun, "delete",
              "Forgets one, and where it was. Shows it and asks before.",
              "  gaceta subscriptions delete laws\n"
              "  gaceta subscriptions delete laws --yes");
  remove->add_option("name", *name, "Its name, or your own short one")
      ->required();
  remove->add_flag("--yes", *yes, "Do not ask");
  RunWithProfile(*remove, context,
                 [&context, name, yes](const ResolvedProfile& profile) {
                   return Delete(context, profile, *name, *yes);
                 });
}

}  // namespace gaceta::cli
