#include "tests/bench/proofs.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/log/log_store.h"
#include "server/log/log_tree.h"
#include "verify/merkle.h"

namespace gaceta::bench {
namespace {

// A log whose leaves follow from their positions: proofs know nothing of what
// is in a leaf, and a tree can be opened over it again.
class MadeUpLog : public LogStore {
 public:
  explicit MadeUpLog(Position size) : size_(size) {}

  static StoredEntry At(Position position) {
    StoredEntry entry;
    entry.leaf.assign(reinterpret_cast<const char*>(&position),
                      sizeof position);
    return entry;
  }

  absl::Status Append(Position /*expected*/,
                      absl::Span<const StoredEntry> /*entries*/) override {
    return absl::UnimplementedError("the log is made up");
  }
  absl::Status Scan(Position begin, int max_count, std::size_t /*max_bytes*/,
                    Show show) const override {
    const Position end = std::min(size_, begin + max_count);
    for (Position i = begin; i < end; ++i) show(At(i));
    return absl::OkStatus();
  }
  absl::Status Erase(absl::Span<const Position> /*positions*/) override {
    return absl::UnimplementedError("the log is made up");
  }
  Position Size() const override { return size_; }

 private:
  const Position size_;
};

using Proof = std::vector<TreeHash>;

// Times `make` for random positions of [0, end), checks what it makes, and adds
// the figures under `name`.
absl::Status Sample(
    const std::string& name, int samples, Position end,
    absl::FunctionRef<absl::StatusOr<Proof>(Position)> make,
    absl::FunctionRef<absl::Status(Position, const Proof&)> check,
    Figures* figures) {
  absl::BitGen random;
  std::vector<absl::Duration> times;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < samples; ++i) {
    const Position at = absl::Uniform<Position>(random, 0, end);
    const absl::Time begin = absl::Now();
    auto proof = make(at);
    times.push_back(absl::Now() - begin);
    if (!proof.ok()) return proof.status();
    if (absl::Status s = check(at, *proof); !s.ok()) return s;
    sizes.push_back(proof->size() * sizeof(TreeHash));
  }
  std::sort(sizes.begin(), sizes.end());
  (*figures)[name + "_bytes"] = static_cast<double>(sizes[sizes.size() / 2]);
  (*figures)[name + "_max_bytes"] = static_cast<double>(sizes.back());
  for (const int percent : {50, 99}) {
    (*figures)[absl::StrCat(name, "_p", percent, "_us")] =
        absl::ToDoubleMicroseconds(Percentile(&times, percent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Figures> MeasureProofs(const std::string& folder,
                                      std::int64_t leaves, int samples) {
  const std::string path = absl::StrCat(folder, "/tree.db");
  const MadeUpLog log(leaves);
  if (auto made = LogTree::Open(path, log, nullptr); !made.ok()) {
    return made.status();
  }
  auto tree = LogTree::Open(path, log, nullptr);
  if (!tree.ok()) return tree.status();
  auto root = (*tree)->Root(leaves);
  if (!root.ok()) return root.status();

  Figures figures;
  absl::Status inclusion = Sample(
      "inclusion", samples, leaves,
      [&](Position at) { return (*tree)->Inclusion(at, leaves); },
      [&](Position at, const Proof& proof) {
        return VerifyInclusion(HashLeaf(MadeUpLog::At(at).leaf), at, leaves,
                               proof, *root);
      },
      &figures);
  if (!inclusion.ok()) return inclusion;
  absl::Status consistency = Sample(
      "consistency", samples, leaves,
      [&](Position at) { return (*tree)->Consistency(at, leaves); },
      [&](Position at, const Proof& proof) -> absl::Status {
        auto old_root = (*tree)->Root(at);
        if (!old_root.ok()) return old_root.status();
        return VerifyConsistency(at, *old_root, leaves, *root, proof);
      },
      &figures);
  if (!consistency.ok()) return consistency;
  return figures;
}

}  // namespace gaceta::bench
