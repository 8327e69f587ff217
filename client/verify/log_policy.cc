#include "verify/log_policy.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

// Of logs, of witnesses and of groups.
constexpr std::size_t kMaxOfAKind = 256;
constexpr absl::string_view kNone = "none";

// Octets beyond ASCII mean nothing to a policy.
bool IsPolicyByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

// The words of a line, up to a comment.
std::vector<absl::string_view> WordsOf(absl::string_view line) {
  std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const auto comment = std::find_if(
      words.begin(), words.end(),
      [](absl::string_view word) { return absl::StartsWith(word, "#"); });
  words.erase(comment, words.end());
  return words;
}

std::string Quoted(absl::string_view word) {
  return absl::StrCat("\"", absl::CHexEscape(word.substr(0, 100)), "\"");
}

absl::Status Wrong(absl::string_view why) {
  return absl::InvalidArgumentError(why);
}

}  // namespace

struct LogPolicy::Member {
  // Name in the key of a witness; empty for a group.
  std::string witness;
  // How many of a group's members have to vouch.
  std::size_t threshold = 0;
  std::vector<std::shared_ptr<const Member>> members;
};

class LogPolicy::Parser {
 public:
  absl::StatusOr<LogPolicy> Parse(absl::string_view text) {
    policy_.text_ = std::string(text);
    for (int number = 1; !text.empty(); ++number) {
      const auto line = TakeLine(&text);
      const absl::Status read =
          line.has_value() ? Read(*line) : Wrong("it does not end in LF");
      if (!read.ok()) {
        return Annotate(read, absl::StrCat("policy line ", number));
      }
    }
    if (!has_quorum_) return Wrong("policy has no quorum line");
    return std::move(policy_);
  }

 private:
  using Words = std::vector<absl::string_view>;

  absl::Status Read(absl::string_view line) {
    if (!std::all_of(line.begin(), line.end(), IsPolicyByte)) {
      return Wrong("control characters in it");
    }
    const Words words = WordsOf(line);
    if (words.empty()) return absl::OkStatus();
    if (words[0] == "log") return ReadLog(words);
    if (words[0] == "witness") return ReadWitness(words);
    if (words[0] == "group") return ReadGroup(words);
    if (words[0] == "quorum") return ReadQuorum(words);
    return Wrong(absl::StrCat("unknown keyword ", Quoted(words[0])));
  }

  absl::Status ReadLog(const Words& words) {
    if (words.size() != 2 && words.size() != 3) {
      return Wrong("expected log <key> [<url>]");
    }
    auto key = ReadKey(words[1], NoteKeyType::kEd25519, policy_.logs_);
    if (!key.ok()) return key.status();
    policy_.logs_.push_back(*std::move(key));
    return absl::OkStatus();
  }

  absl::Status ReadWitness(const Words& words) {
    if (words.size() != 3 && words.size() != 4) {
      return Wrong("expected witness <name> <key> [<url>]");
    }
    auto key = ReadKey(words[2], NoteKeyType::kCosignature, policy_.witnesses_);
    if (!key.ok()) return key.status();
    for (const NoteKey& other : policy_.witnesses_) {
      if (other.name() == key->name()) {
        return Wrong(absl::StrCat("another witness's key is named ",
                                  Quoted(key->name())));
      }
    }
    Member witness;
    witness.witness = key->name();
    policy_.witnesses_.push_back(*std::move(key));
    return Define(words[1], std::move(witness));
  }

  absl::Status ReadGroup(const Words& words) {
    if (words.size() < 4) {
      return Wrong("expected group <name> any|all|<number> <member> ...");
    }
    if (++groups_ > kMaxOfAKind) return Wrong("too many groups");
    Member group;
    for (std::size_t i = 3; i < words.size(); ++i) {
      const auto member = members_.find(words[i]);
      if (member == members_.end()) {
        return Wrong(absl::StrCat("no member is named ", Quoted(words[i])));
      }
      if (!grouped_.insert(std::string(words[i])).second) {
        return Wrong(absl::StrCat(Quoted(words[i]), " is in a group already"));
      }
      group.members.push_back(member->second);
    }
    const auto threshold = Threshold(words[2], group.members.size());
    if (!threshold.ok()) return threshold.status();
    group.threshold = *threshold;
    return Define(words[1], std::move(group));
  }

