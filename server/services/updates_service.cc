#include "server/services/updates_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "server/relay/beyond_log.h"
#include "server/relay/filter.h"
#include "server/services/entry_proofs.h"
#include "server/services/page_token.h"

namespace gaceta {
namespace {

constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 500;
// One call looks at no more entries than this; then the page ends early.
constexpr int kMaxScan = 20'000;
constexpr int kReadEntries = 64;
constexpr std::size_t kMaxPageBytes = 1024 * 1024;

// Walks a list page by page: which entries are next, in either direction.
class Walk {
 public:
  // Ascending from `next`, or descending with `next` as the first.
  Walk(bool ascending, Position next, Position end)
      : ascending_(ascending), next_(next), end_(end) {}

  bool done() const { return ascending_ ? next_ >= end_ : next_ < 0; }
  Position next() const { return next_; }

  // The block to read now; entries are to be visited in Order().
  Position block_begin() const {
    return ascending_ ? next_ : std::max<Position>(0, next_ - kReadEntries + 1);
  }
  int block_count() const {
    return static_cast<int>(ascending_
                                ? std::min<Position>(kReadEntries, end_ - next_)
                                : next_ - block_begin() + 1);
  }
  void Order(std::vector<RelayedEntryPtr>* block) const {
    if (!ascending_) std::reverse(block->begin(), block->end());
  }
  void Visited(Position position) { next_ = position + (ascending_ ? 1 : -1); }

 private:
  const bool ascending_;
  Position next_;
  const Position end_;
};

v1::Entry::Omission OmissionOf(const RelayedEntry& entry, Passage passage) {
  if (passage == Passage::kFull) return v1::Entry::OMISSION_UNSPECIFIED;
  return entry.stored_omission() == v1::Entry::OMISSION_UNSPECIFIED
             ? v1::Entry::OMISSION_RESTRICTED
             : entry.stored_omission();
}

}  // namespace

grpc::Status UpdatesService::ListUpdates(grpc::ServerContext* context,
                                         const v1::ListUpdatesRequest* request,
                                         v1::ListUpdatesResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       "gaceta.v1.UpdatesService/ListUpdates");
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(List(*caller, *request, response));
}

absl::Status UpdatesService::List(const Caller& caller,
                                  const v1::ListUpdatesRequest& request,
                                  v1::ListUpdatesResponse* response) {
  auto filter = CompiledFilter::Compile(request.filter(),
                                        Reader{caller.member, caller.is_state},
                                        log_->registry().Snapshot());
  if (!filter.ok()) return filter.status();
  auto size = PageSize(request.page_size(), kDefaultPage, kMaxPage);
  if (!size.ok()) return size.status();
  const Position end = log_->Size();
  const char* token_of =
      request.ascending() ? "ListUpdates ascending" : "ListUpdates descending";
  auto first = ReadPageNumber(token_of, request.page_token(),
                              request.ascending() ? 0 : end - 1);
  if (!first.ok()) return first.status();

  Walk walk(request.ascending(), std::min(*first, end), end);
  std::size_t bytes = 0;
  int scanned = 0;
  while (!walk.done()) {
    auto block = log_->cache().Read(walk.block_begin(), walk.block_count());
    if (!block.ok()) return block.status();
    if (block->empty()) break;
    walk.Order(&*block);
    for (const RelayedEntryPtr& entry : *block) {
      if (response->entries_size() == *size || bytes > kMaxPageBytes ||
          scanned == kMaxScan) {
        response->set_next_page_token(
            MakePageToken(token_of, absl::StrCat(walk.next())));
        return ProveAll(response);
      }
      ++scanned;
      walk.Visited(entry->position());
      if (!entry->is_update()) continue;
      const Passage passage = (*filter)->Decide(*entry);
      if (passage == Passage::kNone) continue;
      bytes += entry->bytes();
      *response->add_entries() = entry->ToProto(OmissionOf(*entry, passage));
    }
  }
  return ProveAll(response);
}

absl::Status UpdatesService::ProveAll(v1::ListUpdatesResponse* response) {
  return ProveEntries(*log_, response->mutable_entries(),
                      response->mutable_checkpoint());
}

grpc::Status UpdatesService::GetUpdate(grpc::ServerContext* context,
                                       const v1::GetUpdateRequest* request,
                                       v1::GetUpdateResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       "gaceta.v1.UpdatesService/GetUpdate");
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(Get(*caller, *request, response));
}

absl::StatusOr<Position> UpdatesService::PositionOf(
    const v1::GetUpdateRequest& request) {
  if (request.key_case() == v1::GetUpdateRequest::kPosition) {
    const Position end = log_->Size();
    if (request.position() < 0 || request.position() >= end) {
      return BeyondLog("position", request.position(), end);
    }
    return request.position();
  }
  if (request.key_case() != v1::GetUpdateRequest::kStatementId) {
    return InvalidField("key", "is missing, expected position or statement_id");
  }
  auto found = log_->index().FindById(request.statement_id());
  if (!found.ok()) return found.status();
  if (!found->has_value() || (*found)->position >= log_->Size()) {
    return WithReason(absl::NotFoundError(absl::StrCat(
                          "there is no statement \"",
                          request.statement_id().substr(0, 50), "\" here")),
                      "UNKNOWN_STATEMENT");
  }
  return (*found)->position;
}

absl::Status UpdatesService::Get(const Caller& caller,
                                 const v1::GetUpdateRequest& request,
                                 v1::GetUpdateResponse* response) {
  auto position = PositionOf(request);
  if (!position.ok()) return position.status();
  // An empty filter passes everything; what is left is who may see the payload.
  auto filter = CompiledFilter::Compile(v1::Filter(),
                                        Reader{caller.member, caller.is_state},
                                        log_->registry().Snapshot());
  if (!filter.ok()) return filter.status();
  auto entries = log_->cache().Read(*position, 1);
  if (!entries.ok()) return entries.status();
  const RelayedEntry& entry = *(*entries)[0];
  *response->mutable_entry() =
      entry.ToProto(OmissionOf(entry, (*filter)->Decide(entry)));
  return ProveEntry(*log_, response->mutable_entry(),
                    response->mutable_checkpoint());
}

}  // namespace gaceta
