#include "server/recovery/rebuild_hub.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/documents/document_store.h"
#include "server/log/checkpoint_store.h"
#include "server/log/log_tree.h"
#include "server/log/memory_log_store.h"
#include "server/log/sqlite_log_store.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;
using testing::NewKey;
using testing::SharedLogSigner;

class RebuildHubTest : public ::testing::Test {
 protected:
  RebuildHubTest() { std::filesystem::create_directories(hub_); }

  static StoredEntry Entry(int number, int history) {
    return Decree(history * 1000 + number);
  }
  static StoredEntry WithoutPayload(StoredEntry entry) {
    entry.payload.clear();
    entry.omission = v1::Entry::OMISSION_RESTRICTED;
    return entry;
  }

  // Of a log's first `size` entries; another history has other entries.
  static std::unique_ptr<LogTree> TreeOf(int size, int history) {
    const MemoryLogStore log;
    auto tree = LogTree::Open(":memory:", log, nullptr);
    EXPECT_TRUE(tree.ok()) << tree.status();
    std::vector<StoredEntry> entries;
    for (int i = 0; i < size; ++i) entries.push_back(Entry(i, history));
    EXPECT_TRUE((*tree)->Append(entries).ok());
    return *std::move(tree);
  }

  struct Mirror {
    int size = 0;
    // Entries whose payload it does not have.
    std::set<int> without = {};
    int history = 0;
    // The checkpoint that it has seen last; its own size by default.
    int seen = 0;
  };
  // The data folder of a node that does not run.
  std::string Make(const std::string& name, const Mirror& mirror,
                   const NoteSigner& signer = SharedLogSigner()) {
    const std::string folder = absl::StrCat(folder_.path(), "/", name);
    std::filesystem::create_directories(folder);
    auto log = SqliteLogStore::Open(folder + "/log.db");
    EXPECT_TRUE(log.ok()) << log.status();
    std::vector<StoredEntry> entries;
    for (int i = 0; i < mirror.size; ++i) {
      StoredEntry entry = Entry(i, mirror.history);
      entries.push_back(mirror.without.contains(i)
                            ? WithoutPayload(std::move(entry))
                            : std::move(entry));
    }
    EXPECT_TRUE((*log)->Append(0, entries).ok());
    const int seen = mirror.seen > 0 ? mirror.seen : mirror.size;
    auto checkpoints = CheckpointStore::Open(folder + "/checkpoints.db");
    EXPECT_TRUE(checkpoints.ok()) << checkpoints.status();
    EXPECT_TRUE((*checkpoints)
                    ->Put(CheckpointKind::kWitnessed,
                          NoteAt(seen, mirror.history, signer))
                    .ok());
    return folder;
  }
  static std::string NoteAt(int size, int history,
                            const NoteSigner& signer = SharedLogSigner()) {
    const Checkpoint checkpoint{std::string(testing::kLogOrigin), size,
                                *TreeOf(size, history)->Root(size)};
    return *SignCheckpoint(checkpoint, signer);
  }

  static void AddDocument(const std::string& folder, const std::string& text) {
    auto store = DocumentStore::Open(folder + "/documents");
    ASSERT_TRUE(store.ok()) << store.status();
    auto writer =
        (*store)->StartWrite(ToHex(Sha256(text)), std::ssize(text), 0);
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE((*writer)->Write(text).ok());
    ASSERT_TRUE((*writer)->Commit().ok());
  }

  absl::StatusOr<Rebuilt> Rebuild(const std::vector<std::string>& mirrors) {
    return RebuildHub({hub_, SharedLogSigner().public_key(), mirrors});
  }
  // What was refused can be tried again with other folders.
  void ExpectNothingMade() {
    EXPECT_FALSE(std::filesystem::exists(hub_ + "/log.db"));
    EXPECT_FALSE(std::filesystem::exists(hub_ + "/checkpoints.db"));
    EXPECT_FALSE(std::filesystem::exists(hub_ + "/rebuilding"));
  }

  const testing::TempFolder folder_;
  const std::string hub_ = folder_.path() + "/hub";
};

TEST_F(RebuildHubTest, TakesTheLongestLogAndWhatItLacksFromOthers) {
  const std::string longest = Make("hn", {.size = 20, .without = {3, 7, 19}});
  const std::string other = Make("gt", {.size = 12, .without = {3, 5}});
  AddDocument(longest, "one");
  AddDocument(other, "one");
  AddDocument(other, "another");

  auto rebuilt = Rebuild({other, longest});

  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  EXPECT_EQ(rebuilt->size, 20);
  EXPECT_EQ(rebuilt->without_payload, 2);
  EXPECT_EQ(rebuilt->documents, 2);
  auto log = SqliteLogStore::Open(hub_ + "/log.db");
  ASSERT_TRUE(log.ok()) << log.status();
  for (int i = 0; i < 20; ++i) {
    const StoredEntry entry = (*log)->Read(i, 1, 1)->front();
    const bool lacks = i == 3 || i == 19;
    EXPECT_EQ(entry, lacks ? WithoutPayload(Entry(i, 0)) : Entry(i, 0)) << i;
  }
  auto checkpoints = CheckpointStore::Open(hub_ + "/checkpoints.db");
  ASSERT_TRUE(checkpoints.ok()) << checkpoints.status();
  EXPECT_EQ(*(*checkpoints)->Get(CheckpointKind::kPublished), NoteAt(20, 0));
  auto documents = DocumentStore::Open(hub_ + "/documents");
  EXPECT_TRUE((*documents)->Find(ToHex(Sha256("another")))->stored);
}

