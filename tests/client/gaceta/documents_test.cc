#include "gaceta/documents.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_node.h"
#include "verify/digest.h"

namespace gaceta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::int64_t kChunk = 256 * 1024;

class DocumentsTest : public ::testing::Test {
 protected:
  DocumentsTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                absl::StrCat("documents-", getpid())) {
    std::filesystem::create_directories(folder_);
    DocumentOptions options;
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(2), 2};
    client_ = DocumentClient::Create(node_.channel(), options);
    // Three chunks and a bit, no two alike.
    for (int i = 0; bytes_.size() < 3 * kChunk; ++i) {
      absl::StrAppend(&bytes_, "artículo ", i, "\n");
    }
    sha256_ = ToHex(Sha256(bytes_));
  }
  ~DocumentsTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const {
    return (folder_ / name).string();
  }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool Exists(const std::string& name) const {
    return std::filesystem::exists(Path(name));
  }
  static absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

  const std::filesystem::path folder_;
  FakeNode node_;
  std::unique_ptr<DocumentClient> client_;
  std::string bytes_;
  std::string sha256_;
};

TEST_F(DocumentsTest, UploadsAFile) {
  auto ref = client_->Upload(Write("law.pdf", bytes_), Soon());

  ASSERT_TRUE(ref.ok()) << ref.status();
  EXPECT_EQ(*ref,
            (DocumentRef{sha256_, static_cast<std::int64_t>(bytes_.size())}));
  EXPECT_EQ(node_.document(sha256_), bytes_);
}

TEST_F(DocumentsTest, UploadGoesOnWhereItBrokeOff) {
  node_.BreakTransfersAfter(kChunk);

  ASSERT_TRUE(client_->Upload(Write("law.pdf", bytes_), Soon()).ok());

  EXPECT_EQ(node_.document(sha256_), bytes_);
  EXPECT_THAT(node_.offsets(), ElementsAre(0, kChunk, 2 * kChunk, 3 * kChunk));
}

TEST_F(DocumentsTest, UploadGoesOnWithWhatAnotherProgramBegan) {
  node_.PutPart(sha256_, bytes_.substr(0, 1000));

  ASSERT_TRUE(client_->Upload(Write("law.pdf", bytes_), Soon()).ok());

  EXPECT_EQ(node_.document(sha256_), bytes_);
  EXPECT_THAT(node_.offsets(), ElementsAre(1000));
}

TEST_F(DocumentsTest, UploadBeginsAgainIfThePartThatIsThereIsWrong) {
  node_.PutPart(sha256_, std::string(1000, 'x'));

  ASSERT_TRUE(client_->Upload(Write("law.pdf", bytes_), Soon()).ok());

  EXPECT_EQ(node_.document(sha256_), bytes_);
  EXPECT_THAT(node_.offsets(), ElementsAre(1000, 0));
}

TEST_F(DocumentsTest, UploadsNothingThatIsThere) {
  node_.PutDocument(sha256_, bytes_);

  ASSERT_TRUE(client_->Upload(Write("law.pdf", bytes_), Soon()).ok());

  EXPECT_THAT(node_.offsets(), SizeIs(0));
}

TEST_F(DocumentsTest, UploadNamesWhatCannotBeSent) {
  EXPECT_TRUE(absl::IsNotFound(client_->Upload(Path("none")).status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(client_->Upload(Write("empty", "")).status()));
  Write("huge", "x");
  std::filesystem::resize_file(Path("huge"), (64LL << 20) + 1);
  EXPECT_EQ(Reason(client_->Upload(Path("huge")).status()),
            "DOCUMENT_TOO_LARGE");
  EXPECT_FALSE(client_->Upload(folder_.string()).ok());
  EXPECT_EQ(node_.calls(), 0);
}

TEST_F(DocumentsTest, DownloadsADocument) {
  node_.PutDocument(sha256_, bytes_);

  ASSERT_TRUE(client_->Download(sha256_, Path("law.pdf"), Soon()).ok());

  EXPECT_EQ(Read("law.pdf"), bytes_);
  EXPECT_FALSE(Exists("law.pdf.part"));
}

TEST_F(DocumentsTest, DownloadGoesOnWhereItBrokeOff) {
  node_.PutDocument(sha256_, bytes_);
  node_.BreakTransfersAfter(kChunk);

  ASSERT_TRUE(client_->Download(sha256_, Path("law.pdf"), Soon()).ok());

  EXPECT_EQ(Read("law.pdf"), bytes_);
  EXPECT_THAT(node_.offsets(), ElementsAre(0, kChunk, 2 * kChunk, 3 * kChunk));
}

TEST_F(DocumentsTest, DownloadGoesOnInALaterProgram) {
  node_.PutDocument(sha256_, bytes_);
  Write("law.pdf.part", bytes_.substr(0, 1234));

  ASSERT_TRUE(client_->Download(sha256_, Path("law.pdf"), Soon()).ok());

  EXPECT_EQ(Read("law.pdf"), bytes_);
  EXPECT_THAT(node_.offsets(), ElementsAre(1234));
}

TEST_F(DocumentsTest, DownloadBeginsAgainIfThePartIsOfSomethingElse) {
  node_.PutDocument(sha256_, bytes_);
  for (const std::string& part :
       {std::string(1234, 'x'), std::string(bytes_.size() + 5, 'x')}) {
    Write("law.pdf.part", part);

    ASSERT_TRUE(client_->Download(sha256_, Path("law.pdf"), Soon()).ok());

    EXPECT_EQ(Read("law.pdf"), bytes_);
    std::filesystem::remove(Path("law.pdf"));
  }
}

TEST_F(DocumentsTest, DownloadLeavesAFileThatIsTheDocument) {
  Write("law.pdf", bytes_);

  ASSERT_TRUE(client_->Download(sha256_, Path("law.pdf"), Soon()).ok());

  EXPECT_EQ(node_.calls(), 0);
}

TEST_F(DocumentsTest, DownloadThatIsNotWhatWasAskedForIsDataLoss) {
  std::string other = bytes_;
  other[500'000] ^= 1;
  node_.PutDocument(sha256_, other);
  Write("law.pdf", "what was there before");

  const absl::Status status =
      client_->Download(sha256_, Path("law.pdf"), Soon());

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "DIGEST_MISMATCH");
  EXPECT_EQ(Read("law.pdf"), "what was there before");
  EXPECT_FALSE(Exists("law.pdf.part"));
}

TEST_F(DocumentsTest, DownloadOfWhatIsNotThereIsNotFound) {
  EXPECT_TRUE(
      absl::IsNotFound(client_->Download(sha256_, Path("law.pdf"), Soon())));
  EXPECT_FALSE(Exists("law.pdf"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      client_->Download("abc", Path("law.pdf"), Soon())));
}

}  // namespace
}  // namespace gaceta::client
