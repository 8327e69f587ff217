#include "server/hub/cosigning.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "spdlog/spdlog.h"
#include "verify/add_checkpoint.h"
#include "verify/checkpoint.h"

namespace gaceta {

void Cosigning::Open(const std::string& name, std::uint64_t line,
                     int registry_version, Ask ask) {
  absl::MutexLock lock(&mu_);
  Line& opened = lines_[name];
  // What it knows it says itself, if this is not so any more.
  const Position known_size = opened.known_size;
  opened = Line{line, registry_version, std::move(ask), known_size};
  AskAll();
}

bool Cosigning::QuorumReads(int registry_version) {
  const auto registry = log_->registry().Snapshot();
  if (registry->log_policy() == nullptr) return true;
  std::set<std::string, std::less<>> readers;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [name, line] : lines_) {
      if (line.registry_version >= registry_version) readers.insert(name);
    }
  }
  return registry->log_policy()->policy.IsQuorum(readers);
}

void Cosigning::Close(const std::string& name, std::uint64_t line) {
  absl::MutexLock lock(&mu_);
  auto found = lines_.find(name);
  if (found != lines_.end() && found->second.number == line) {
    lines_.erase(found);
  }
}

void Cosigning::Answer(const std::string& name, std::uint64_t line, int status,
                       const std::string& body) {
  absl::MutexLock lock(&mu_);
  auto found = lines_.find(name);
  if (found == lines_.end() || found->second.number != line ||
      !found->second.asked_size.has_value()) {
    return;
  }
  Line& answered = found->second;
  const Position asked_size = *answered.asked_size;
  answered.asked_size.reset();
  absl::Status outcome;
  if (status == 200 && asked_size != round_->checkpoint.size) {
    // The round that it was asked in is over.
    answered.known_size = asked_size;
  } else if (status == 409) {
    // It has seen another checkpoint last: asked again from there.
    Position known = 0;
    if (!absl::SimpleAtoi(absl::StripSuffix(body, "\n"), &known) || known < 0) {
      outcome = absl::InvalidArgumentError("409 without a size");
    } else if (known > round_->checkpoint.size) {
      // Of a round that it answered later than this one was asked.
      answered.done = true;
    } else if (known == answered.known_size) {
      outcome =
          absl::InvalidArgumentError("409 with the size it was asked for");
    }
    if (outcome.ok()) answered.known_size = known;
  } else if (status == 200) {
    outcome = Add(name, body);
    answered.done = true;
    if (outcome.ok()) answered.known_size = round_->checkpoint.size;
  } else {
    outcome = absl::FailedPreconditionError(absl::StrCat(
        "refused with status ", status, ": ", absl::StripSuffix(body, "\n")));
  }
  if (!outcome.ok()) {
    answered.done = true;
    // A node that has just joined does not know the log yet, or not all of it.
    const bool passes = status == 404 || status == 503;
    spdlog::log(passes ? spdlog::level::info : spdlog::level::warn,
                "witness does not cosign witness={} size={} error=\"{}\"", name,
                round_->checkpoint.size, std::string(outcome.message()));
  }
  Publish();
  AskAll();
}

absl::Status Cosigning::Add(const std::string& name, const std::string& lines) {
  auto signatures = ParseSignatureLines(lines);
  if (!signatures.ok()) return signatures.status();
  const auto registry = log_->registry().Snapshot();
  const LogPolicyInForce* in_force = registry->log_policy();
  if (in_force == nullptr) return absl::OkStatus();
  Note alone{round_->note.text, *signatures};
  auto checked = CheckCosignatures(alone, in_force->policy.witnesses());
  if (!checked.ok()) return checked.status();
  // Only its own counts, and only if the policy knows it.
  const bool own =
      std::any_of(checked->begin(), checked->end(),
                  [&](const Cosignature& one) { return one.name == name; });
  if (!own) {
    return absl::NotFoundError(
        "the log policy has no key of this witness that made the cosignature");
  }
  // A witness that came back is asked again: its last word counts, once.
  std::vector<NoteSignature>& all = round_->note.signatures;
  std::erase_if(all, [&](const auto& one) { return one.name == name; });
  for (NoteSignature& signature : *signatures) {
    if (signature.name == name) all.push_back(std::move(signature));
  }
  std::set<std::string, std::less<>> names;
  for (const NoteSignature& signature : all) {
    names.insert(signature.name);
  }
  round_->has_quorum = in_force->policy.IsQuorum(names);
  round_->has_news = true;
  return absl::OkStatus();
}

void Cosigning::Publish() {
  if (!round_->has_quorum || !round_->has_news) return;
  // At once when there is a quorum, and once more with all who came later.
  if (round_->was_published && !AllDone()) return;
  round_->was_published = true;
  round_->has_news = false;
  if (absl::Status s =
          log_->PublishCosigned(round_->checkpoint, FormatNote(round_->note));
      !s.ok()) {
    round_->has_news = true;
    spdlog::error("cannot keep a cosigned checkpoint error=\"{}\"",
                  std::string(s.message()));
  }
}

bool Cosigning::AllDone() const {
  return std::all_of(lines_.begin(), lines_.end(),
                     [](const auto& line) { return line.second.done; });
}

void Cosigning::AskAll() {
  if (!round_.has_value()) return;
  for (auto& [name, line] : lines_) {
    if (line.asked_size.has_value() || line.done) continue;
    if (absl::Status s = AskOne(&line); !s.ok()) {
      line.done = true;
      spdlog::error("cannot ask a witness witness={} error=\"{}\"", name,
                    std::string(s.message()));
    }
  }
}

absl::Status Cosigning::AskOne(Line* line) {
  AddCheckpoint question;
  question.old_size = std::min(line->known_size, round_->checkpoint.size);
  auto proof =
      log_->tree().Consistency(question.old_size, round_->checkpoint.size);
  if (!proof.ok()) return proof.status();
  question.proof = *std::move(proof);
  // As the log signed it: what others have cosigned is none of its business.
  Note note = round_->note;
  note.signatures.resize(1);
  question.checkpoint = FormatNote(note);
  line->asked_size = round_->checkpoint.size;
  line->ask(FormatAddCheckpoint(question));
  return absl::OkStatus();
}

bool Cosigning::IsTimeForRound(absl::Time now, const LogHead& head) const {
  if (!round_.has_value()) return true;
  const absl::Duration age = now - round_->begin;
  if (age >= options_.refresh) return true;
  if (head.checkpoint.size == round_->checkpoint.size) return false;
  return age >= (round_->has_quorum || AllDone() ? options_.min_interval
                                                 : options_.patience);
}

absl::Time Cosigning::Tick(absl::Time now) {
  const LogHeadPtr head = log_->head();
  const auto registry = log_->registry().Snapshot();
  if (head == nullptr || registry->log_policy() == nullptr ||
      registry->log_policy()->policy.witnesses().empty()) {
    return now + options_.refresh;
  }
  absl::MutexLock lock(&mu_);
  if (IsTimeForRound(now, *head)) {
    auto note = ParseNote(head->note);
    if (!note.ok()) return now + options_.refresh;
    round_ = Round{head->checkpoint, *std::move(note), now};
    for (auto& [name, line] : lines_) line.done = false;
    AskAll();
  }
  if (head->checkpoint.size == round_->checkpoint.size) {
    return round_->begin + options_.refresh;
  }
  return std::max(now + absl::Milliseconds(1),
                  round_->begin + (round_->has_quorum ? options_.min_interval
                                                      : options_.patience));
}

}  // namespace gaceta