TEST_F(RebuildHubTest, RefusesMirrorsThatEndBeforeWhatOneHasSeen) {
  const std::string behind = Make("hn", {.size = 12, .seen = 15});

  auto rebuilt = Rebuild({behind});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rebuilt.status().message()), HasSubstr("15 entries"));
  ExpectNothingMade();
  // Another node has the rest.
  EXPECT_EQ(Rebuild({behind, Make("gt", {.size = 15})})->size, 15);
}

TEST_F(RebuildHubTest, RefusesALogThatIsNotTheOneThatANodeHasSeen) {
  const std::string longer = Make("hn", {.size = 20, .history = 1});
  const std::string other = Make("gt", {.size = 12});

  auto rebuilt = Rebuild({longer, other});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(rebuilt.status().message()), HasSubstr("/gt has"));
  ExpectNothingMade();
}

TEST_F(RebuildHubTest, NeverTakesThePayloadOfAnotherEntry) {
  const std::string base = Make("hn", {.size = 12, .without = {4}});
  // Its log is another, and it has seen only the empty beginning of this one.
  const std::string other = Make("gt", {.size = 10, .history = 1});
  std::filesystem::remove(other + "/checkpoints.db");

  auto rebuilt = Rebuild({base, other});

  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  EXPECT_EQ(rebuilt->without_payload, 1);
}

TEST_F(RebuildHubTest, WhatAnotherKeySignedDoesNotCount) {
  const NoteSigner other =
      *NoteSigner::Create(std::string(testing::kLogOrigin),
                          NoteKeyType::kEd25519, NewKey(/*ed25519=*/true));
  const std::string mirror = Make("hn", {.size = 12}, other);

  auto rebuilt = Rebuild({mirror});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rebuilt.status().message()), HasSubstr("log.key"));
  ExpectNothingMade();
}

TEST_F(RebuildHubTest, ALogThatIsThereIsNotTouched) {
  std::ofstream(hub_ + "/log.db") << "a log";

  auto rebuilt = Rebuild({Make("hn", {.size = 12})});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kFailedPrecondition);
  std::ifstream file(hub_ + "/log.db");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "a log");
}

TEST_F(RebuildHubTest, AFolderThatIsNoNodesIsNamed) {
  const std::string empty = folder_.path() + "/empty";
  std::filesystem::create_directories(empty);

  auto rebuilt = Rebuild({Make("hn", {.size = 12}), empty});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(rebuilt.status().message()), HasSubstr(empty));
  EXPECT_EQ(Rebuild({}).status().code(), absl::StatusCode::kInvalidArgument);
  ExpectNothingMade();
}

TEST_F(RebuildHubTest, ADocumentThatIsDamagedIsLeftOut) {
  const std::string mirror = Make("hn", {.size = 12});
  AddDocument(mirror, "whole");
  AddDocument(mirror, "damaged");
  const std::string hex = ToHex(Sha256("damaged"));
  std::ofstream(
      absl::StrCat(mirror, "/documents/sha256/", hex.substr(0, 2), "/", hex))
      << "DAMAGED";

  auto rebuilt = Rebuild({mirror});

  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  EXPECT_EQ(rebuilt->documents, 1);
}

TEST_F(RebuildHubTest, WritesDownHowLongTheLogIs) {
  ASSERT_TRUE(Rebuild({Make("hn", {.size = 12})}).ok());

  EXPECT_EQ(folder_.Read("hub/log.size"), "12\n");
}

TEST_F(RebuildHubTest, RefusesMirrorsThatEndBeforeWhatTheHubHasShown) {
  const std::string behind = Make("hn", {.size = 12});
  std::filesystem::permissions(hub_, std::filesystem::perms::owner_all);
  folder_.Write("hub/log.size", "15\n");

  auto rebuilt = Rebuild({behind});

  EXPECT_EQ(rebuilt.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(rebuilt.status().message()),
              ::testing::AllOf(HasSubstr("has shown 15 entries"),
                               HasSubstr("the mirrors end at 12")));
  ExpectNothingMade();
  EXPECT_EQ(Rebuild({behind, Make("gt", {.size = 15})})->size, 15);
}

TEST_F(RebuildHubTest,
       WhatIsLeftOfALogThatWasMovedAwayDoesNotMixWithTheNewOne) {
  const std::string mirror = Make("hn", {.size = 12});
  const std::string lost = Make("lost", {.size = 5, .history = 1});
  // As a hub that was killed leaves them.
  auto log = SqliteLogStore::Open(lost + "/log.db");
  ASSERT_TRUE((*log)->Append(5, {Entry(5, 1)}).ok());
  auto checkpoints = CheckpointStore::Open(lost + "/checkpoints.db");
  ASSERT_TRUE(
      (*checkpoints)->Put(CheckpointKind::kPublished, NoteAt(6, 1)).ok());
  for (const char* name :
       {"log.db-wal", "checkpoints.db", "checkpoints.db-wal"}) {
    std::filesystem::copy(lost + "/" + name, hub_ + "/" + name);
  }

  ASSERT_TRUE(Rebuild({mirror}).ok());

  auto rebuilt = SqliteLogStore::Open(hub_ + "/log.db");
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  EXPECT_EQ((*rebuilt)->Size(), 12);
  EXPECT_EQ((*rebuilt)->Read(0, 1, 1)->front(), Entry(0, 0));
  auto kept = CheckpointStore::Open(hub_ + "/checkpoints.db");
  EXPECT_EQ(*(*kept)->Get(CheckpointKind::kPublished), NoteAt(12, 0));
}

}  // namespace
}  // namespace gaceta
