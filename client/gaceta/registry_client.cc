#include "gaceta/registry_client.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/log_proofs.h"
#include "gaceta/registry_feed.h"
#include "gaceta/retry.h"
#include "verify/omission.h"

namespace gaceta::client {
namespace {

constexpr absl::Duration kPageTimeout = absl::Seconds(30);

}  // namespace

Registry::Registry(OpenedSource source, BackoffOptions backoff)
    : stub_(v1::RegistryService::NewStub(source.channel)),
      backoff_(backoff),
      verifier_({source.log_origin}, std::move(source.empty)),
      verify_options_({source.log_origin}) {
  versions_.emplace_back(0, verifier_.registry());
}

absl::StatusOr<std::unique_ptr<Registry>> Registry::Create(
    const LogSource& source, BackoffOptions backoff) {
  auto opened = OpenSource(source);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<Registry>(new Registry(*std::move(opened), backoff));
}

absl::Status Registry::Refresh(absl::Time deadline) {
  absl::MutexLock lock(&refresh_mu_);
  if (!failure_.ok()) return failure_;
  const absl::Status status =
      Retry({backoff_, deadline},
            [this](grpc::ClientContext* /*context*/, bool* progress) {
              return ReadNew(progress);
            });
  if (absl::IsDataLoss(status)) failure_ = status;
  return status;
}

absl::Status Registry::ReadNew(bool* progress) {
  // Each statement counts as soon as it is applied, so an attempt that fails
  // half way leaves a registry that the next one goes on from.
  const auto keep = [this, progress](const RegistryRead& so_far) {
    *progress = true;
    head_ = so_far.head;
    absl::MutexLock lock(&mu_);
    next_position_ = so_far.next_position;
    versions_.emplace_back(so_far.next_position, verifier_.registry());
  };
  Cancellation never;
  auto read = ReadRegistry(stub_.get(), {next_position(), kEndOfLog, head_},
                           kPageTimeout, &verifier_, &never, keep);
  if (!read.ok()) return read.status();
  absl::MutexLock lock(&mu_);
  next_position_ = std::max(next_position_, read->next_position);
  return absl::OkStatus();
}

std::shared_ptr<const Federation> Registry::Latest() const {
  absl::MutexLock lock(&mu_);
  return versions_.back().second;
}

std::shared_ptr<const Federation> Registry::At(std::int64_t position) const {
  absl::MutexLock lock(&mu_);
  auto after = std::upper_bound(
      versions_.begin(), versions_.end(), position,
      [](std::int64_t p, const auto& version) { return p < version.first; });
  return after == versions_.begin() ? versions_.front().second
                                    : std::prev(after)->second;
}

std::int64_t Registry::next_position() const {
  absl::MutexLock lock(&mu_);
  return next_position_;
}

absl::StatusOr<LogPolicy::Opened> Registry::OpenCheckpoint(
    const std::string& note, absl::Time deadline) {
  auto opened = OpenByLatest(note);
  if (opened.ok() || Reason(opened.status()) == "WRONG_LOG") return opened;
  if (absl::Status s = Refresh(deadline); !s.ok()) return s;
  return OpenByLatest(note);
}

absl::StatusOr<LogPolicy::Opened> Registry::OpenByLatest(
    const std::string& note) {
  const auto registry = Latest();
  {
    absl::MutexLock lock(&mu_);
    if (opened_by_ == registry && opened_note_ == note) return opened_;
  }
  auto opened = OpenByPolicy(*registry, verify_options_.log_origin, note);
  if (!opened.ok()) return opened.status();
  absl::MutexLock lock(&mu_);
  opened_by_ = registry;
  opened_note_ = note;
  opened_ = *opened;
  return opened;
}

absl::StatusOr<VerifiedEntry> Registry::Verify(v1::Entry entry,
                                               const std::string& checkpoint,
                                               absl::Time deadline) {
  if (entry.position() >= next_position()) {
    if (absl::Status s = Refresh(deadline); !s.ok()) return s;
  }
  auto opened = OpenCheckpoint(checkpoint, deadline);
  if (!opened.ok()) {
    return Annotate(opened.status(), absl::StrCat("entry ", entry.position()));
  }
  // Which keys count where, the newest registry knows as well.
  auto verified =
      EntryVerifier::CheckAlone(std::move(entry), verify_options_, *Latest());
  if (!verified.ok()) return verified;
  if (absl::Status s = CheckInclusion(verified->entry, opened->checkpoint);
      !s.ok()) {
    return s;
  }
  // What erased it may be newer than what was read.
  if (verified->entry.omission() == v1::Entry::OMISSION_ERASED &&
      !Latest()->erasures().contains(verified->position)) {
    if (absl::Status s = Refresh(deadline); !s.ok()) return s;
  }
  if (absl::Status s =
          CheckOmission(verified->position, verified->entry.omission(),
                        verified->header, *Latest());
      !s.ok()) {
    return s;
  }
  return verified;
}

}  // namespace gaceta::client
