#include "tests/bench/fill.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/log/sqlite_log_store.h"
#include "server/log/statement_index.h"
#include "tests/bench/statements.h"
#include "verify/statement.h"

namespace gaceta::bench {
namespace {

// Updates of each state in one transaction.
constexpr std::int64_t kUpdatesInTurn = 128;

// A state, and where its chain is.
struct Publisher {
  StatementSigner signer;
  ChainHead head;
};

absl::StatusOr<std::vector<Publisher>> OpenPublishers(
    const BenchFederation& federation, const StatementIndex& index) {
  std::vector<Publisher> publishers;
  for (const std::string& state : States()) {
    auto key = federation.SignerOf(state);
    if (!key.ok()) return key.status();
    auto head = index.Head(state);
    if (!head.ok()) return head.status();
    publishers.push_back(
        {StatementSigner(std::string(kLogOrigin), state, *std::move(key)),
         *std::move(head)});
  }
  return publishers;
}

absl::StatusOr<StoredEntry> MakeEntry(absl::BitGen& random, absl::Time time,
                                      Publisher* publisher) {
  const v1::Update update = RandomUpdate(publisher->signer.publisher(),
                                         publisher->head.sequence + 1, random);
  auto statement = SignStatement(publisher->signer, kUpdatePayloadType,
                                 update.SerializeAsString(), &publisher->head);
  if (!statement.ok()) return statement.status();
  v1::Leaf leaf;
  leaf.set_header(statement->header());
  leaf.set_signature(statement->signature());
  leaf.set_key_id(statement->key_id());
  leaf.mutable_recorded_time()->set_seconds(absl::ToUnixSeconds(time));
  StoredEntry entry;
  entry.leaf = leaf.SerializeAsString();
  entry.payload = statement->payload();
  return entry;
}

// The next `count` entries. Signing is what costs, so that each processor does
// a part of the states.
absl::StatusOr<std::vector<StoredEntry>> MakeEntries(
    std::int64_t count, std::vector<Publisher>* publishers) {
  const absl::Time now = absl::Now();
  const std::size_t all = publishers->size();
  std::vector<StoredEntry> entries(static_cast<std::size_t>(count));
  const std::size_t parts =
      std::max<std::size_t>(1, std::thread::hardware_concurrency());
  std::vector<std::future<absl::Status>> work;
  for (std::size_t part = 0; part < parts; ++part) {
    work.push_back(std::async(std::launch::async, [&, part]() -> absl::Status {
      absl::BitGen random;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i % all % parts != part) continue;
        auto entry = MakeEntry(random, now, &(*publishers)[i % all]);
        if (!entry.ok()) return entry.status();
        entries[i] = *std::move(entry);
      }
      return absl::OkStatus();
    }));
  }
  absl::Status status;
  for (auto& part : work) status.Update(part.get());
  if (!status.ok()) return status;
  return entries;
}

}  // namespace

absl::Status FillLog(const BenchFederation& federation,
                     const std::string& folder, std::int64_t entries) {
  auto store = SqliteLogStore::Open(absl::StrCat(folder, "/log.db"));
  if (!store.ok()) return store.status();
  auto index = StatementIndex::Open(absl::StrCat(folder, "/index.db"));
  if (!index.ok()) return index.status();
  if (absl::Status s = (*index)->CatchUp(**store); !s.ok()) return s;
  auto publishers = OpenPublishers(federation, **index);
  if (!publishers.ok()) return publishers.status();

  const auto in_turn =
      kUpdatesInTurn * static_cast<std::int64_t>(publishers->size());
  while ((*store)->Size() < entries) {
    const Position position = (*store)->Size();
    auto made =
        MakeEntries(std::min(in_turn, entries - position), &*publishers);
    if (!made.ok()) return made.status();
    if (absl::Status s = (*store)->Append(position, *made); !s.ok()) return s;
    if (absl::Status s = (*index)->Apply(position, *made); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace gaceta::bench
