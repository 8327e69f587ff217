// Documents over mutual TLS to a real hub.
#include "server/services/documents_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"
#include "tests/support/test_hub.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using testing::SetDeadline;
using testing::TestHub;

constexpr std::size_t kChunk = 256 * 1024;

std::string TextOf(std::size_t bytes, char seed = 'a') {
  std::string text(bytes, seed);
  for (std::size_t i = 0; i < bytes; i += 97) text[i] = static_cast<char>(i);
  return text;
}
std::string HexOf(const std::string& text) { return ToHex(Sha256(text)); }

// One upload, message by message.
class Upload {
 public:
  explicit Upload(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::DocumentsService::NewStub(channel)) {
    SetDeadline(&context_);
    writer_ = stub_->UploadDocument(&context_, &response_);
  }

  bool Start(const std::string& hex, std::size_t size, std::size_t offset,
             const std::string& chunk) {
    v1::UploadDocumentRequest request;
    request.set_sha256(hex);
    request.set_size(static_cast<std::int64_t>(size));
    request.set_offset(static_cast<std::int64_t>(offset));
    request.set_chunk(chunk);
    return writer_->Write(request);
  }
  bool Send(const std::string& chunk) {
    v1::UploadDocumentRequest request;
    request.set_chunk(chunk);
    return writer_->Write(request);
  }
  void Break() { context_.TryCancel(); }
  absl::Status End() {
    writer_->WritesDone();
    return FromGrpc(writer_->Finish());
  }
  std::int64_t size() const { return response_.size(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::DocumentsService::Stub> stub_;
  v1::UploadDocumentResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::UploadDocumentRequest>> writer_;
};

class DocumentsServiceTest : public ::testing::Test {
 protected:
  DocumentsServiceTest()
      : node_(hub_.As("HN", "node")),
        reader_(hub_.As("GT", "subscriber/monitor")) {}

  absl::Status Put(const std::string& text, const std::string& hex) {
    Upload upload(node_);
    upload.Start(hex, text.size(), 0, text.substr(0, kChunk));
    for (std::size_t at = kChunk; at < text.size(); at += kChunk) {
      if (!upload.Send(text.substr(at, kChunk))) break;
    }
    return upload.End();
  }
  absl::Status Put(const std::string& text) { return Put(text, HexOf(text)); }

  // Publishes an update that names stored documents, for `audience` alone.
  void Name(const std::vector<std::string>& texts,
            const v1::Audience& audience = {}) {
    v1::Update update = testing::GoodUpdate("HN");
    for (const std::string& text : texts) {
      v1::Document* document = update.add_documents();
      document->set_sha256(HexOf(text));
      document->set_size(static_cast<std::int64_t>(text.size()));
      document->set_media_type("text/plain");
      document->set_language("es");
      document->set_legal_value(v1::LEGAL_VALUE_UNOFFICIAL);
      document->set_licence("Apache-2.0");
    }
    testing::StatementParts parts = testing::UpdateParts(update);
    parts.audience = audience;
    hub_.PublishNext("HN", parts);
  }

  // As the node that uploads sees it, or somebody else.
  absl::StatusOr<v1::GetDocumentResponse> Find(const std::string& hex) {
    return Find(hex, node_);
  }
  static absl::StatusOr<v1::GetDocumentResponse> Find(
      const std::string& hex, const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetDocumentRequest request;
    request.set_sha256(hex);
    v1::GetDocumentResponse response;
    const grpc::Status status =
        v1::DocumentsService::NewStub(channel)->GetDocument(&context, request,
                                                            &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  absl::StatusOr<std::string> Get(const std::string& hex,
                                  std::int64_t offset = 0) {
    return Get(hex, offset, reader_);
  }
  static absl::StatusOr<std::string> Get(
      const std::string& hex, std::int64_t offset,
      const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::DownloadDocumentRequest request;
    request.set_sha256(hex);
    request.set_offset(offset);
    auto stub = v1::DocumentsService::NewStub(channel);
    auto stream = stub->DownloadDocument(&context, request);
    std::string text;
    v1::DownloadDocumentResponse response;
    while (stream->Read(&response)) {
      EXPECT_LE(response.chunk().size(), kChunk);
      text += response.chunk();
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return FromGrpc(status);
    return text;
  }

  TestHub hub_;
  const std::shared_ptr<grpc::Channel> node_;
  const std::shared_ptr<grpc::Channel> reader_;
};

TEST_F(DocumentsServiceTest, WhatIsUploadedIsDownloaded) {
  const std::string text = TextOf(3 * kChunk + 17);

  ASSERT_TRUE(Put(text).ok());
  Name({text});

  auto found = Find(HexOf(text));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->stored());
  EXPECT_EQ(found->size(), static_cast<std::int64_t>(text.size()));
  EXPECT_EQ(*Get(HexOf(text)), text);
  EXPECT_EQ(*Get(HexOf(text), 5), text.substr(5));
  EXPECT_EQ(*Get(HexOf(text), static_cast<std::int64_t>(text.size())), "");
}

TEST_F(DocumentsServiceTest, AnUploadThatBrokeOffGoesOnWhereItStopped) {
  const std::string text = TextOf(2 * kChunk);
  {
    Upload upload(node_);
    ASSERT_TRUE(
        upload.Start(HexOf(text), text.size(), 0, text.substr(0, kChunk)));
    ASSERT_TRUE(testing::AwaitTrue([&] {
      return Find(HexOf(text))->size() == static_cast<std::int64_t>(kChunk);
    }));
    upload.Break();
    EXPECT_FALSE(upload.End().ok());
  }
  hub_.Restart();
  ASSERT_TRUE(testing::AwaitTrue([&] { return Find(HexOf(text)).ok(); }));
  EXPECT_FALSE(Find(HexOf(text))->stored());
  EXPECT_EQ(Find(HexOf(text))->size(), static_cast<std::int64_t>(kChunk));

  Upload rest(hub_.As("HN", "node"));
  ASSERT_TRUE(
      rest.Start(HexOf(text), text.size(), kChunk, text.substr(kChunk)));

  EXPECT_TRUE(rest.End().ok());
  EXPECT_EQ(rest.size(), static_cast<std::int64_t>(text.size()));
  Name({text});
  EXPECT_EQ(*Get(HexOf(text)), text);
}

TEST_F(DocumentsServiceTest, HalfADocumentIsNoDocument) {
  const std::string text = TextOf(1000);
  Upload upload(node_);
  upload.Start(HexOf(text), text.size(), 0, text.substr(0, 400));

  const absl::Status status = upload.End();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "SIZE_MISMATCH");
  EXPECT_FALSE(Find(HexOf(text))->stored());
  EXPECT_EQ(Find(HexOf(text))->size(), 400);
  EXPECT_EQ(Get(HexOf(text)).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(DocumentsServiceTest, BytesThatAreNotThoseNamedAreThrownAway) {
  const std::string text = TextOf(1000);
  const std::string hex = HexOf("another");

  const absl::Status status = Put(text, hex);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "DIGEST_MISMATCH");
  EXPECT_EQ(Find(hex)->size(), 0);
}

TEST_F(DocumentsServiceTest, MoreBytesThanSaidAreRefused) {
  Upload upload(node_);
  upload.Start(HexOf("abc"), 2, 0, "abc");

  EXPECT_EQ(Reason(upload.End()), "SIZE_MISMATCH");
}

TEST_F(DocumentsServiceTest, AnOffsetThatLeavesAGapIsRefused) {
  Upload upload(node_);
  upload.Start(HexOf("abc"), 3, 1, "bc");

  const absl::Status status = upload.End();

  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Reason(status), "OFFSET_BEYOND_RECEIVED");
}

TEST_F(DocumentsServiceTest, AChunkThatIsTooLargeIsRefused) {
  const std::string text = TextOf(kChunk + 1);
  Upload upload(node_);
  upload.Start(HexOf(text), text.size(), 0, text);

  const absl::Status status = upload.End();

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(status), "TOO_LARGE");
}

TEST_F(DocumentsServiceTest, ADocumentThatIsTooLargeIsRefusedAtOnce) {
  Upload upload(node_);
  upload.Start(HexOf("x"), 64 * 1024 * 1024 + 1, 0, "x");

  const absl::Status status = upload.End();

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(status), "DOCUMENT_TOO_LARGE");
}

TEST_F(DocumentsServiceTest, ANameThatIsNoDigestIsRefused) {
  for (const std::string& hex : {std::string(), std::string("../../etc/passwd"),
                                 std::string(64, 'A'), std::string(64, '.')}) {
    Upload upload(node_);
    upload.Start(hex, 1, 0, "x");

    EXPECT_EQ(upload.End().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Find(hex).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Get(hex).status().code(), absl::StatusCode::kInvalidArgument);
  }
  Upload nothing(node_);
  EXPECT_EQ(nothing.End().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(DocumentsServiceTest, TwoAtOnceDoNotMixAndOneIsToldToWait) {
  const std::string text = TextOf(1000);
  Upload first(node_);
  ASSERT_TRUE(first.Start(HexOf(text), text.size(), 0, text.substr(0, 500)));
  ASSERT_TRUE(
      testing::AwaitTrue([&] { return Find(HexOf(text))->size() == 500; }));

  Upload second(hub_.As("GT", "node"));
  second.Start(HexOf(text), text.size(), 0, text);
  const absl::Status status = second.End();
  first.Send(text.substr(500));

  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(Reason(status), "UPLOAD_IN_PROGRESS");
  EXPECT_TRUE(first.End().ok());
  Name({text});
  EXPECT_EQ(*Get(HexOf(text)), text);
}

TEST_F(DocumentsServiceTest, WhatIsStoredIsStoredOnce) {
  const std::string text = TextOf(2 * kChunk);
  ASSERT_TRUE(Put(text).ok());

  EXPECT_TRUE(Put(text).ok());
  Name({text});
  EXPECT_EQ(*Get(HexOf(text)), text);
}

TEST_F(DocumentsServiceTest, AnOffsetBeyondTheEndIsRefused) {
  ASSERT_TRUE(Put("abc").ok());
  Name({"abc"});

  EXPECT_EQ(Get(HexOf("abc"), 4).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Get(HexOf("abc"), -1).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(DocumentsServiceTest, ManyUploadAndDownloadAtOnce) {
  std::vector<std::string> texts;
  for (char seed = 'b'; seed < 'f'; ++seed) {
    texts.push_back(TextOf(kChunk * 3, seed));
  }
  const auto for_each_at_once = [&texts](const auto& work) {
    std::vector<std::thread> threads;
    for (const std::string& text : texts) {
      threads.emplace_back([&work, &text] { work(text); });
    }
    for (std::thread& thread : threads) thread.join();
  };

  for_each_at_once(
      [this](const std::string& text) { EXPECT_TRUE(Put(text).ok()); });
  Name(texts);
  for_each_at_once(
      [this](const std::string& text) { EXPECT_EQ(*Get(HexOf(text)), text); });
}

TEST_F(DocumentsServiceTest, WhatNoUpdateNamesYetIsNotReadAtTheHub) {
  const std::string text = TextOf(1000);
  ASSERT_TRUE(Put(text).ok());

  EXPECT_EQ(Get(HexOf(text)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Get(HexOf(text), 0, node_).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(Find(HexOf(text), reader_)->stored());
  // Who uploads goes on where it stopped.
  EXPECT_TRUE(Find(HexOf(text))->stored());
}

TEST_F(DocumentsServiceTest, ADocumentIsAsSecretAsTheUpdatesThatNameIt) {
  v1::Audience guatemala;
  guatemala.set_scope(v1::Audience::SCOPE_LISTED);
  guatemala.add_states("GT");
  const std::string text = TextOf(1000);
  ASSERT_TRUE(Put(text).ok());
  // More than are looked at in one go.
  for (int i = 0; i < 20; ++i) Name({text}, guatemala);
  const auto mexico = hub_.As("MX", "subscriber/monitor");

  EXPECT_EQ(*Get(HexOf(text)), text);
  EXPECT_EQ(*Get(HexOf(text), 0, hub_.As("HN", "subscriber/own")), text);
  EXPECT_EQ(Get(HexOf(text), 0, mexico).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Get(HexOf(text), 0, hub_.As("MX", "node")).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(Find(HexOf(text), mexico)->stored());
  EXPECT_EQ(Find(HexOf(text), mexico)->size(), 0);

  // One that everybody may read is enough.
  Name({text});
  EXPECT_EQ(*Get(HexOf(text), 0, mexico), text);
  EXPECT_TRUE(Find(HexOf(text), mexico)->stored());
}

TEST_F(DocumentsServiceTest, OneIdentityHasSoManyTransfers) {
  std::vector<std::unique_ptr<Upload>> uploads;
  for (int i = 0; i < kMaxTransfersPerIdentity; ++i) {
    uploads.push_back(std::make_unique<Upload>(node_));
    const std::string hex = HexOf(std::to_string(i));
    ASSERT_TRUE(uploads.back()->Start(hex, 2, 0, "x"));
    ASSERT_TRUE(testing::AwaitTrue([&] { return Find(hex)->size() == 1; }));
  }

  EXPECT_EQ(Reason(Put("one more")), "TOO_MANY_STREAMS");
  Upload other(hub_.As("GT", "node"));
  other.Start(HexOf("y"), 1, 0, "y");
  EXPECT_TRUE(other.End().ok());
  uploads.clear();
  EXPECT_TRUE(testing::AwaitTrue([&] { return Put("one more").ok(); }));
}

}  // namespace
}  // namespace gaceta