  static absl::StatusOr<std::size_t> Threshold(absl::string_view word,
                                               std::size_t members) {
    if (word == "any") return 1;
    if (word == "all") return members;
    const auto number = ParseDecimal(word);
    if (!number.has_value() || *number < 1 ||
        *number > static_cast<std::int64_t>(members)) {
      return Wrong(absl::StrCat("threshold ", Quoted(word),
                                ", expected any, all or 1 to ", members));
    }
    return static_cast<std::size_t>(*number);
  }

  absl::Status ReadQuorum(const Words& words) {
    if (words.size() != 2) return Wrong("expected quorum <name>");
    if (has_quorum_) return Wrong("a second quorum");
    has_quorum_ = true;
    if (words[1] == kNone) return absl::OkStatus();
    const auto member = members_.find(words[1]);
    if (member == members_.end()) {
      return Wrong(absl::StrCat("no member is named ", Quoted(words[1])));
    }
    policy_.quorum_ = member->second;
    return absl::OkStatus();
  }

  // Reads a key that none of `others` is, whatever its name.
  static absl::StatusOr<NoteKey> ReadKey(absl::string_view word,
                                         NoteKeyType type,
                                         const std::vector<NoteKey>& others) {
    auto key = NoteKey::Parse(word);
    if (!key.ok()) return key;
    if (key->type() != type) {
      return Wrong(absl::StrCat("key ", key->name(), " is of the wrong type"));
    }
    if (others.size() == kMaxOfAKind) return Wrong("too many of them");
    for (const NoteKey& other : others) {
      if (other.bytes() == key->bytes()) {
        return Wrong(absl::StrCat("key ", key->name(), " is there already"));
      }
    }
    return key;
  }

  absl::Status Define(absl::string_view name, Member member) {
    if (name == kNone) return Wrong("no member may be named none");
    const bool is_new =
        members_
            .emplace(name, std::make_shared<const Member>(std::move(member)))
            .second;
    if (!is_new) {
      return Wrong(absl::StrCat("the name ", Quoted(name), " is taken"));
    }
    return absl::OkStatus();
  }

  LogPolicy policy_;
  // By the names that the policy gives them.
  std::map<std::string, std::shared_ptr<const Member>, std::less<>> members_;
  // Names of members that are in a group: each counts in one way alone.
  std::set<std::string> grouped_;
  std::size_t groups_ = 0;
  bool has_quorum_ = false;
};

absl::StatusOr<LogPolicy> LogPolicy::Parse(absl::string_view text) {
  return Parser().Parse(text);
}

absl::Time LogPolicy::VouchedTime(
    const Member& member,
    absl::FunctionRef<absl::Time(const std::string&)> time_of) {
  if (member.members.empty()) return time_of(member.witness);
  std::vector<absl::Time> times;
  for (const auto& one : member.members) {
    times.push_back(VouchedTime(*one, time_of));
  }
  // Whoever comes after the threshold adds nothing.
  const auto last =
      times.begin() + static_cast<std::ptrdiff_t>(member.threshold) - 1;
  std::nth_element(times.begin(), last, times.end(), std::greater<>());
  return *last;
}

bool LogPolicy::IsQuorum(
    const std::set<std::string, std::less<>>& names) const {
  if (quorum_ == nullptr) return true;
  return VouchedTime(*quorum_, [&](const std::string& name) {
           return names.count(name) > 0 ? absl::InfiniteFuture()
                                        : absl::InfinitePast();
         }) != absl::InfinitePast();
}

absl::StatusOr<LogPolicy::Opened> LogPolicy::Open(
    absl::string_view note) const {
  auto parsed = ParseNote(note);
  if (!parsed.ok()) {
    return WithReason(absl::DataLossError(parsed.status().message()),
                      "MALFORMED_CHECKPOINT");
  }
  auto checkpoint = OpenCheckpoint(*parsed, logs_);
  if (!checkpoint.ok()) return checkpoint.status();
  auto cosignatures = CheckCosignatures(*parsed, witnesses_);
  if (!cosignatures.ok()) return cosignatures.status();

  Opened opened{*std::move(checkpoint), *std::move(cosignatures)};
  if (quorum_ == nullptr) {
    opened.has_quorum = true;
    return opened;
  }
  std::map<std::string, absl::Time> times;
  for (const Cosignature& one : opened.cosignatures) {
    times.emplace(one.name, one.time);
  }
  opened.quorum_time = VouchedTime(*quorum_, [&](const std::string& name) {
    const auto time = times.find(name);
    return time == times.end() ? absl::InfinitePast() : time->second;
  });
  opened.has_quorum = opened.quorum_time != absl::InfinitePast();
  return opened;
}

}  // namespace gaceta
