#include "server/services/document_access.h"

#include <string>

#include "absl/strings/escaping.h"
#include "server/relay/filter.h"

namespace gaceta {
namespace {

// Updates looked at in one go: most documents are named by one.
constexpr int kPage = 16;

}  // namespace

absl::StatusOr<bool> DocumentAccess::MayRead(absl::string_view sha256_hex,
                                             const Caller& caller) const {
  const std::string sha256 = absl::HexStringToBytes(sha256_hex);
  const auto federation = log_->registry().Snapshot();
  const Reader reader{caller.member, caller.is_state};
  const Position end = log_->Size();
  Position begin = 0;
  while (true) {
    auto named = log_->index().ListByDocument(sha256, begin, kPage);
    if (!named.ok()) return named.status();
    for (const Position position : *named) {
      // Not shown to anybody yet.
      if (position >= end) return false;
      auto entry = log_->cache().Read(position, 1);
      if (!entry.ok()) return entry.status();
      if (MaySeePayload(entry->front()->header(), reader, *federation)) {
        return true;
      }
    }
    if (named->empty()) return begin == 0 && kind_ == ServerKind::kNode;
    begin = named->back() + 1;
  }
}

bool DocumentAccess::MayUpload(const Caller& caller) const {
  return MayCall(kind_, "gaceta.v1.DocumentsService/UploadDocument",
                 caller.peer.role);
}

}  // namespace gaceta
