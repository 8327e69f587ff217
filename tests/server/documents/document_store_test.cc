#include "server/documents/document_store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

// A text of so many bytes that differs from place to place.
std::string Text(std::size_t size) {
  std::string text;
  text.reserve(size + 20);
  for (int i = 0; text.size() < size; ++i) absl::StrAppend(&text, i, " ");
  text.resize(size);
  return text;
}

class DocumentStoreTest : public ::testing::Test {
 protected:
  DocumentStoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    auto store = DocumentStore::Open(folder_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  std::unique_ptr<DocumentStore::Writer> Start(const std::string& text,
                                               std::int64_t offset = 0) {
    auto writer = store_->StartWrite(
        ToHex(Sha256(text)), static_cast<std::int64_t>(text.size()), offset);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return writer.ok() ? *std::move(writer) : nullptr;
  }

  // Sends `text` from `offset` to `end` and leaves it.
  void Upload(const std::string& text, std::size_t offset, std::size_t end) {
    auto writer = Start(text, static_cast<std::int64_t>(offset));
    ASSERT_NE(writer, nullptr);
    ASSERT_TRUE(writer->Write(text.substr(offset, end - offset)).ok());
  }

  void Store(const std::string& text) {
    auto writer = Start(text);
    ASSERT_NE(writer, nullptr);
    ASSERT_TRUE(writer->Write(text).ok());
    const absl::Status status = writer->Commit();
    ASSERT_TRUE(status.ok()) << status;
  }

  DocumentStore::Presence Find(const std::string& text) {
    auto found = store_->Find(ToHex(Sha256(text)));
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : DocumentStore::Presence();
  }

  void ExpectPart(const std::string& text, std::size_t size) {
    EXPECT_FALSE(Find(text).stored);
    EXPECT_EQ(Find(text).size, static_cast<std::int64_t>(size));
  }

  void ExpectStored(const std::string& text) {
    EXPECT_TRUE(Find(text).stored);
    EXPECT_EQ(Find(text).size, static_cast<std::int64_t>(text.size()));
    auto read = store_->Read(ToHex(Sha256(text)), 0, text.size() + 1);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == text);
  }

  const testing::TempFolder temp_;
  const std::string folder_ = temp_.path();
  std::unique_ptr<DocumentStore> store_;
};

