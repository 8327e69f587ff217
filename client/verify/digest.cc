#include "verify/digest.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

// OpenSSL looks an algorithm up by name whenever it is asked for, which takes
// several times as long as to hash a node of a tree; so it is asked for once.
// Never freed: threads may still hash while the program ends.
const EVP_MD* Algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

// A digest that was not made must not be taken for one.
void Require(int result) {
  if (result != 1) std::abort();
}

}  // namespace

void WriteSha256(std::initializer_list<absl::string_view> pieces,
                 char* digest) {
  thread_local const OpensslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  Require(EVP_DigestInit_ex(context.get(), Algorithm(), nullptr));
  for (const absl::string_view piece : pieces) {
    Require(EVP_DigestUpdate(context.get(), piece.data(), piece.size()));
  }
  Require(EVP_DigestFinal_ex(
      context.get(), reinterpret_cast<unsigned char*>(digest), nullptr));
}

std::string Sha256(absl::string_view data) {
  std::string digest(kDigestSize, '\0');
  WriteSha256({data}, digest.data());
  return digest;
}

struct Sha256Hasher::State {
  OpensslPtr<EVP_MD_CTX> context{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  Require(EVP_DigestInit_ex(state_->context.get(), Algorithm(), nullptr));
}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::Update(absl::string_view data) {
  Require(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()));
}

std::string Sha256Hasher::Finish() {
  std::string digest(kDigestSize, '\0');
  Require(EVP_DigestFinal_ex(state_->context.get(),
                             reinterpret_cast<unsigned char*>(digest.data()),
                             nullptr));
  return digest;
}

std::string ToHex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

bool IsDigestHex(absl::string_view text) {
  return text.size() == 2 * kDigestSize &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace gaceta
