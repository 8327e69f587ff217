// The Merkle tree of a log in memory, and the proofs of its streams.
#ifndef GACETA_CLIENT_TESTING_FAKE_LOG_H_
#define GACETA_CLIENT_TESTING_FAKE_LOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/frontier.h"
#include "verify/merkle.h"
#include "verify/tree_proofs.h"

namespace gaceta::client {

// Proofs are joined hashes, as messages carry them. One that does not exist is
// empty: a server that lies has nothing better to say.
//
// Thread safety: none.
class FakeTree {
 public:
  void Append(absl::string_view leaf);
  // Puts another leaf in the place of one: the history that it makes is
  // another.
  void Replace(std::int64_t position, absl::string_view leaf);

  std::int64_t size() const {
    return static_cast<std::int64_t>(levels_[0].size());
  }
  // For sizes up to size().
  TreeHash Root(std::int64_t size) const;
  std::string Inclusion(std::int64_t position, std::int64_t size) const;
  std::string Consistency(std::int64_t old_size, std::int64_t new_size) const;
  std::string Cover(std::int64_t begin, std::int64_t end) const;

 private:
  void AppendHash(const TreeHash& leaf);
  absl::StatusOr<TreeHash> Read(const Subtree& subtree) const;

  // By level: the hashes of all full subtrees.
  std::vector<std::vector<TreeHash>> levels_{{}};
};

// What a log says of itself. The notes are empty if there is none.
struct FakeHead {
  std::int64_t size = 0;
  std::string note;
  std::int64_t cosigned_size = 0;
  std::string cosigned_note;
  // Counts the notes.
  int cosigned_number = 0;
};

// Proves one stream, as v1::StreamProof says; of a message that was tampered
// with, what would prove it if it were as the tree has it.
//
// Thread safety: none.
class FakeProver {
 public:
  // Adds the proof of `message`, which confirms the stream or has progress.
  // `known_size` is what the client opened the stream with.
  void Prove(const FakeTree& tree, const FakeHead& head,
             std::int64_t known_size, v1::SubscribeResponse* message);

  // Whether there is a cosigned checkpoint that the stream was not sent.
  bool HasNews(const FakeHead& head) const {
    return head.cosigned_number != sent_cosigned_;
  }

 private:
  // All below was shown or left out.
  std::int64_t passed_ = 0;
  // Of the proof before.
  std::int64_t proved_ = 0;
  std::string sent_note_;
  std::int64_t sent_size_ = 0;
  int sent_cosigned_ = 0;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_TESTING_FAKE_LOG_H_
