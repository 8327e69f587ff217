#include "server/relay/entry_stream.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "gaceta/v1/relay.pb.h"

namespace gaceta {
namespace {

// Entries asked of the cache at once.
constexpr int kReadEntries = 64;

}  // namespace

absl::StatusOr<EntryStream::Step> EntryStream::Next(grpc::ByteBuffer* message) {
  std::vector<grpc::Slice> slices;
  std::size_t bytes = 0;
  int scanned = 0;
  Step step = Step::kMore;
  while (bytes < options_.max_message_bytes &&
         static_cast<int>(slices.size()) < options_.max_message_entries &&
         scanned < options_.max_scan) {
    const int room =
        options_.max_message_entries - static_cast<int>(slices.size());
    auto entries =
        cache_->TryRead(position_, std::min(room, kReadEntries), &reader_);
    if (!entries.ok()) {
      if (slices.empty()) return entries.status();
      // What was found before leaves first; the next step meets the error.
      break;
    }
    if (!entries->has_value() || (*entries)->empty()) {
      step = entries->has_value() ? Step::kAtEnd : Step::kLoading;
      break;
    }
    for (const RelayedEntryPtr& entry : **entries) {
      auto added = AddEntry(*entry, &slices);
      if (!added.ok()) return added.status();
      bytes += *added;
      ++position_;
      ++scanned;
      if (bytes >= options_.max_message_bytes) break;
    }
  }
  if (slices.empty()) return step;
  auto progress = ProgressSlice();
  if (!progress.ok()) return progress.status();
  slices.push_back(*std::move(progress));
  *message = grpc::ByteBuffer(slices.data(), slices.size());
  return Step::kMessage;
}

absl::Status EntryStream::ProveStart(Position known_size,
                                     v1::SubscribeResponse* opened) {
  auto proof = prover_.Prove(position_);
  if (!proof.ok()) return proof.status();
  *opened->mutable_proof() = *std::move(proof);
  if (known_size == 0) return absl::OkStatus();
  auto known = prover_.ProveKnown(known_size);
  if (!known.ok()) return known.status();
  opened->mutable_opened()->set_known_consistency(*std::move(known));
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> EntryStream::AddEntry(
    const RelayedEntry& entry, std::vector<grpc::Slice>* slices) {
  Passage passage = filter_->Decide(entry);
  v1::Entry::Omission omission = v1::Entry::OMISSION_NOT_REQUESTED;
  if (passage == Passage::kNone && !options_.include_unmatched_headers) {
    return 0;
  }
  if (passage == Passage::kRestricted) {
    omission = entry.stored_omission() == v1::Entry::OMISSION_UNSPECIFIED
                   ? v1::Entry::OMISSION_RESTRICTED
                   : entry.stored_omission();
  }
  // Registry entries keep their payload: without it nothing verifies.
  const bool bare = passage != Passage::kFull ||
                    (options_.headers_only && !entry.is_registry());
  if (absl::Status s = prover_.Shows(entry.position()); !s.ok()) return s;
  slices->push_back(bare ? entry.BareSlice(omission) : entry.full_slice());
  return slices->back().size();
}

absl::StatusOr<grpc::Slice> EntryStream::ProgressSlice() {
  v1::SubscribeResponse response;
  response.mutable_progress()->set_next_position(position_);
  auto proof = prover_.Prove(position_);
  if (!proof.ok()) return proof.status();
  *response.mutable_proof() = *std::move(proof);
  told_live_ = position_ == cache_->Size();
  response.mutable_progress()->set_live(told_live_);
  sent_position_ = position_;
  return grpc::Slice(response.SerializeAsString());
}

absl::StatusOr<grpc::ByteBuffer> EntryStream::ProgressMessage() {
  auto slice = ProgressSlice();
  if (!slice.ok()) return slice.status();
  return grpc::ByteBuffer(&*slice, 1);
}

}  // namespace gaceta
