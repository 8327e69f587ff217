#include "testing/fake_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/documents.grpc.pb.h"
#include "gaceta/v1/submissions.grpc.pb.h"
#include "grpcpp/server_builder.h"
#include "verify/digest.h"

namespace gaceta::client {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
// How soon a stream notices that its client is gone.
constexpr absl::Duration kLook = absl::Milliseconds(20);

absl::Status NoSubmission(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("there is no submission ", id));
}

bool IsOver(const v1::Submission& submission) {
  return submission.state() != v1::Submission::STATE_PENDING;
}

}  // namespace

class FakeNode::Submissions : public v1::SubmissionsService::Service {
 public:
  explicit Submissions(FakeNode* node) : node_(node) {}

  grpc::Status SubmitUpdate(grpc::ServerContext* /*context*/,
                            const v1::SubmitUpdateRequest* request,
                            v1::SubmitUpdateResponse* response) override {
    absl::Status taken = node_->Take(*request, response->mutable_submission());
    if (!taken.ok()) return ToGrpc(taken);
    absl::MutexLock lock(&node_->mu_);
    return ToGrpc(node_->Enter());
  }

  grpc::Status GetSubmission(grpc::ServerContext* /*context*/,
                             const v1::GetSubmissionRequest* request,
                             v1::GetSubmissionResponse* response) override {
    absl::MutexLock lock(&node_->mu_);
    if (absl::Status s = node_->Enter(); !s.ok()) return ToGrpc(s);
    const auto found = node_->submissions_.find(request->submission_id());
    if (found == node_->submissions_.end()) {
      return ToGrpc(NoSubmission(request->submission_id()));
    }
    *response->mutable_submission() = found->second;
    return grpc::Status::OK;
  }

  grpc::Status WatchSubmission(
      grpc::ServerContext* context, const v1::WatchSubmissionRequest* request,
      grpc::ServerWriter<v1::WatchSubmissionResponse>* writer) override {
    v1::Submission::State sent = v1::Submission::STATE_UNSPECIFIED;
    while (!context->IsCancelled()) {
      v1::WatchSubmissionResponse response;
      {
        absl::MutexLock lock(&node_->mu_);
        const auto found = node_->submissions_.find(request->submission_id());
        if (found == node_->submissions_.end()) {
          return ToGrpc(NoSubmission(request->submission_id()));
        }
        const v1::Submission* submission = &found->second;
        const auto news = [&] {
          return submission->state() != sent || node_->failures_ > 0;
        };
        if (!node_->mu_.AwaitWithTimeout(absl::Condition(&news), kLook)) {
          continue;
        }
        if (absl::Status s = node_->Enter(); !s.ok()) return ToGrpc(s);
        *response.mutable_submission() = *submission;
      }
      sent = response.submission().state();
      writer->Write(response);
      if (IsOver(response.submission())) break;
    }
    return grpc::Status::OK;
  }

 private:
  FakeNode* const node_;
};

class FakeNode::Documents : public v1::DocumentsService::Service {
 public:
  explicit Documents(FakeNode* node) : node_(node) {}

