#include "server/services/registry_service.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "server/relay/beyond_log.h"
#include "server/services/entry_proofs.h"
#include "server/services/page_token.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
// A page of entries is closed when it has so many bytes: clients accept 4 MiB.
constexpr std::size_t kMaxPageBytes = 1024 * 1024;
constexpr absl::string_view kService = "gaceta.v1.RegistryService/";

// Lists the values of a map from id, a page at a time.
template <typename Value, typename Request, typename Response, typename Add>
absl::Status ListMap(const std::map<std::string, Value, std::less<>>& all,
                     absl::string_view rpc, const Request& request,
                     Response* response, Add add) {
  auto size = PageSize(request.page_size(), kDefaultPage, kMaxPage);
  if (!size.ok()) return size.status();
  auto after = ReadPageToken(rpc, request.page_token());
  if (!after.ok()) return after.status();
  int count = 0;
  std::string last;
  for (auto next = after->empty() ? all.begin() : all.upper_bound(*after);
       next != all.end(); ++next) {
    if (count++ == *size) {
      response->set_next_page_token(MakePageToken(rpc, last));
      break;
    }
    add(next->second);
    last = next->first;
  }
  return absl::OkStatus();
}

}  // namespace

grpc::Status RegistryService::ListMembers(grpc::ServerContext* context,
                                          const v1::ListMembersRequest* request,
                                          v1::ListMembersResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       absl::StrCat(kService, "ListMembers"));
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(ListMap(
      log_->registry().Snapshot()->members(), "ListMembers", *request, response,
      [&](const v1::Member& one) { *response->add_members() = one; }));
}

grpc::Status RegistryService::ListCorridors(
    grpc::ServerContext* context, const v1::ListCorridorsRequest* request,
    v1::ListCorridorsResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       absl::StrCat(kService, "ListCorridors"));
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(ListMap(
      log_->registry().Snapshot()->corridors(), "ListCorridors", *request,
      response,
      [&](const v1::Corridor& one) { *response->add_corridors() = one; }));
}

grpc::Status RegistryService::ListTopics(grpc::ServerContext* context,
                                         const v1::ListTopicsRequest* request,
                                         v1::ListTopicsResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       absl::StrCat(kService, "ListTopics"));
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(ListMap(
      log_->registry().Snapshot()->topics(), "ListTopics", *request, response,
      [&](const v1::Topic& one) { *response->add_topics() = one; }));
}

grpc::Status RegistryService::ListRegistryEntries(
    grpc::ServerContext* context, const v1::ListRegistryEntriesRequest* request,
    v1::ListRegistryEntriesResponse* response) {
  auto caller = authorizer_->Authorize(
      *context->auth_context(), absl::StrCat(kService, "ListRegistryEntries"));
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(ListEntries(*request, response));
}

absl::Status RegistryService::ListEntries(
    const v1::ListRegistryEntriesRequest& request,
    v1::ListRegistryEntriesResponse* response) {
  auto size = PageSize(request.page_size(), kDefaultPage, kMaxPage);
  if (!size.ok()) return size.status();
  // Read before the list: an entry that comes later is beyond the end.
  const Position end = log_->Size();
  if (request.start_position() < 0 || request.start_position() > end) {
    return BeyondLog("start_position", request.start_position(), end);
  }
  auto begin = ReadPageNumber("ListRegistryEntries", request.page_token(),
                              request.start_position());
  if (!begin.ok()) return begin.status();
  auto found = log_->index().ListByPublisher(kSecretariat, *begin, *size + 1);
  if (!found.ok()) return found.status();

  std::size_t bytes = 0;
  for (const IndexedStatement& statement : *found) {
    if (statement.position >= end) break;
    if (response->entries_size() == *size || bytes > kMaxPageBytes) {
      response->set_next_page_token(MakePageToken(
          "ListRegistryEntries", absl::StrCat(statement.position)));
      return ProveEntries(*log_, response->mutable_entries(),
                          response->mutable_checkpoint());
    }
    auto entries = log_->cache().Read(statement.position, 1);
    if (!entries.ok()) return entries.status();
    bytes += (*entries)[0]->bytes();
    *response->add_entries() =
        (*entries)[0]->ToProto(v1::Entry::OMISSION_UNSPECIFIED);
  }
  response->set_next_position(end);
  return ProveEntries(*log_, response->mutable_entries(),
                      response->mutable_checkpoint());
}

}  // namespace gaceta
