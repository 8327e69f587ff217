#include "cli/checkpoint_text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/output.h"

namespace gaceta::cli {
namespace {

std::string TimeJson(absl::Time time) {
  return JsonString(
      absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone()));
}

}  // namespace

std::string RootText(const TreeHash& root) {
  return absl::Base64Escape(View(root));
}

std::string CheckpointJson(const client::LogCheckpoint& checkpoint) {
  const LogPolicy::Opened& opened = checkpoint.opened;
  const std::string cosignatures = absl::StrJoin(
      opened.cosignatures, ",", [](std::string* out, const Cosignature& one) {
        absl::StrAppend(out, "{\"name\":", JsonString(one.name),
                        ",\"time\":", TimeJson(one.time), "}");
      });
  const std::string quorum_time =
      opened.quorum_time == absl::InfinitePast()
          ? ""
          : absl::StrCat(",\"quorumTime\":", TimeJson(opened.quorum_time));
  return absl::StrCat("{\"origin\":", JsonString(opened.checkpoint.origin),
                      ",\"size\":", opened.checkpoint.size, ",\"root\":",
                      JsonString(RootText(opened.checkpoint.root)),
                      ",\"quorum\":", opened.has_quorum ? "true" : "false",
                      quorum_time, ",\"cosignatures\":[", cosignatures,
                      "],\"note\":", JsonString(checkpoint.note), "}");
}

}  // namespace gaceta::cli