  grpc::Status GetDocument(grpc::ServerContext* /*context*/,
                           const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override {
    absl::MutexLock lock(&node_->mu_);
    if (absl::Status s = node_->Enter(); !s.ok()) return ToGrpc(s);
    const auto found = node_->documents_.find(request->sha256());
    if (found == node_->documents_.end()) return grpc::Status::OK;
    response->set_stored(found->second.complete);
    response->set_size(static_cast<std::int64_t>(found->second.bytes.size()));
    return grpc::Status::OK;
  }

  grpc::Status UploadDocument(
      grpc::ServerContext* /*context*/,
      grpc::ServerReader<v1::UploadDocumentRequest>* reader,
      v1::UploadDocumentResponse* response) override {
    v1::UploadDocumentRequest request;
    if (!reader->Read(&request)) {
      return ToGrpc(InvalidField("sha256", "is missing"));
    }
    const std::string sha256 = request.sha256();
    const auto size = static_cast<std::size_t>(request.size());
    std::int64_t received = 0;
    {
      absl::MutexLock lock(&node_->mu_);
      if (absl::Status s = node_->Enter(); !s.ok()) return ToGrpc(s);
      Stored& stored = node_->documents_[sha256];
      node_->offsets_.push_back(request.offset());
      if (request.offset() > static_cast<std::int64_t>(stored.bytes.size())) {
        return ToGrpc(WithReason(absl::OutOfRangeError("offset leaves a gap"),
                                 "OFFSET_BEYOND_RECEIVED"));
      }
      stored.bytes.resize(static_cast<std::size_t>(request.offset()));
    }
    do {
      absl::MutexLock lock(&node_->mu_);
      Stored& stored = node_->documents_[sha256];
      stored.bytes += request.chunk();
      received += static_cast<std::int64_t>(request.chunk().size());
      if (node_->break_after_ > 0 && received >= node_->break_after_ &&
          stored.bytes.size() < size) {
        return ToGrpc(absl::UnavailableError("the link was cut"));
      }
    } while (reader->Read(&request));

    absl::MutexLock lock(&node_->mu_);
    Stored& stored = node_->documents_[sha256];
    if (stored.bytes.size() != size || ToHex(Sha256(stored.bytes)) != sha256) {
      node_->documents_.erase(sha256);
      return ToGrpc(
          WithReason(absl::InvalidArgumentError("bytes are not those named"),
                     "DIGEST_MISMATCH"));
    }
    stored.complete = true;
    response->set_size(static_cast<std::int64_t>(size));
    return grpc::Status::OK;
  }

  grpc::Status DownloadDocument(
      grpc::ServerContext* /*context*/,
      const v1::DownloadDocumentRequest* request,
      grpc::ServerWriter<v1::DownloadDocumentResponse>* writer) override {
    std::string bytes;
    std::int64_t break_after = 0;
    {
      absl::MutexLock lock(&node_->mu_);
      if (absl::Status s = node_->Enter(); !s.ok()) return ToGrpc(s);
      node_->offsets_.push_back(request->offset());
      const auto found = node_->documents_.find(request->sha256());
      if (found == node_->documents_.end()) {
        return ToGrpc(absl::NotFoundError("there is no such document"));
      }
      bytes = found->second.bytes;
      break_after = node_->break_after_;
    }
    auto offset = static_cast<std::size_t>(request->offset());
    if (offset > bytes.size()) {
      return ToGrpc(absl::OutOfRangeError("offset is beyond the end"));
    }
    std::int64_t sent = 0;
    do {
      v1::DownloadDocumentResponse response;
      response.set_chunk(bytes.substr(offset, kChunkBytes));
      response.set_size(static_cast<std::int64_t>(bytes.size()));
      offset += response.chunk().size();
      sent += static_cast<std::int64_t>(response.chunk().size());
      writer->Write(response);
      if (break_after > 0 && sent >= break_after && offset < bytes.size()) {
        return ToGrpc(absl::UnavailableError("the link was cut"));
      }
    } while (offset < bytes.size());
    return grpc::Status::OK;
  }

 private:
  FakeNode* const node_;
};

FakeNode::FakeNode()
    : submissions_service_(std::make_unique<Submissions>(this)),
      documents_service_(std::make_unique<Documents>(this)) {
  grpc::ServerBuilder builder;
  builder.RegisterService(submissions_service_.get());
  builder.RegisterService(documents_service_.get());
  server_ = builder.BuildAndStart();
}

FakeNode::~FakeNode() { server_->Shutdown(std::chrono::system_clock::now()); }

std::shared_ptr<grpc::Channel> FakeNode::channel() const {
  return server_->InProcessChannel(grpc::ChannelArguments());
}

absl::Status FakeNode::Take(const v1::SubmitUpdateRequest& request,
                            v1::Submission* submission) {
  absl::MutexLock lock(&mu_);
  if (request.update().instrument().titles().empty()) {
    return InvalidFields("RULE_VIOLATION",
                         {{"update.instrument.titles", "is empty"}});
  }
  if (request.validate_only()) {
    v1::Warning* warning = submission->add_warnings();
    warning->set_reason("ONLY_CHECKED");
    return absl::OkStatus();
  }
  const std::string& id = request.submission_id();
  const auto found = submissions_.find(id);
  if (found == submissions_.end()) {
    taken_.push_back(request);
    v1::Submission& added = submissions_[id];
    added.set_submission_id(id);
    added.set_state(v1::Submission::STATE_PENDING);
    added.set_sequence(taken_.size());
    *submission = added;
    return absl::OkStatus();
  }
  const auto& first = taken_[found->second.sequence() - 1];
  if (first.SerializeAsString() != request.SerializeAsString()) {
    return WithReason(absl::AlreadyExistsError(absl::StrCat(
                          "submission ", id, " is of another update")),
                      "SUBMISSION_ID_TAKEN");
  }
  *submission = found->second;
  return absl::OkStatus();
}

absl::Status FakeNode::Enter() {
  ++calls_;
  if (failures_ == 0) return absl::OkStatus();
  --failures_;
  return failure_;
}

void FakeNode::Accept(const std::string& submission_id, std::int64_t position) {
  absl::MutexLock lock(&mu_);
  v1::Submission& submission = submissions_[submission_id];
  submission.set_state(v1::Submission::STATE_ACCEPTED);
  submission.mutable_receipt()->set_position(position);
}

void FakeNode::Refuse(const std::string& submission_id,
                      const absl::Status& error) {
  absl::MutexLock lock(&mu_);
  v1::Submission& submission = submissions_[submission_id];
  submission.set_state(v1::Submission::STATE_REFUSED);
  *submission.mutable_error() = ToRpcStatus(error);
}

std::vector<v1::SubmitUpdateRequest> FakeNode::submissions() const {
  absl::MutexLock lock(&mu_);
  return taken_;
}

std::string FakeNode::document(const std::string& sha256) const {
  absl::MutexLock lock(&mu_);
  const auto found = documents_.find(sha256);
  return found == documents_.end() || !found->second.complete
             ? ""
             : found->second.bytes;
}

void FakeNode::PutDocument(const std::string& sha256,
                           const std::string& bytes) {
  absl::MutexLock lock(&mu_);
  documents_[sha256] = {bytes, true};
}

void FakeNode::PutPart(const std::string& sha256, const std::string& bytes) {
  absl::MutexLock lock(&mu_);
  documents_[sha256] = {bytes, false};
}

void FakeNode::FailNext(int count, const absl::Status& status) {
  absl::MutexLock lock(&mu_);
  failures_ = count;
  failure_ = status;
}

void FakeNode::BreakTransfersAfter(std::int64_t bytes) {
  absl::MutexLock lock(&mu_);
  break_after_ = bytes;
}

int FakeNode::calls() const {
  absl::MutexLock lock(&mu_);
  return calls_;
}

std::vector<std::int64_t> FakeNode::offsets() const {
  absl::MutexLock lock(&mu_);
  return offsets_;
}

}  // namespace gaceta::client
