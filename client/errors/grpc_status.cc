#include "errors/grpc_status.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"

namespace gaceta {
namespace {

// The text travels twice, the details as base64: together they stay below the
// 8,192 bytes at which a client gives up a call and loses the error itself.
constexpr std::size_t kMaxTextBytes = 512;
constexpr std::size_t kMaxDetailsBytes = 4800;
constexpr std::size_t kMaxDescriptionBytes = 60;

// Cuts UTF-8 text between characters.
std::string Cut(absl::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  constexpr absl::string_view kMark = "...";
  std::size_t end = most - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  return absl::StrCat(text.substr(0, end), kMark);
}

// Returns `violations` with short descriptions, and no more of them than fit
// into `most` bytes.
std::vector<FieldViolation> Shorten(
    const std::vector<FieldViolation>& violations, std::size_t most) {
  std::vector<FieldViolation> kept;
  std::size_t bytes = 0;
  for (const FieldViolation& violation : violations) {
    FieldViolation cut{Cut(violation.field, kMaxTextBytes),
                       Cut(violation.description, kMaxDescriptionBytes)};
    // Tags and lengths take a few bytes each.
    bytes += cut.field.size() + cut.description.size() + 10;
    if (bytes > most) {
      kept.push_back({"", absl::StrCat(violations.size() - kept.size(),
                                       " more violations are not listed")});
      break;
    }
    kept.push_back(std::move(cut));
  }
  return kept;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string text = Cut(status.message(), kMaxTextBytes);
  absl::Status sent(status.code(), text);
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    sent.SetPayload(url, payload);
  });
  std::string details = ToRpcStatus(sent).SerializeAsString();
  if (details.size() > kMaxDetailsBytes) {
    sent = WithViolations(sent, {});
    const std::size_t others = ToRpcStatus(sent).ByteSizeLong();
    sent = WithViolations(
        sent, Shorten(Violations(status),
                      kMaxDetailsBytes - std::min(others, kMaxDetailsBytes)));
    details = ToRpcStatus(sent).SerializeAsString();
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), text,
                      details);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status rpc;
  const bool has_details = !status.error_details().empty() &&
                           rpc.ParseFromString(status.error_details());
  if (!has_details) rpc.Clear();
  // The call's own status counts, whatever the details claim.
  rpc.set_code(status.error_code());
  rpc.set_message(status.error_message());
  return FromRpcStatus(rpc);
}

}  // namespace gaceta