TEST_F(DocumentStoreTest, WhatIsNotThereIsNotFound) {
  ExpectPart("text", 0);
  EXPECT_EQ(store_->Read(ToHex(Sha256("text")), 0, 1).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(DocumentStoreTest, ADocumentInOnePieceIsStored) {
  Store("text");

  ExpectStored("text");
}

TEST_F(DocumentStoreTest, ADocumentInManyPiecesIsStoredAndStaysAfterReopen) {
  const std::string text = Text(700'000);
  {
    auto writer = Start(text);
    ASSERT_NE(writer, nullptr);
    for (std::size_t at = 0; at < text.size(); at += 100'001) {
      EXPECT_EQ(writer->offset(), static_cast<std::int64_t>(at));
      ASSERT_TRUE(writer->Write(text.substr(at, 100'001)).ok());
    }
    ASSERT_TRUE(writer->Commit().ok());
  }

  Reopen();

  ExpectStored(text);
}

TEST_F(DocumentStoreTest, AnUploadThatBrokeOffGoesOnWhereItStopped) {
  const std::string text = Text(10'000);
  Upload(text, 0, 3000);
  ExpectPart(text, 3000);

  Reopen();
  ExpectPart(text, 3000);
  Upload(text, 3000, 8000);

  auto writer = Start(text, 8000);
  ASSERT_NE(writer, nullptr);
  EXPECT_EQ(writer->offset(), 8000);
  ASSERT_TRUE(writer->Write(text.substr(8000)).ok());
  EXPECT_TRUE(writer->Commit().ok());
  ExpectStored(text);
}

TEST_F(DocumentStoreTest, WhoGoesOnEarlierSendsTheRestAgain) {
  const std::string text = Text(10'000);
  Upload(text, 0, 8000);

  Upload(text, 2000, 5000);
  ExpectPart(text, 5000);

  Store(text);
  ExpectStored(text);
}

TEST_F(DocumentStoreTest, AnOffsetBeyondWhatWasReceivedIsRefused) {
  const std::string text = Text(10'000);
  Upload(text, 0, 3000);

  for (const std::int64_t offset : {-1, 3001, 10'000}) {
    const absl::Status status =
        store_->StartWrite(ToHex(Sha256(text)), 10'000, offset).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(Reason(status), "OFFSET_BEYOND_RECEIVED");
    EXPECT_EQ(ReasonMetadata(status, "received"), "3000");
  }
  ExpectPart(text, 3000);
}

TEST_F(DocumentStoreTest, ARefusedUploadLeavesNoFile) {
  EXPECT_FALSE(store_->StartWrite(ToHex(Sha256("text")), 4, 1).ok());

  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/incoming"));
  Store("text");
}

TEST_F(DocumentStoreTest, BytesThatAreNotThoseNamedAreThrownAway) {
  auto writer = Start("text");
  ASSERT_NE(writer, nullptr);
  ASSERT_TRUE(writer->Write("tixt").ok());

  const absl::Status status = writer->Commit();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "DIGEST_MISMATCH");
  writer.reset();
  ExpectPart("text", 0);
  Store("text");
  ExpectStored("text");
}

TEST_F(DocumentStoreTest, BytesThatWereAlteredOnDiskAreNotStored) {
  Upload("some text", 0, 5);
  std::filesystem::resize_file(
      folder_ + "/incoming/" + ToHex(Sha256("some text")), 4);
  std::filesystem::resize_file(
      folder_ + "/incoming/" + ToHex(Sha256("some text")), 5);

  auto writer = Start("some text", 5);
  ASSERT_TRUE(writer->Write("text").ok());

  EXPECT_EQ(Reason(writer->Commit()), "DIGEST_MISMATCH");
}

TEST_F(DocumentStoreTest, BytesBeyondTheSizeAreRefused) {
  auto writer = Start("text");
  ASSERT_NE(writer, nullptr);
  ASSERT_TRUE(writer->Write("te").ok());

  const absl::Status status = writer->Write("xts");

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "SIZE_MISMATCH");
  EXPECT_EQ(writer->offset(), 2);
  EXPECT_TRUE(writer->Write("xt").ok());
  EXPECT_TRUE(writer->Commit().ok());
}

TEST_F(DocumentStoreTest, MissingBytesAreToldAndWhatCameIsKept) {
  auto writer = Start("text");
  ASSERT_NE(writer, nullptr);
  ASSERT_TRUE(writer->Write("te").ok());

  const absl::Status status = writer->Commit();

  EXPECT_EQ(Reason(status), "SIZE_MISMATCH");
  writer.reset();
  ExpectPart("text", 2);
}

TEST_F(DocumentStoreTest, ASecondUploadOfTheSameIsRefusedWhileOneGoesOn) {
  auto writer = Start("text");
  ASSERT_NE(writer, nullptr);

  const absl::Status second =
      store_->StartWrite(ToHex(Sha256("text")), 4, 0).status();

  EXPECT_EQ(second.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Reason(second), "UPLOAD_IN_PROGRESS");
  EXPECT_NE(Start("another text"), nullptr);
  writer.reset();
  EXPECT_NE(Start("text"), nullptr);
}

TEST_F(DocumentStoreTest, OfManyWhoUploadTheSameOneStoresIt) {
  const std::string text = Text(50'000);
  std::atomic<int> stored{0};
  std::vector<std::thread> uploads;
  for (int i = 0; i < 8; ++i) {
    uploads.emplace_back([&] {
      while (!Find(text).stored) {
        auto writer = store_->StartWrite(ToHex(Sha256(text)), 50'000, 0);
        if (!writer.ok()) {
          std::this_thread::yield();
          continue;
        }
        if ((*writer)->Write(text).ok() && (*writer)->Commit().ok()) ++stored;
      }
    });
  }
  for (std::thread& upload : uploads) upload.join();

  EXPECT_GE(stored, 1);
  ExpectStored(text);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/incoming"));
}

TEST_F(DocumentStoreTest, WhatIsStoredIsNotSentAgain) {
  Store("text");

  EXPECT_EQ(store_->StartWrite(ToHex(Sha256("text")), 4, 0).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(DocumentStoreTest, NamesThatAreNoDigestAreRefused) {
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), std::string(64, 'A'),
        std::string(63, 'a'), std::string(65, 'a'),
        std::string(62, 'a').append("/a")}) {
    EXPECT_EQ(store_->Find(name).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->StartWrite(name, 4, 0).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->Read(name, 0, 1).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(DocumentStoreTest, ADocumentHas1To64MiB) {
  const std::string hex = ToHex(Sha256("text"));

  for (const std::int64_t size : {-1, 0}) {
    EXPECT_EQ(store_->StartWrite(hex, size, 0).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  const absl::Status status =
      store_->StartWrite(hex, kMaxDocumentBytes + 1, 0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(status), "DOCUMENT_TOO_LARGE");
  EXPECT_EQ(ReasonMetadata(status, "limit"), "67108864");
  EXPECT_TRUE(store_->StartWrite(hex, kMaxDocumentBytes, 0).ok());
}

TEST_F(DocumentStoreTest, AnErasedDocumentIsGoneAndNeverTakenAgain) {
  const std::string text = Text(3000);
  const std::string hex = ToHex(Sha256(text));
  Store(text);

  ASSERT_TRUE(store_->Erase(hex, "a court's order").ok());

  EXPECT_FALSE(store_->Find(hex)->stored);
  const absl::Status read = store_->Read(hex, 0, 10).status();
  EXPECT_TRUE(absl::IsNotFound(read)) << read;
  EXPECT_EQ(Reason(read), "DOCUMENT_ERASED");
  EXPECT_EQ(ReasonMetadata(read, "ground"), "a court's order");
  const absl::Status again = store_->StartWrite(hex, 3000, 0).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(again)) << again;
  EXPECT_EQ(Reason(again), "DOCUMENT_ERASED");
  EXPECT_TRUE(store_->Erase(hex, "a court's order").ok());
}

TEST_F(DocumentStoreTest, ADocumentThatIsErasedWhileItArrivesIsNotStored) {
  const std::string text = Text(3000);
  const std::string hex = ToHex(Sha256(text));
  auto writer = Start(text);
  ASSERT_TRUE(writer->Write(text).ok());

  ASSERT_TRUE(store_->Erase(hex, "a court's order").ok());

  EXPECT_FALSE(writer->Commit().ok());
  writer.reset();
  Reopen();
  EXPECT_FALSE(store_->Find(hex)->stored);
  EXPECT_EQ(store_->Find(hex)->size, 0);
}

TEST_F(DocumentStoreTest, ReadsChunksFromAnyOffset) {
  const std::string text = Text(10'000);
  const std::string hex = ToHex(Sha256(text));
  Store(text);

  std::string all;
  while (all.size() < text.size()) {
    auto chunk = store_->Read(hex, static_cast<std::int64_t>(all.size()), 3000);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    ASSERT_FALSE(chunk->empty());
    ASSERT_LE(chunk->size(), 3000u);
    all += *chunk;
  }
  EXPECT_EQ(all, text);
  EXPECT_EQ(*store_->Read(hex, 9999, 10), text.substr(9999));
  EXPECT_EQ(*store_->Read(hex, 10'000, 10), "");
  for (const std::int64_t beyond : {-1, 10'001}) {
    EXPECT_EQ(store_->Read(hex, beyond, 10).status().code(),
              absl::StatusCode::kOutOfRange);
  }
}

TEST_F(DocumentStoreTest, FilesAreReadableByTheirOwnerAlone) {
  Store("text");
  Upload("other text", 0, 5);

  for (const auto& file :
       std::filesystem::recursive_directory_iterator(folder_)) {
    if (!file.is_regular_file()) continue;
    EXPECT_EQ(file.status().permissions(),
              std::filesystem::perms::owner_read |
                  std::filesystem::perms::owner_write)
        << file.path();
  }
}

// A page, the least that a pipe holds.
constexpr int kReportBytes = 4096;

TEST_F(DocumentStoreTest, WhatCameBeforeSigkillIsKeptAndGoesOn) {
  const std::string text = Text(4'000'000);
  std::size_t received = 0;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    // Room for one report, so that the child is never far ahead of them.
    ASSERT_GE(fcntl(ends[1], F_SETPIPE_SZ, kReportBytes), kReportBytes);
    std::string report(kReportBytes, '\0');
    const pid_t child = fork();
    if (child == 0) {
      auto store = DocumentStore::Open(folder_);
      auto writer = (*store)->StartWrite(ToHex(Sha256(text)), 4'000'000,
                                         static_cast<std::int64_t>(received));
      if (!writer.ok()) _exit(1);
      for (std::size_t at = received; at < text.size(); at += 10'000) {
        if (!(*writer)->Write(text.substr(at, 10'000)).ok()) _exit(1);
        std::memcpy(report.data(), &at, sizeof at);
        if (write(ends[1], report.data(), report.size()) < 0) _exit(1);
      }
      _exit(0);
    }
    close(ends[1]);
    std::size_t at = 0;
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(read(ends[0], report.data(), report.size()), kReportBytes);
      std::memcpy(&at, report.data(), sizeof at);
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    close(ends[0]);

    const auto now = static_cast<std::size_t>(Find(text).size);
    EXPECT_FALSE(Find(text).stored);
    ASSERT_GE(now, at + 10'000);
    received = now;
  }

  auto writer = Start(text, static_cast<std::int64_t>(received));
  ASSERT_NE(writer, nullptr);
  ASSERT_TRUE(writer->Write(text.substr(received)).ok());
  ASSERT_TRUE(writer->Commit().ok());
  writer.reset();
  ExpectStored(text);
}

// A child may use little more memory than it has, and stores 64 MiB.
TEST_F(DocumentStoreTest, ALargeDocumentIsNotHeldInMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need memory of their own";
#endif
  const std::string chunk(kMaxChunkBytes, 'c');
  Sha256Hasher hasher;
  for (std::int64_t at = 0; at < kMaxDocumentBytes; at += kMaxChunkBytes) {
    hasher.Update(chunk);
  }
  const std::string hex = ToHex(hasher.Finish());

  const pid_t child = fork();
  if (child == 0) {
    struct rusage before;
    getrusage(RUSAGE_SELF, &before);
    auto writer = store_->StartWrite(hex, kMaxDocumentBytes, 0);
    if (!writer.ok()) _exit(1);
    for (std::int64_t at = 0; at < kMaxDocumentBytes; at += kMaxChunkBytes) {
      if (!(*writer)->Write(chunk).ok()) _exit(2);
    }
    if (!(*writer)->Commit().ok()) _exit(3);
    std::int64_t size = 0;
    while (size < kMaxDocumentBytes) {
      auto read = store_->Read(hex, size, kMaxChunkBytes);
      if (!read.ok() || read->empty()) _exit(4);
      size += static_cast<std::int64_t>(read->size());
    }
    struct rusage after;
    getrusage(RUSAGE_SELF, &after);
    // In KiB.
    _exit(after.ru_maxrss - before.ru_maxrss < 8 * 1024 ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// As when the disk is full: what came stays, and the upload goes on later.
TEST_F(DocumentStoreTest, AWriteThatFailsLosesNothingThatCame) {
  const std::string text = Text(200'000);
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 100'000;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto writer = Start(text);
  ASSERT_NE(writer, nullptr);

  const absl::Status status = writer->Write(text);

  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  const std::int64_t received = writer->offset();
  EXPECT_EQ(received, 100'000);
  EXPECT_TRUE(
      writer->Write(text.substr(static_cast<std::size_t>(received))).ok());
  EXPECT_TRUE(writer->Commit().ok());
  ExpectStored(text);
}

}  // namespace
}  // namespace gaceta
