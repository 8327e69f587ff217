#include "server/relay/entry_cache.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/log/memory_log_store.h"

namespace gaceta {
namespace {

std::size_t BytesOf(const std::vector<RelayedEntryPtr>& entries) {
  std::size_t bytes = 0;
  for (const RelayedEntryPtr& entry : entries) bytes += entry->bytes();
  return bytes;
}

}  // namespace

EntryCache::EntryCache(const LogStore* store, Options options)
    : store_(store), options_(options), end_(store->Size()), tail_begin_(end_) {
  loader_ = std::thread([this] { LoadLoop(); });
}

EntryCache::~EntryCache() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  loader_.join();
}

void EntryCache::Append(Position begin, absl::Span<const StoredEntry> entries) {
  // Encoding is the costly part and needs no lock: one thread appends.
  std::vector<RelayedEntryPtr> relayed;
  relayed.reserve(entries.size());
  Position position = begin;
  for (const StoredEntry& entry : entries) {
    relayed.push_back(std::make_shared<RelayedEntry>(position++, entry));
  }
  absl::MutexLock lock(&mu_);
  for (RelayedEntryPtr& entry : relayed) {
    tail_bytes_ += entry->bytes();
    tail_.push_back(std::move(entry));
  }
  while (tail_bytes_ > options_.tail_bytes && tail_.size() > 1) {
    tail_bytes_ -= tail_.front()->bytes();
    tail_.pop_front();
    ++tail_begin_;
  }
}

absl::Status EntryCache::Forget(absl::Span<const Position> positions) {
  {
    absl::MutexLock lock(&mu_);
    ++forgotten_;
    for (const Position position : positions) {
      DropBlock(position / kBlockEntries);
    }
  }
  for (const Position position : positions) {
    auto stored = store_->Read(position, 1, 1);
    if (!stored.ok()) return stored.status();
    auto entry = std::make_shared<RelayedEntry>(position, stored->front());
    absl::MutexLock lock(&mu_);
    if (position < tail_begin_) continue;
    RelayedEntryPtr& old =
        tail_[static_cast<std::size_t>(position - tail_begin_)];
    tail_bytes_ += entry->bytes() - old->bytes();
    old = std::move(entry);
  }
  return absl::OkStatus();
}

void EntryCache::SetEnd(Position end) {
  {
    absl::MutexLock lock(&mu_);
    end_ = end;
  }
  NotifyListener();
}

Position EntryCache::Size() const {
  absl::MutexLock lock(&mu_);
  return end_;
}

void EntryCache::SetListener(std::function<void()> on_change) {
  absl::MutexLock lock(&listener_mu_);
  listener_ = std::move(on_change);
}

void EntryCache::NotifyListener() {
  absl::MutexLock lock(&listener_mu_);
  if (listener_) listener_();
}

bool EntryCache::ReadTail(Position begin, int max_count, Block* out) {
  if (begin == end_) return true;
  if (begin < tail_begin_) return false;
  const auto first = static_cast<std::size_t>(begin - tail_begin_);
  const std::size_t last = first + static_cast<std::size_t>(std::min<Position>(
                                       max_count, end_ - begin));
  for (std::size_t i = first; i < last; ++i) out->push_back(tail_[i]);
  return true;
}

absl::StatusOr<std::optional<std::vector<RelayedEntryPtr>>> EntryCache::Lookup(
    Position begin, int max_count) {
  if (begin < 0 || begin > end_) {
    return BeyondEnd(begin, end_);
  }
  Block out;
  if (ReadTail(begin, max_count, &out)) return out;

  const Position block = begin / kBlockEntries;
  const auto first = static_cast<std::size_t>(begin % kBlockEntries);
  std::shared_ptr<const Block> entries = FindBlock(block);
  // A block that was read while the log ended in it is short: read it again.
  if (entries == nullptr || entries->size() <= first) return std::nullopt;
  // The store may have more already than readers may see.
  const auto announced = static_cast<std::size_t>(end_ - begin);
  const std::size_t last = std::min(
      entries->size(),
      first + std::min(announced, static_cast<std::size_t>(max_count)));
  out.assign(entries->begin() + first, entries->begin() + last);
  return out;
}

absl::StatusOr<std::optional<std::vector<RelayedEntryPtr>>> EntryCache::TryRead(
    Position begin, int max_count, Reader* reader) {
  absl::MutexLock lock(&mu_);
  auto found = Lookup(begin, max_count);
  if (!found.ok()) return found;
  const Position block = begin / kBlockEntries;
  if (found->has_value()) {
    ReadAhead(block, reader);
    return found;
  }
  if (auto failed = failed_.find(block); failed != failed_.end()) {
    const absl::Status status = failed->second;
    failed_.erase(failed);
    return status;
  }
  Want(block, reader);
  return found;
}

void EntryCache::Want(Position block, Reader* reader) {
  if (loading_ == block) {
    loading_wanted_ = true;
    return;
  }
  if (std::find(wanted_.begin(), wanted_.end(), block) != wanted_.end()) return;
  wanted_.push_back(block);
  const bool comes =
      std::any_of(ahead_.begin(), ahead_.end(), [block](const Run& run) {
        return run.begin <= block && block < run.end;
      });
  if (!comes) *reader = Reader();
}

