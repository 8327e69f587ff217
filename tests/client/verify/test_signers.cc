#include "tests/client/verify/test_signers.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta::testing {

SigningKey KeyOfSeed(int seed) {
  const std::string bytes = Sha256(absl::StrCat("seed ", seed));
  const OpensslPtr<EVP_PKEY> key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr,
      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr);
  char* pem = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &pem);
  return SigningKey::FromPem({pem, static_cast<std::size_t>(size)}).value();
}

NoteSigner LogSigner(const std::string& name) {
  return NoteSigner::Create(name, NoteKeyType::kEd25519, KeyOfSeed(1)).value();
}

NoteSigner WitnessOf(const std::string& state) {
  int seed = 1000;
  for (const char c : state) seed = 31 * seed + c;
  return NoteSigner::Create(absl::StrCat("node.", state, ".gaceta.example"),
                            NoteKeyType::kCosignature, KeyOfSeed(seed))
      .value();
}

}  // namespace gaceta::testing
