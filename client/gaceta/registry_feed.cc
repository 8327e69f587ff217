#include "gaceta/registry_feed.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/retry.h"
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

}  // namespace

absl::StatusOr<RegistryRead> ReadRegistry(
    v1::RegistryService::Stub* stub, const RegistryRange& range,
    absl::Duration page_timeout, EntryVerifier* verifier,
    Cancellation* cancellation,
    const std::function<void(const RegistryRead& so_far)>& applied) {
  RegistryRead read{range.head, range.begin};
  v1::ListRegistryEntriesRequest request;
  request.set_start_position(range.begin);
  request.set_page_size(kPageSize);
  while (true) {
    grpc::ClientContext context;
    SetDeadline(absl::Now() + page_timeout, &context);
    const Cancellation::Scope scope(cancellation, &context);
    v1::ListRegistryEntriesResponse page;
    if (absl::Status s =
            FromGrpc(stub->ListRegistryEntries(&context, request, &page));
        !s.ok()) {
      return s;
    }
    for (const v1::Entry& entry : page.entries()) {
      if (entry.position() >= range.end) return read;
      if (entry.position() < read.next_position) {
        return Broken(
            entry.position(), "POSITION_ORDER",
            absl::StrCat("is listed after position ", read.next_position - 1));
      }
      // Nothing of a statement counts that is out of its chain.
      if (absl::Status s = CheckChain(entry, &read.head); !s.ok()) return s;
      if (absl::Status s = verifier->ApplyRegistryEntry(entry); !s.ok()) {
        return s;
      }
      read.next_position = entry.position() + 1;
      if (applied) applied(read);
    }
    if (page.next_page_token().empty()) {
      read.next_position = std::max(read.next_position, page.next_position());
      break;
    }
    request.set_page_token(page.next_page_token());
  }
  if (range.end != kEndOfLog && read.next_position < range.end) {
    return absl::UnavailableError(
        absl::StrCat("the server lists the registry only below position ",
                     read.next_position, ", expected ", range.end));
  }
  return read;
}

}  // namespace gaceta::client