void EntryCache::ReadAhead(Position block, Reader* reader) {
  // The run before the last one is still being read.
  if (block < reader->begin_) return;
  if (block >= reader->end_) {
    *reader = Reader();
    reader->end_ = block + 1;
  }
  // Only whole blocks: the last ones still grow, and are in the tail.
  const Run run = {reader->end_, std::min(reader->end_ + reader->blocks_,
                                          tail_begin_ / kBlockEntries)};
  if (run.begin >= run.end) return;
  if (ahead_.size() == kMaxRuns) ahead_.pop_front();
  ahead_.push_back(run);
  reader->begin_ = run.begin;
  reader->end_ = run.end;
  reader->blocks_ = std::min(2 * reader->blocks_, kMaxRunBlocks);
}

absl::StatusOr<std::vector<RelayedEntryPtr>> EntryCache::Read(Position begin,
                                                              int max_count) {
  std::vector<RelayedEntryPtr> out;
  while (static_cast<int>(out.size()) < max_count) {
    const Position next = begin + static_cast<Position>(out.size());
    auto some = [&] {
      absl::MutexLock lock(&mu_);
      return Lookup(next, max_count - static_cast<int>(out.size()));
    }();
    if (!some.ok()) return some.status();
    if (!some->has_value()) {
      if (max_count == 1) return ReadAlone(next);
      if (absl::Status s = LoadBlock(next / kBlockEntries); !s.ok()) return s;
      continue;
    }
    if ((*some)->empty()) break;
    out.insert(out.end(), (*some)->begin(), (*some)->end());
  }
  return out;
}

std::shared_ptr<const EntryCache::Block> EntryCache::FindBlock(Position block) {
  auto found = blocks_.find(block);
  if (found == blocks_.end()) return nullptr;
  uses_.splice(uses_.end(), uses_, found->second.use);
  return found->second.entries;
}

absl::StatusOr<EntryCache::Block> EntryCache::ReadAlone(
    Position position) const {
  auto stored = store_->Read(position, 1, 1);
  if (!stored.ok()) return stored.status();
  return Block{std::make_shared<RelayedEntry>(position, stored->front())};
}

absl::Status EntryCache::LoadBlock(Position block) {
  int before = 0;
  {
    absl::MutexLock lock(&mu_);
    before = forgotten_;
  }
  while (true) {
    auto entries = ReadBlock(block);
    if (!entries.ok()) return entries.status();
    absl::MutexLock lock(&mu_);
    if (forgotten_ == before) {
      KeepBlock(block, *std::move(entries));
      return absl::OkStatus();
    }
    before = forgotten_;
  }
}

absl::StatusOr<std::shared_ptr<const EntryCache::Block>> EntryCache::ReadBlock(
    Position block) const {
  const Position begin = block * kBlockEntries;
  const Position end = std::min(begin + kBlockEntries, Size());
  EntryBatch batch(begin);
  const absl::Status status = store_->Scan(
      begin, kBlockEntries, std::numeric_limits<std::size_t>::max(),
      [&batch](const EntryView& entry) { batch.Add(entry); });
  if (!status.ok()) return status;
  // Who waits for an entry that is not there would wait for ever.
  if (batch.end() < end) {
    return absl::DataLossError(absl::StrCat("the log has ", batch.end() - begin,
                                            " entries from position ", begin,
                                            ", expected ", end - begin));
  }
  return std::make_shared<const Block>(batch.Make());
}

void EntryCache::KeepBlock(Position block,
                           std::shared_ptr<const Block> entries) {
  // The last block may have been read while it was still growing; what the
  // tail holds is newer, and only whole blocks are asked for below it.
  DropBlock(block);
  failed_.erase(block);
  const std::size_t bytes = BytesOf(*entries);
  uses_.push_back(block);
  blocks_[block] = {std::move(entries), bytes, std::prev(uses_.end())};
  block_bytes_ += bytes;
  while (block_bytes_ > options_.block_bytes && uses_.size() > 1) {
    auto oldest = blocks_.find(uses_.front());
    block_bytes_ -= oldest->second.bytes;
    blocks_.erase(oldest);
    uses_.pop_front();
  }
}

void EntryCache::DropBlock(Position block) {
  auto old = blocks_.find(block);
  if (old == blocks_.end()) return;
  block_bytes_ -= old->second.bytes;
  uses_.erase(old->second.use);
  blocks_.erase(old);
}

std::optional<Position> EntryCache::NextLoad() {
  absl::MutexLock lock(&mu_);
  while (true) {
    mu_.Await(absl::Condition(
        +[](EntryCache* self) {
          self->mu_.AssertHeld();
          return self->stopping_ || !self->wanted_.empty() ||
                 !self->ahead_.empty();
        },
        this));
    if (stopping_) return std::nullopt;
    loading_wanted_ = !wanted_.empty();
    if (loading_wanted_) {
      loading_ = wanted_.front();
      wanted_.pop_front();
      return loading_;
    }
    Run& run = ahead_.front();
    const Position block = run.begin++;
    if (run.begin == run.end) ahead_.pop_front();
    // Others may have wanted it as well.
    if (blocks_.contains(block)) continue;
    loading_ = block;
    return loading_;
  }
}

void EntryCache::LoadLoop() {
  while (const std::optional<Position> block = NextLoad()) {
    const absl::Status loaded = LoadBlock(*block);
    bool wanted = false;
    {
      absl::MutexLock lock(&mu_);
      loading_.reset();
      wanted = loading_wanted_;
      // What was only read ahead is tried again by who comes there.
      if (!loaded.ok() && wanted) failed_[*block] = loaded;
    }
    if (wanted) NotifyListener();
  }
}

}  // namespace gaceta
