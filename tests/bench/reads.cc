#include "tests/bench/reads.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/updates.grpc.pb.h"

namespace gaceta::bench {
namespace {

constexpr int kPageSize = 50;

// Times `count` calls and adds the figures under `name`.
absl::Status Sample(const std::string& name, const Target& target, int count,
                    absl::FunctionRef<grpc::Status(grpc::ClientContext*)> call,
                    Figures* figures) {
  std::vector<absl::Duration> times;
  Stretch stretch(target.pid);
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Deadline()));
    const absl::Time begin = absl::Now();
    const grpc::Status status = call(&context);
    times.push_back(absl::Now() - begin);
    if (!status.ok()) return FromGrpc(status);
  }
  stretch.End();
  (*figures)[name + "_server_us"] = stretch.ServerMicrosPer(count);
  for (const int percent : {50, 99}) {
    (*figures)[absl::StrCat(name, "_p", percent, "_us")] =
        absl::ToDoubleMicroseconds(Percentile(&times, percent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Figures> Reads(const Target& target, int count) {
  auto size = LogSize(target);
  if (!size.ok()) return size.status();
  auto credentials =
      target.federation->CredentialsOf(kSubscriberOf, kSubscriberPath);
  if (!credentials.ok()) return credentials.status();
  auto stub =
      v1::UpdatesService::NewStub(NewChannel(target.server, *credentials));

  absl::BitGen random;
  Figures figures;
  const auto get = [&](grpc::ClientContext* context) {
    v1::GetUpdateRequest request;
    request.set_position(absl::Uniform<std::int64_t>(random, 0, *size));
    v1::GetUpdateResponse response;
    return stub->GetUpdate(context, request, &response);
  };
  const auto list = [&](grpc::ClientContext* context) {
    v1::ListUpdatesRequest request;
    request.mutable_filter()->add_states(
        States().at(absl::Uniform<std::size_t>(random, 0, States().size())));
    request.set_page_size(kPageSize);
    v1::ListUpdatesResponse response;
    return stub->ListUpdates(context, request, &response);
  };
  if (absl::Status s = Sample("get", target, count, get, &figures); !s.ok()) {
    return s;
  }
  if (absl::Status s = Sample("list", target, count, list, &figures); !s.ok()) {
    return s;
  }
  return figures;
}

}  // namespace gaceta::bench
