#include "server/log/subscription_table.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/log/sqlite_file.h"

namespace gaceta {
namespace {

constexpr int kVersion = 1;
constexpr char kSchema[] =
    "CREATE TABLE subscription ("
    "  name TEXT PRIMARY KEY,"
    "  identity TEXT NOT NULL,"
    "  filter BLOB NOT NULL,"
    "  next_position INTEGER NOT NULL,"
    "  update_micros INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";

}  // namespace

SubscriptionTable::SubscriptionTable(std::unique_ptr<SQLite::Database> db)
    : db_(std::move(db)) {}

SubscriptionTable::~SubscriptionTable() = default;

absl::StatusOr<std::unique_ptr<SubscriptionTable>> SubscriptionTable::Open(
    const std::string& path) {
  SqliteFileOptions options;
  options.path = path;
  options.version = kVersion;
  options.durability = SqliteDurability::kProgramCrash;
  options.schema = kSchema;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  std::map<std::string, NamedSubscription, std::less<>> all;
  absl::Status status = RunSqlite(absl::StrCat("cannot read ", path), [&] {
    SQLite::Statement query(**db,
                            "SELECT name, identity, filter, next_position,"
                            " update_micros FROM subscription");
    while (query.executeStep()) {
      NamedSubscription one;
      one.name = query.getColumn(0).getString();
      one.identity = query.getColumn(1).getString();
      one.filter.ParseFromArray(query.getColumn(2).getBlob(),
                                query.getColumn(2).getBytes());
      one.next_position = query.getColumn(3).getInt64();
      one.update_time = absl::FromUnixMicros(query.getColumn(4).getInt64());
      std::string name = one.name;
      all.emplace(std::move(name), std::move(one));
    }
  });
  if (!status.ok()) return status;
  std::unique_ptr<SubscriptionTable> table(
      new SubscriptionTable(*std::move(db)));
  absl::MutexLock lock(&table->mu_);
  table->all_ = std::move(all);
  return table;
}

void SubscriptionTable::Put(NamedSubscription subscription) {
  absl::MutexLock lock(&mu_);
  changed_.insert(subscription.name);
  std::string name = subscription.name;
  all_.insert_or_assign(std::move(name), std::move(subscription));
}

void SubscriptionTable::Acknowledge(absl::string_view name,
                                    Position next_position, absl::Time now) {
  absl::MutexLock lock(&mu_);
  auto found = all_.find(name);
  if (found == all_.end()) return;
  found->second.next_position = next_position;
  found->second.update_time = now;
  changed_.insert(found->first);
}

std::optional<NamedSubscription> SubscriptionTable::Get(
    absl::string_view name) const {
  absl::MutexLock lock(&mu_);
  auto found = all_.find(name);
  if (found == all_.end()) return std::nullopt;
  return found->second;
}

std::vector<NamedSubscription> SubscriptionTable::List(absl::string_view prefix,
                                                       absl::string_view after,
                                                       int max_count) const {
  absl::MutexLock lock(&mu_);
  std::vector<NamedSubscription> out;
  auto next =
      after < prefix ? all_.lower_bound(prefix) : all_.upper_bound(after);
  for (; next != all_.end() && static_cast<int>(out.size()) < max_count &&
         absl::StartsWith(next->first, prefix);
       ++next) {
    out.push_back(next->second);
  }
  return out;
}

bool SubscriptionTable::Delete(absl::string_view name) {
  absl::MutexLock lock(&mu_);
  auto found = all_.find(name);
  if (found == all_.end()) return false;
  changed_.insert(found->first);
  all_.erase(found);
  return true;
}

absl::Status SubscriptionTable::Flush() {
  absl::MutexLock flush_lock(&flush_mu_);
  std::vector<NamedSubscription> put;
  std::vector<std::string> deleted;
  {
    absl::MutexLock lock(&mu_);
    for (const std::string& name : changed_) {
      auto found = all_.find(name);
      if (found == all_.end()) {
        deleted.push_back(name);
      } else {
        put.push_back(found->second);
      }
    }
    changed_.clear();
  }
  if (put.empty() && deleted.empty()) return absl::OkStatus();
  absl::Status status = RunSqlite("cannot write subscriptions", [&] {
    flush_mu_.AssertHeld();
    SQLite::Transaction transaction(*db_);
    SQLite::Statement insert(
        *db_, "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?, ?)");
    for (const NamedSubscription& one : put) {
      const std::string filter = one.filter.SerializeAsString();
      insert.reset();
      insert.bind(1, one.name);
      insert.bind(2, one.identity);
      insert.bind(3, static_cast<const void*>(filter.data()),
                  static_cast<int>(filter.size()));
      insert.bind(4, one.next_position);
      insert.bind(5, absl::ToUnixMicros(one.update_time));
      insert.exec();
    }
    SQLite::Statement erase(*db_, "DELETE FROM subscription WHERE name = ?");
    for (const std::string& name : deleted) {
      erase.reset();
      erase.bind(1, name);
      erase.exec();
    }
    transaction.commit();
  });
  if (!status.ok()) {
    // Try again with the next flush.
    absl::MutexLock lock(&mu_);
    for (const NamedSubscription& one : put) changed_.insert(one.name);
    for (const std::string& name : deleted) changed_.insert(name);
  }
  return status;
}

}  // namespace gaceta
