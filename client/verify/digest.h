// SHA-256, the only hash that Gaceta uses, and how it is written.
#ifndef GACETA_CLIENT_VERIFY_DIGEST_H_
#define GACETA_CLIENT_VERIFY_DIGEST_H_

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace gaceta {

inline constexpr std::size_t kDigestSize = 32;

// Returns the SHA-256 of `data`, 32 bytes.
std::string Sha256(absl::string_view data);

// Writes the SHA-256 of `pieces`, one after the other, to the 32 bytes at
// `digest`. Allocates nothing: for whoever hashes millions of small things.
void WriteSha256(std::initializer_list<absl::string_view> pieces, char* digest);

// Hashes what comes in pieces.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  void Update(absl::string_view data);

  // Returns the digest of all that came, 32 bytes. Call once.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns `bytes` in lower-case hex.
std::string ToHex(absl::string_view bytes);

// Whether `text` is a SHA-256 in lower-case hex: 64 characters.
bool IsDigestHex(absl::string_view text);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_DIGEST_H_
