#include "gaceta/subscriber.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/cursor.h"
#include "gaceta/delivery_queue.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/file_io.h"
#include "gaceta/stream_follower.h"

namespace gaceta::client {
namespace {

std::string DigestOf(const SubscriberOptions& options) {
  v1::Open open;
  *open.mutable_filter() = options.filter;
  open.set_include_unmatched_headers(options.include_unmatched_headers);
  open.set_headers_only(options.headers_only);
  return FilterDigest(open);
}

absl::Status CheckOptions(const SubscriberOptions& options) {
  if (options.heartbeat <= absl::ZeroDuration()) {
    return InvalidField("heartbeat", "is not positive");
  }
  if (options.read_ahead < 1) {
    return InvalidField("read_ahead", "is less than 1");
  }
  if (options.verify_threads < 0) {
    return InvalidField("verify_threads", "is less than 0");
  }
  if (options.resume.has_value() && !options.cursor_file.empty()) {
    return InvalidField("resume", "is set together with cursor_file");
  }
  return absl::OkStatus();
}

absl::Status CheckCursor(const Cursor& cursor, const std::string& log_origin,
                         const SubscriberOptions& options) {
  const auto mismatch = [&options](absl::string_view text) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "cursor file ", options.cursor_file, " ", text,
                          "; take another file, or delete it to begin again")),
                      "CURSOR_MISMATCH");
  };
  if (cursor.log_origin != log_origin) {
    return mismatch(absl::StrCat("belongs to log ", cursor.log_origin,
                                 ", log_origin says ", log_origin));
  }
  if (cursor.filter_digest != DigestOf(options)) {
    return mismatch("belongs to a subscription with another filter");
  }
  return absl::OkStatus();
}

// What the options know of the position, before any server is asked.
absl::StatusOr<std::optional<StreamFollower::Known>> FindKnown(
    const SubscriberOptions& options, const std::string& log_origin) {
  if (options.resume.has_value()) {
    return StreamFollower::Known{0, *options.resume};
  }
  if (options.cursor_file.empty()) return std::nullopt;
  auto cursor = ReadCursor(options.cursor_file);
  if (absl::IsNotFound(cursor.status())) return std::nullopt;
  if (!cursor.ok()) return cursor.status();
  if (absl::Status s = CheckCursor(*cursor, log_origin, options); !s.ok()) {
    return s;
  }
  return StreamFollower::Known{
      cursor->begin,
      {cursor->heads, cursor->next_position, cursor->checkpoint}};
}

// Where evidence goes; it must not have been there before.
absl::Status CheckEvidence(SubscriberOptions* options) {
  std::string& folder = options->evidence_folder;
  if (folder.empty() && !options->cursor_file.empty()) {
    folder = options->cursor_file + ".evidence";
  }
  std::error_code ignored;
  if (folder.empty() || !std::filesystem::exists(folder, ignored)) {
    return absl::OkStatus();
  }
  auto opened = EvidenceFolder::Open(folder);
  return opened.ok() ? (*opened)->CheckTrusted() : opened.status();
}

}  // namespace

class Subscriber::Impl {
 public:
  // `cursor_lock` is kept.
  Impl(SubscriberOptions options, OpenedSource source,
       std::optional<StreamFollower::Known> known,
       std::optional<File> cursor_lock)
      : options_(std::move(options)),
        cursor_lock_(std::move(cursor_lock)),
        log_origin_(source.log_origin),
        queue_(static_cast<std::size_t>(options_.read_ahead)),
        follower_(options_, std::move(source), std::move(known), &queue_),
        thread_([this] { follower_.Run(); }) {}

