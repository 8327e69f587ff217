#include "server/node/document_mirror.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gaceta/v1/update.pb.h"
#include "spdlog/spdlog.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

constexpr int kReadEntries = 64;
constexpr std::size_t kReadBytes = 1024 * 1024;
// Entries between two writes of the position.
constexpr Position kSaveEvery = 256;

// None if the entry has no update to look into.
bool ParseUpdate(const StoredEntry& entry, v1::Update* update) {
  if (entry.omission != v1::Entry::OMISSION_UNSPECIFIED) return false;
  const auto header = HeaderOfLeaf(entry.leaf);
  return header.has_value() && header->payload_type() == kUpdatePayloadType &&
         update->ParseFromString(entry.payload);
}

}  // namespace

DocumentMirror::DocumentMirror(DocumentMirrorOptions options,
                               std::shared_ptr<grpc::Channel> channel,
                               ProjectedLog* log, DocumentStore* store)
    : options_(std::move(options)),
      log_(log),
      transfer_(std::move(channel), store, &calls_) {}

DocumentMirror::~DocumentMirror() { Stop(); }

void DocumentMirror::Start() {
  {
    absl::MutexLock lock(&mu_);
    next_ = std::min(ReadPosition(), log_->Size());
  }
  Wake();
  thread_ = std::thread([this] { Run(); });
}

void DocumentMirror::Wake() {
  const Position end = log_->Size();
  absl::MutexLock lock(&mu_);
  end_ = std::max(end_, end);
}

void DocumentMirror::Stop() {
  calls_.Stop();
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

Position DocumentMirror::next_position() const {
  absl::MutexLock lock(&mu_);
  return next_;
}

void DocumentMirror::Run() {
  Position next = next_position();
  Position saved = next;
  while (true) {
    {
      const auto ready = [this, next]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
        return stop_ || end_ > next;
      };
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(&ready));
      if (stop_) break;
    }
    auto entries = log_->store().Read(next, kReadEntries, kReadBytes);
    if (!entries.ok()) {
      spdlog::error("documents cannot be mirrored position={} error=\"{}\"",
                    next, std::string(entries.status().message()));
      if (!calls_.Sleep(options_.backoff.max)) break;
      continue;
    }
    for (const StoredEntry& entry : *entries) {
      if (!Bring(entry, next)) break;
      ++next;
    }
    {
      absl::MutexLock lock(&mu_);
      next_ = next;
      if (stop_) break;
    }
    if (next - saved >= kSaveEvery || next == log_->Size()) {
      WritePosition(next);
      saved = next;
    }
  }
  if (next != saved) WritePosition(next);
}

bool DocumentMirror::Bring(const StoredEntry& entry, Position position) {
  v1::Update update;
  if (!ParseUpdate(entry, &update)) return true;
  return std::all_of(update.documents().begin(), update.documents().end(),
                     [&](const v1::Document& document) {
                       return BringOne(document.sha256(), position);
                     });
}

bool DocumentMirror::BringOne(const std::string& sha256, Position position) {
  client::Backoff backoff(options_.backoff);
  while (!calls_.stopped()) {
    const absl::Status status = transfer_.Download(sha256);
    if (status.ok()) return true;
    // The store of an agency with an upload under way is worth waiting for, as
    // is a hub that is away.
    if (!MayPass(status)) {
      spdlog::warn("document not mirrored sha256={} position={} why=\"{}\"",
                   sha256, position, std::string(status.message()));
      return true;
    }
    calls_.Sleep(backoff.Next());
  }
  return false;
}

Position DocumentMirror::ReadPosition() const {
  std::ifstream file(options_.position_file);
  Position position = 0;
  // Without a file that can be read the whole log is gone through.
  if (!(file >> position) || position < 0) return 0;
  return position;
}

void DocumentMirror::WritePosition(Position position) const {
  // Renamed into place: a crash leaves the old position or the new one.
  const std::string next = absl::StrCat(options_.position_file, ".next");
  {
    std::ofstream file(next, std::ios::trunc);
    file << position << '\n';
    if (!file.good()) return;
  }
  if (std::rename(next.c_str(), options_.position_file.c_str()) != 0) {
    spdlog::warn("cannot write {}", options_.position_file);
  }
}

}  // namespace gaceta
