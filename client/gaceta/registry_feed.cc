#include "gaceta/registry_feed.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/log_proofs.h"
#include "gaceta/retry.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta::client {
namespace {

// The largest entries, this many, fit into one message of 4 MiB.
constexpr int kPageSize = 40;

absl::Status Broken(std::int64_t position, absl::string_view reason,
                    absl::string_view text) {
  return WithReason(
      absl::DataLossError(absl::StrCat("entry ", position, ": ", text)), reason,
      {{"position", absl::StrCat(position)}});
}

// Checks that `entry` comes right after `*head` in the secretariat's chain,
// and moves the head on.
absl::Status CheckChain(const v1::Entry& entry, ChainHead* head) {
  v1::Leaf leaf;
  if (!leaf.ParseFromString(entry.leaf())) {
    return Broken(entry.position(), "MALFORMED_STATEMENT",
                  "leaf does not parse");
  }
  auto header = ParseHeader(leaf.header());
  if (!header.ok()) {
    return Broken(entry.position(), Reason(header.status()),
                  header.status().message());
  }
  if (!EntryVerifier::IsRegistryChange(*header)) {
    return Broken(entry.position(), "BAD_REGISTRY",
                  "is listed as a registry statement and is none");
  }
  if (absl::Status s = CheckFollows(*head, *header); !s.ok()) {
    const bool gap = Reason(s) == "SEQUENCE_GAP";
    return Broken(entry.position(), gap ? "CHAIN_GAP" : "CHAIN_BROKEN",
                  s.message());
  }
  *head = {header->sequence(), Sha256(leaf.header())};
  return absl::OkStatus();
}

// Checks that the log has what pages show, as soon as there is a log policy:
// the first pages may come before the statement that brings it.
class PageProofs {
 public:
  // `verifier` applies the pages.
  PageProofs(const RegistryRange& range, const EntryVerifier& verifier)
      : range_(range), verifier_(verifier) {}

  absl::Status Add(v1::ListRegistryEntriesResponse page) {
    if (!page.entries().empty()) waiting_.push_back(std::move(page));
    const auto registry =
        range_.policy == nullptr ? verifier_.registry() : range_.policy;
    if (registry->log_policy() == nullptr) return absl::OkStatus();
    for (const v1::ListRegistryEntriesResponse& one : waiting_) {
      if (absl::Status s = Check(one, *registry); !s.ok()) return s;
    }
    waiting_.clear();
    return absl::OkStatus();
  }

 private:
  absl::Status Check(const v1::ListRegistryEntriesResponse& page,
                     const Federation& registry) const {
    auto opened = OpenByPolicy(registry, verifier_.options().log_origin,
                               page.checkpoint());
    if (!opened.ok()) return opened.status();
    for (const v1::Entry& entry : page.entries()) {
      if (entry.position() >= range_.end) break;
      if (absl::Status s = CheckInclusion(entry, opened->checkpoint); !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  }

  const RegistryRange& range_;
  const EntryVerifier& verifier_;
  std::vector<v1::ListRegistryEntriesResponse> waiting_;
};

// One page from the server.
absl::StatusOr<v1::ListRegistryEntriesResponse> FetchPage(
    v1::RegistryService::Stub* stub,
    const v1::ListRegistryEntriesRequest& request, absl::Duration timeout,
    Cancellation* cancellation) {
  grpc::ClientContext context;
  SetDeadline(absl::Now() + timeout, &context);
  const Cancellation::Scope scope(cancellation, &context);
  v1::ListRegistryEntriesResponse page;
  const absl::Status status =
      FromGrpc(stub->ListRegistryEntries(&context, request, &page));
  if (!status.ok()) return status;
  return page;
}

// The page's own checkpoint says which log it is of, before any statement is
// judged: those of another log hold, but not here.
absl::Status CheckOrigin(const v1::ListRegistryEntriesResponse& page,
                         const EntryVerifier& verifier) {
  const auto checkpoint = CheckpointOf(page.checkpoint());
  // Without one nothing is shown to be in the log, which PageProofs notices.
  if (!checkpoint.ok()) return absl::OkStatus();
  return CheckLogOrigin(checkpoint->origin, verifier.options().log_origin);
}

// Checks and applies the entries of a page that are below `end`.
absl::Status ApplyPage(
    const v1::ListRegistryEntriesResponse& page, std::int64_t end,
    EntryVerifier* verifier,
    const std::function<void(const RegistryRead& so_far)>& applied,
    RegistryRead* read) {
  for (const v1::Entry& entry : page.entries()) {
    if (entry.position() >= end) break;
    if (entry.position() < read->next_position) {
      return Broken(
          entry.position(), "POSITION_ORDER",
          absl::StrCat("is listed after position ", read->next_position - 1));
    }
    // Nothing of a statement counts that is out of its chain.
    if (absl::Status s = CheckChain(entry, &read->head); !s.ok()) return s;
    if (absl::Status s = verifier->ApplyRegistryEntry(entry); !s.ok()) return s;
    read->next_position = entry.position() + 1;
    if (applied) applied(*read);
  }
  return absl::OkStatus();
}

bool ReachesEnd(const v1::ListRegistryEntriesResponse& page, std::int64_t end) {
  return !page.entries().empty() &&
         page.entries(page.entries_size() - 1).position() >= end;
}

}  // namespace

absl::StatusOr<RegistryRead> ReadRegistry(
    v1::RegistryService::Stub* stub, const RegistryRange& range,
    absl::Duration page_timeout, EntryVerifier* verifier,
    Cancellation* cancellation,
    const std::function<void(const RegistryRead& so_far)>& applied) {
  RegistryRead read{range.head, range.begin};
  PageProofs proofs(range, *verifier);
  v1::ListRegistryEntriesRequest request;
  request.set_start_position(range.begin);
  request.set_page_size(kPageSize);
  do {
    auto page = FetchPage(stub, request, page_timeout, cancellation);
    if (!page.ok()) return page.status();
    if (absl::Status s = CheckOrigin(*page, *verifier); !s.ok()) return s;
    if (absl::Status s = ApplyPage(*page, range.end, verifier, applied, &read);
        !s.ok()) {
      return s;
    }
    const bool complete = ReachesEnd(*page, range.end);
    const std::int64_t next_position = page->next_position();
    request.set_page_token(page->next_page_token());
    if (absl::Status s = proofs.Add(*std::move(page)); !s.ok()) return s;
    if (complete) return read;
    if (request.page_token().empty()) {
      read.next_position = std::max(read.next_position, next_position);
    }
  } while (!request.page_token().empty());
  if (range.end != kEndOfLog && read.next_position < range.end) {
    return absl::UnavailableError(
        absl::StrCat("the server lists the registry only below position ",
                     read.next_position, ", expected ", range.end));
  }
  return read;
}

}  // namespace gaceta::client