  ~Impl() {
    Stop();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::StatusOr<Delivery> Next(absl::Time deadline) {
    auto delivery = queue_.Next(deadline);
    if (delivery.ok()) Note(*delivery);
    return delivery;
  }

  absl::Status Acknowledge(std::int64_t next_position) {
    if (!begun_ || next_position < acknowledged_ ||
        next_position > delivered_) {
      return InvalidField(
          "next_position",
          begun_ ? absl::StrCat("is ", next_position, ", expected ",
                                acknowledged_, " to ", delivered_)
                 : "nothing has been delivered yet");
    }
    if (written_ && next_position == acknowledged_) return absl::OkStatus();
    if (absl::Status s = Write(next_position); !s.ok()) return s;
    written_ = true;
    acknowledged_ = next_position;
    follower_.Acknowledge(next_position);
    return absl::OkStatus();
  }

  void Stop() {
    queue_.Stop();
    follower_.Cancel();
  }

  Heard last_heard() const { return follower_.last_heard(); }
  std::shared_ptr<const Federation> registry() const {
    return follower_.registry();
  }

 private:
  // Keeps what an acknowledgement will need.
  void Note(const Delivery& delivery) {
    if (!begun_) {
      begun_ = true;
      StreamFollower::Origin origin = follower_.origin();
      begin_ = origin.begin;
      acknowledged_ = origin.position;
      history_.Reset(origin.position, std::move(origin.heads));
    }
    delivered_ = delivery.next_position;
    if (options_.cursor_file.empty()) return;
    for (const VerifiedEntry& entry : delivery.entries) {
      history_.Add(entry.position, entry.header.publisher(),
                   {entry.header.sequence(), entry.header_digest});
    }
  }

  absl::Status Write(std::int64_t next_position) {
    if (options_.cursor_file.empty()) return absl::OkStatus();
    Cursor cursor{log_origin_,   DigestOf(options_),     begin_,
                  next_position, follower_.checkpoint(), {}};
    // Without the heads a subscription is as one that begins here.
    if (!history_.MoveTo(next_position, &cursor.heads)) {
      cursor.begin = next_position;
    }
    return WriteCursor(options_.cursor_file, cursor);
  }

  const SubscriberOptions options_;
  const std::optional<File> cursor_lock_;
  const std::string log_origin_;
  DeliveryQueue queue_;
  StreamFollower follower_;

  // Touched only by the thread that calls Next() and Acknowledge().
  bool begun_ = false;
  bool written_ = false;
  std::int64_t begin_ = 0;
  std::int64_t acknowledged_ = 0;
  std::int64_t delivered_ = 0;
  HeadHistory history_;

  // Last, so that it finds the rest.
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<Subscriber>> Subscriber::Create(
    SubscriberOptions options) {
  if (absl::Status s = CheckOptions(options); !s.ok()) return s;
  if (absl::Status s = CheckEvidence(&options); !s.ok()) return s;
  auto source = OpenSource(options.source);
  if (!source.ok()) return source.status();
  // Before the cursor is read: another program may be about to move it.
  std::optional<File> cursor_lock;
  if (!options.cursor_file.empty()) {
    auto locked = LockCursor(options.cursor_file);
    if (!locked.ok()) return locked.status();
    cursor_lock = *std::move(locked);
  }
  auto known = FindKnown(options, source->log_origin);
  if (!known.ok()) return known.status();
  return std::unique_ptr<Subscriber>(new Subscriber(
      std::make_unique<Impl>(std::move(options), *std::move(source),
                             *std::move(known), std::move(cursor_lock))));
}

Subscriber::Subscriber(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Subscriber::~Subscriber() = default;

absl::StatusOr<Delivery> Subscriber::Next(absl::Time deadline) {
  return impl_->Next(deadline);
}

absl::Status Subscriber::Acknowledge(std::int64_t next_position) {
  return impl_->Acknowledge(next_position);
}

void Subscriber::Stop() { impl_->Stop(); }

Heard Subscriber::last_heard() const { return impl_->last_heard(); }

std::shared_ptr<const Federation> Subscriber::registry() const {
  return impl_->registry();
}

}  // namespace gaceta::client
