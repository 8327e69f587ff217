#include "tests/server/node/fake_hub.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/update.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "tests/support/statements.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/merkle.h"

namespace gaceta::testing {
namespace {

constexpr absl::Duration kLongest = absl::Seconds(30);

}  // namespace

class FakeHub::Publishing : public v1::PublishingService::Service {
 public:
  explicit Publishing(FakeHub* hub) : hub_(hub) {}

  grpc::Status Publish(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::PublishResponse, v1::PublishRequest>* stream)
      override {
    {
      absl::MutexLock lock(&hub_->mu_);
      ++hub_->streams_;
    }
    v1::PublishRequest request;
    while (stream->Read(&request)) {
      std::optional<v1::PublishResponse> response =
          hub_->Take(request.statement());
      if (!response.has_value()) {
        context->TryCancel();
        return {grpc::StatusCode::UNAVAILABLE, "the stream breaks"};
      }
      {
        absl::MutexLock lock(&hub_->mu_);
        const auto free = [this]() ABSL_SHARED_LOCKS_REQUIRED(hub_->mu_) {
          return !hub_->hold_ || hub_->stopping_;
        };
        hub_->mu_.Await(absl::Condition(&free));
      }
      if (!stream->Write(*response)) break;
    }
    return grpc::Status::OK;
  }

  grpc::Status GetChainHead(grpc::ServerContext* /*context*/,
                            const v1::GetChainHeadRequest* /*request*/,
                            v1::GetChainHeadResponse* response) override {
    const ChainHead head = hub_->head();
    {
      absl::MutexLock lock(&hub_->mu_);
      ++hub_->heads_asked_;
    }
    response->set_sequence(head.sequence);
    response->set_header_digest(head.header_digest);
    return grpc::Status::OK;
  }

 private:
  FakeHub* const hub_;
};

class FakeHub::Documents : public v1::DocumentsService::Service {
 public:
  explicit Documents(FakeHub* hub) : hub_(hub) {}

  grpc::Status GetDocument(grpc::ServerContext* /*context*/,
                           const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override {
    absl::MutexLock lock(&hub_->mu_);
    response->set_stored(hub_->documents_.contains(request->sha256()));
    response->set_size(
        static_cast<std::int64_t>(hub_->parts_[request->sha256()].size()));
    return grpc::Status::OK;
  }

  grpc::Status UploadDocument(
      grpc::ServerContext* /*context*/,
      grpc::ServerReader<v1::UploadDocumentRequest>* reader,
      v1::UploadDocumentResponse* response) override {
    v1::UploadDocumentRequest request;
    std::string sha256;
    while (reader->Read(&request)) {
      absl::MutexLock lock(&hub_->mu_);
      if (sha256.empty()) {
        sha256 = request.sha256();
        hub_->parts_[sha256].resize(static_cast<std::size_t>(request.offset()));
      }
      std::string& part = hub_->parts_[sha256];
      part += request.chunk();
      if (hub_->break_upload_after_ > 0 &&
          static_cast<std::int64_t>(part.size()) >= hub_->break_upload_after_) {
        hub_->break_upload_after_ = 0;
        return {grpc::StatusCode::UNAVAILABLE, "the upload breaks"};
      }
    }
    absl::MutexLock lock(&hub_->mu_);
    if (ToHex(Sha256(hub_->parts_[sha256])) != sha256) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "not what was named"};
    }
    hub_->documents_[sha256] = hub_->parts_[sha256];
    response->set_size(static_cast<std::int64_t>(hub_->parts_[sha256].size()));
    return grpc::Status::OK;
  }

 private:
  FakeHub* const hub_;
};

FakeHub::FakeHub()
    : publishing_(std::make_unique<Publishing>(this)),
      documents_service_(std::make_unique<Documents>(this)) {
  Start();
}

FakeHub::~FakeHub() { Stop(); }

void FakeHub::Start() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = false;
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                           grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(publishing_.get());
  builder.RegisterService(documents_service_.get());
  server_ = builder.BuildAndStart();
}

void FakeHub::Stop() {
  if (server_ == nullptr) return;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

std::shared_ptr<grpc::Channel> FakeHub::channel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_),
                                   grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::vector<std::string> FakeHub::log() const {
  absl::MutexLock lock(&mu_);
  return ids_;
}

std::vector<StoredEntry> FakeHub::entries() const {
  absl::MutexLock lock(&mu_);
  return entries_;
}

bool FakeHub::Await(const std::function<bool()>& reached) const {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(&reached), kLongest);
}

bool FakeHub::AwaitSize(std::size_t size) const {
  return Await([this, size] {
    mu_.AssertReaderHeld();
    return ids_.size() >= size;
  });
}

bool FakeHub::AwaitReceived(int count) const {
  return Await([this, count] {
    mu_.AssertReaderHeld();
    return received_ >= count;
  });
}

bool FakeHub::AwaitStreams(int count) const {
  return Await([this, count] {
    mu_.AssertReaderHeld();
    return streams_ >= count;
  });
}

bool FakeHub::AwaitHeadAsked(int times) const {
  int target = 0;
  {
    absl::MutexLock lock(&mu_);
    target = heads_asked_ + times;
  }
  return Await([this, target] {
    mu_.AssertReaderHeld();
    return heads_asked_ >= target;
  });
}

