#include "server/relay/stream_prover.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "verify/merkle.h"

namespace gaceta {

absl::Status StreamProver::Skip(Position end) {
  if (end == passed_) return absl::OkStatus();
  auto cover = source_.tree->Cover(passed_, end);
  if (!cover.ok()) return cover.status();
  absl::StrAppend(&skipped_, JoinHashes(*cover));
  passed_ = end;
  return absl::OkStatus();
}

absl::Status StreamProver::Shows(Position position) {
  if (absl::Status s = Skip(position); !s.ok()) return s;
  passed_ = position + 1;
  return absl::OkStatus();
}

absl::StatusOr<v1::StreamProof> StreamProver::Prove(Position next_position) {
  v1::StreamProof proof;
  if (absl::Status s = Skip(next_position); !s.ok()) return s;
  proof.set_skipped(std::exchange(skipped_, ""));
  const LogHeadPtr head = source_.head();
  if (head == nullptr) return proof;
  const Position size = head->checkpoint.size;
  auto consistency = source_.tree->Consistency(next_position, size);
  if (!consistency.ok()) return consistency.status();
  proof.set_consistency(JoinHashes(*consistency));
  if (size != sent_size_) {
    proof.set_checkpoint(head->note);
    if (sent_size_ > 0 && proved_ != sent_size_) {
      auto growth = source_.tree->Consistency(sent_size_, size);
      if (!growth.ok()) return growth.status();
      proof.set_growth_consistency(JoinHashes(*growth));
    }
  }
  if (head->cosigned_number != sent_cosigned_number_) {
    auto cosigned = source_.tree->Consistency(head->cosigned_size, size);
    if (!cosigned.ok()) return cosigned.status();
    proof.set_cosigned_checkpoint(head->cosigned_note);
    proof.set_cosigned_consistency(JoinHashes(*cosigned));
  }
  proved_ = next_position;
  sent_size_ = size;
  sent_cosigned_number_ = head->cosigned_number;
  return proof;
}

absl::StatusOr<std::string> StreamProver::ProveKnown(Position known) const {
  auto proof = source_.tree->Consistency(known, sent_size_);
  if (!proof.ok()) return proof.status();
  return JoinHashes(*proof);
}

bool StreamProver::has_cosigned() const {
  const LogHeadPtr head = source_.head();
  return head != nullptr && head->cosigned_number != sent_cosigned_number_;
}

}  // namespace gaceta
