#include "gaceta/documents.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/file_io.h"
#include "gaceta/retry.h"
#include "verify/digest.h"

namespace gaceta::client {
namespace {

constexpr std::int64_t kMaxDocumentBytes = 64LL * 1024 * 1024;
constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr absl::Duration kQuestionTimeout = absl::Seconds(30);

// Adds the first `size` bytes of a file to a digest.
absl::Status HashFile(const File& file, std::int64_t size,
                      Sha256Hasher* hasher) {
  for (std::int64_t done = 0; done < size;) {
    auto bytes = file.Read(
        done, std::min(kChunkBytes, static_cast<std::size_t>(size - done)));
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) return absl::FailedPreconditionError("became shorter");
    hasher->Update(*bytes);
    done += static_cast<std::int64_t>(bytes->size());
  }
  return absl::OkStatus();
}

absl::Status CheckDigestText(const std::string& sha256) {
  if (IsDigestHex(sha256)) return absl::OkStatus();
  return InvalidField(
      "sha256", absl::StrCat("is \"", sha256.substr(0, 70),
                             "\", expected 64 characters of lower-case hex"));
}

// Sends one file, over as many streams as it takes.
class UploadJob {
 public:
  UploadJob(v1::DocumentsService::Stub* stub, const DocumentOptions& options,
            const std::string& path, const File& file, DocumentRef ref)
      : stub_(stub),
        options_(options),
        path_(path),
        file_(file),
        ref_(std::move(ref)) {}

  absl::Status Run(grpc::ClientContext* context, bool* progress) {
    auto there = Ask();
    if (!there.ok()) return there.status();
    *progress = there->size() > sent_before_;
    sent_before_ = there->size();
    if (there->stored()) return absl::OkStatus();

    absl::Status status = Send(context, there->size());
    // Somebody else brought it in the meantime.
    if (absl::IsAlreadyExists(status)) return absl::OkStatus();
    // Both mean that what the server has is not what it said: ask again.
    const bool moved = Reason(status) == "OFFSET_BEYOND_RECEIVED";
    const bool bad_rest =
        Reason(status) == "DIGEST_MISMATCH" && there->size() > 0;
    if (Reason(status) == "DIGEST_MISMATCH") {
      if (absl::Status s = CheckUnchanged(); !s.ok()) return s;
    }
    if ((moved || bad_rest) && !asked_again_) {
      asked_again_ = true;
      return absl::AbortedError(status.message());
    }
    return status;
  }