ChainHead FakeHub::head() const {
  absl::MutexLock lock(&mu_);
  return heads_.empty() ? ChainHead() : heads_.back();
}

int FakeHub::received() const {
  absl::MutexLock lock(&mu_);
  return received_;
}

int FakeHub::streams() const {
  absl::MutexLock lock(&mu_);
  return streams_;
}

bool FakeHub::HasDocument(const std::string& sha256) const {
  absl::MutexLock lock(&mu_);
  return documents_.contains(sha256);
}

void FakeHub::Append(const v1::Statement& statement) {
  absl::MutexLock lock(&mu_);
  const v1::StatementHeader header = HeaderOf(statement);
  entries_.push_back(StoredEntryOf(statement));
  ids_.push_back(header.statement_id());
  heads_.push_back({header.sequence(), Sha256(statement.header())});
}

void FakeHub::Forget(std::size_t statements) {
  absl::MutexLock lock(&mu_);
  entries_.resize(entries_.size() - statements);
  ids_.resize(entries_.size());
  heads_.resize(entries_.size());
}

void FakeHub::SignCheckpoints() {
  absl::MutexLock lock(&mu_);
  sign_checkpoints_ = true;
}

void FakeHub::Refuse(const std::string& statement_id, const absl::Status& error,
                     int times) {
  absl::MutexLock lock(&mu_);
  refusals_[statement_id] = {error, times};
}

void FakeHub::RefuseAfterTaking(const std::string& statement_id,
                                const absl::Status& error) {
  absl::MutexLock lock(&mu_);
  false_refusals_[statement_id] = error;
}

void FakeHub::BreakBefore(std::size_t n) {
  absl::MutexLock lock(&mu_);
  break_before_.insert(n);
}

void FakeHub::BreakAfter(std::size_t n) {
  absl::MutexLock lock(&mu_);
  break_after_.insert(n);
}

void FakeHub::SpoilReceipts(bool spoil) {
  absl::MutexLock lock(&mu_);
  spoil_ = spoil;
}

void FakeHub::BreakUploadAfter(std::int64_t bytes) {
  absl::MutexLock lock(&mu_);
  break_upload_after_ = bytes;
}

void FakeHub::HoldAnswers(bool hold) {
  absl::MutexLock lock(&mu_);
  hold_ = hold;
}

std::optional<v1::PublishResponse> FakeHub::Take(
    const v1::Statement& statement) {
  const v1::StatementHeader header = HeaderOf(statement);
  absl::MutexLock lock(&mu_);
  ++received_;
  const std::size_t next = ids_.size() + 1;
  if (break_before_.erase(next) > 0) return std::nullopt;
  auto receipt = Decide(statement, header);
  if (ids_.size() == next && break_after_.erase(next) > 0) return std::nullopt;

  v1::PublishResponse response;
  response.set_statement_id(header.statement_id());
  if (receipt.ok()) {
    *response.mutable_receipt() = *std::move(receipt);
  } else {
    *response.mutable_error() = ToRpcStatus(receipt.status());
  }
  return response;
}

absl::StatusOr<v1::Receipt> FakeHub::Decide(const v1::Statement& statement,
                                            const v1::StatementHeader& header) {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i] != header.statement_id()) continue;
    if (heads_[i].header_digest == Sha256(statement.header())) {
      return ReceiptAt(i);
    }
    return WithReason(absl::AlreadyExistsError("the id was used"),
                      "STATEMENT_ID_TAKEN");
  }
  if (auto found = refusals_.find(header.statement_id());
      found != refusals_.end() && found->second.times-- > 0) {
    return found->second.error;
  }
  if (absl::Status s = CheckDocuments(statement.payload()); !s.ok()) return s;
  if (absl::Status s =
          CheckFollows(heads_.empty() ? ChainHead() : heads_.back(), header);
      !s.ok()) {
    return s;
  }
  entries_.push_back(StoredEntryOf(statement));
  ids_.push_back(header.statement_id());
  heads_.push_back({header.sequence(), Sha256(statement.header())});
  if (auto found = false_refusals_.extract(header.statement_id())) {
    return found.mapped();
  }
  return ReceiptAt(ids_.size() - 1);
}

absl::Status FakeHub::CheckDocuments(const std::string& payload) const {
  v1::Update update;
  if (!update.ParseFromString(payload)) return absl::OkStatus();
  for (const v1::Document& document : update.documents()) {
    if (documents_.contains(document.sha256())) continue;
    return WithReason(absl::FailedPreconditionError("upload it first"),
                      "DOCUMENT_MISSING");
  }
  return absl::OkStatus();
}

v1::Receipt FakeHub::ReceiptAt(std::size_t position) const {
  v1::Receipt receipt;
  receipt.set_position(static_cast<std::int64_t>(position));
  v1::Leaf leaf;
  leaf.ParseFromString(entries_[position].leaf);
  if (spoil_) leaf.set_header(leaf.header() + "x");
  receipt.set_leaf(leaf.SerializeAsString());
  if (sign_checkpoints_) {
    const Checkpoint checkpoint{std::string(kLogOrigin), receipt.position() + 1,
                                EmptyRoot()};
    receipt.set_checkpoint(*SignCheckpoint(checkpoint, SharedLogSigner()));
  }
  return receipt;
}

}  // namespace gaceta::testing