 private:
  absl::StatusOr<v1::GetDocumentResponse> Ask() const {
    grpc::ClientContext context;
    SetDeadline(absl::Now() + kQuestionTimeout, &context);
    v1::GetDocumentRequest request;
    request.set_sha256(ref_.sha256);
    v1::GetDocumentResponse response;
    const absl::Status status =
        FromGrpc(stub_->GetDocument(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  absl::Status Send(grpc::ClientContext* context, std::int64_t offset) const {
    v1::UploadDocumentResponse response;
    auto writer = stub_->UploadDocument(context, &response);
    v1::UploadDocumentRequest request;
    request.set_sha256(ref_.sha256);
    request.set_size(ref_.size);
    request.set_offset(offset);
    bool first = true;
    absl::Status read_failed;
    while (first || offset < ref_.size) {
      auto chunk = file_.Read(
          offset,
          std::min(kChunkBytes, static_cast<std::size_t>(ref_.size - offset)));
      if (!chunk.ok()) read_failed = chunk.status();
      if (chunk.ok() && chunk->empty() && offset < ref_.size) {
        read_failed = absl::FailedPreconditionError(
            absl::StrCat(path_, " became shorter while it was sent"));
      }
      if (!read_failed.ok()) {
        context->TryCancel();
        break;
      }
      offset += static_cast<std::int64_t>(chunk->size());
      request.set_chunk(*std::move(chunk));
      // If the stream is broken, Finish() says why.
      if (!writer->Write(request)) break;
      request.Clear();
      first = false;
      if (options_.on_progress) options_.on_progress(offset, ref_.size);
    }
    writer->WritesDone();
    const absl::Status status = FromGrpc(writer->Finish());
    return read_failed.ok() ? status : read_failed;
  }

  absl::Status CheckUnchanged() const {
    auto now = DescribeFile(path_);
    if (now.ok() && *now == ref_) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(path_, " changed while it was sent"));
  }

  v1::DocumentsService::Stub* const stub_;
  const DocumentOptions& options_;
  const std::string& path_;
  const File& file_;
  const DocumentRef ref_;
  std::int64_t sent_before_ = 0;
  bool asked_again_ = false;
};

// Fetches one document into `path`.part, over as many streams as it takes.
class DownloadJob {
 public:
  DownloadJob(v1::DocumentsService::Stub* stub, const DocumentOptions& options,
              std::string sha256, std::string part)
      : stub_(stub),
        options_(options),
        sha256_(std::move(sha256)),
        part_(std::move(part)) {}

  absl::Status Run(grpc::ClientContext* context, bool* progress) {
    auto file = File::OpenToWrite(part_, FileRights::kOutput);
    if (!file.ok()) return file.status();
    auto offset = file->Size();
    if (!offset.ok()) return Annotate(offset.status(), part_);
    Sha256Hasher hasher;
    if (absl::Status s = HashFile(*file, *offset, &hasher); !s.ok()) return s;

    const std::int64_t from = *offset;
    absl::Status status = Receive(context, from, &*file, &hasher, progress);
    if (absl::IsOutOfRange(status) && from > 0) {
      // What is there is no beginning of it.
      return StartOver(&*file, status);
    }
    if (!status.ok()) return status;
    if (ToHex(hasher.Finish()) != sha256_) {
      status = WithReason(
          absl::DataLossError(absl::StrCat("document ", sha256_,
                                           ": what came has another digest")),
          "DIGEST_MISMATCH");
      if (from > 0) return StartOver(&*file, status);
      std::remove(part_.c_str());
      return status;
    }
    return file->Sync();
  }

 private:
  absl::Status StartOver(File* file, const absl::Status& why) const {
    if (absl::Status s = file->Truncate(0); !s.ok()) return s;
    return absl::AbortedError(why.message());
  }

  absl::Status Receive(grpc::ClientContext* context, std::int64_t offset,
                       File* file, Sha256Hasher* hasher, bool* progress) const {
    v1::DownloadDocumentRequest request;
    request.set_sha256(sha256_);
    request.set_offset(offset);
    auto reader = stub_->DownloadDocument(context, request);
    v1::DownloadDocumentResponse response;
    absl::Status failed;
    std::int64_t total = offset;
    while (failed.ok() && reader->Read(&response)) {
      const std::string& chunk = response.chunk();
      total = response.size();
      if (total > kMaxDocumentBytes ||
          offset + static_cast<std::int64_t>(chunk.size()) > total) {
        failed = absl::DataLossError(absl::StrCat(
            "document ", sha256_, ": more came than its size ", total));
      } else {
        failed = file->Write(offset, chunk);
      }
      if (!failed.ok()) context->TryCancel();
      hasher->Update(chunk);
      offset += static_cast<std::int64_t>(chunk.size());
      *progress = true;
      if (options_.on_progress) options_.on_progress(offset, total);
    }
    const absl::Status status = FromGrpc(reader->Finish());
    if (!failed.ok()) return failed;
    if (status.ok() && offset < total) {
      return absl::UnavailableError("the stream ended early");
    }
    return status;
  }

  v1::DocumentsService::Stub* const stub_;
  const DocumentOptions& options_;
  const std::string sha256_;
  const std::string part_;
};

}  // namespace

absl::StatusOr<DocumentRef> DescribeFile(const std::string& path) {
  auto file = File::OpenToRead(path);
  if (!file.ok()) return file.status();
  auto size = file->Size();
  if (!size.ok()) return Annotate(size.status(), path);
  Sha256Hasher hasher;
  if (absl::Status s = HashFile(*file, *size, &hasher); !s.ok()) {
    return Annotate(s, path);
  }
  return DocumentRef{ToHex(hasher.Finish()), *size};
}

DocumentClient::DocumentClient(std::shared_ptr<grpc::Channel> channel,
                               DocumentOptions options)
    : stub_(v1::DocumentsService::NewStub(channel)),
      options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<DocumentClient>> DocumentClient::Create(
    const ConnectionOptions& connection, DocumentOptions options) {
  auto channel = Connect(connection);
  if (!channel.ok()) return channel.status();
  return Create(*std::move(channel), std::move(options));
}

std::unique_ptr<DocumentClient> DocumentClient::Create(
    std::shared_ptr<grpc::Channel> channel, DocumentOptions options) {
  return std::unique_ptr<DocumentClient>(
      new DocumentClient(std::move(channel), std::move(options)));
}

absl::StatusOr<DocumentRef> DocumentClient::Upload(const std::string& path,
                                                   absl::Time deadline) {
  auto ref = DescribeFile(path);
  if (!ref.ok()) return ref.status();
  if (ref->size == 0) {
    return InvalidField("path", absl::StrCat(path, " is empty"));
  }
  if (ref->size > kMaxDocumentBytes) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            path, " has ", ref->size, " bytes, at most ", kMaxDocumentBytes)),
        "DOCUMENT_TOO_LARGE", {{"limit", absl::StrCat(kMaxDocumentBytes)}});
  }
  auto file = File::OpenToRead(path);
  if (!file.ok()) return file.status();

  UploadJob job(stub_.get(), options_, path, *file, *ref);
  // A large document over a slow line takes its time; a connection that died
  // is found out by its channel.
  const absl::Status status =
      Retry({options_.backoff, deadline, absl::InfiniteDuration()},
            [&job](grpc::ClientContext* context, bool* progress) {
              return job.Run(context, progress);
            });
  if (!status.ok()) return Annotate(status, absl::StrCat("upload of ", path));
  return ref;
}

absl::Status DocumentClient::Download(const std::string& sha256,
                                      const std::string& path,
                                      absl::Time deadline) {
  if (absl::Status s = CheckDigestText(sha256); !s.ok()) return s;
  if (auto there = DescribeFile(path); there.ok() && there->sha256 == sha256) {
    return absl::OkStatus();
  }
  const std::string part = absl::StrCat(path, kPartEnding);
  DownloadJob job(stub_.get(), options_, sha256, part);
  const absl::Status status =
      Retry({options_.backoff, deadline, absl::InfiniteDuration()},
            [&job](grpc::ClientContext* context, bool* progress) {
              return job.Run(context, progress);
            });
  if (!status.ok()) return status;
  return RenameDurably(part, path);
}

}  // namespace gaceta::client
