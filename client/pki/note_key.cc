#include "pki/note_key.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "pki/new_file.h"
#include "verify/keys.h"
#include "verify/openssl_ptr.h"

namespace gaceta::pki {

namespace {

std::string PublicPath(const std::string& path) { return path + ".pub"; }

absl::Status WritePublicHalf(const std::string& path,
                             const NoteSigner& signer) {
  return WriteNewFile(PublicPath(path),
                      absl::StrCat(signer.public_key().ToString(), "\n"),
                      FileRights::kOutput);
}

}  // namespace

absl::StatusOr<std::string> MakeEd25519Pem() {
  const OpensslPtr<EVP_PKEY> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_secmem()));
  char* bytes = nullptr;
  if (key == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    return absl::InternalError("OpenSSL cannot make an Ed25519 key");
  }
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

absl::StatusOr<NoteSigner> MakeNoteKey(const std::string& path,
                                       const std::string& name,
                                       NoteKeyType type) {
  auto pem = MakeEd25519Pem();
  if (!pem.ok()) return pem.status();
  auto key = SigningKey::FromPem(*pem);
  if (!key.ok()) return key.status();
  auto signer = NoteSigner::Create(name, type, *std::move(key));
  if (!signer.ok()) return signer.status();
  if (absl::Status s = WriteNewFile(path, *pem, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  // What lies there belongs to a key that is gone.
  std::error_code ignored;
  std::filesystem::remove(PublicPath(path), ignored);
  if (absl::Status s = WritePublicHalf(path, *signer); !s.ok()) return s;
  return signer;
}

absl::StatusOr<NoteSigner> ReadNoteKey(const std::string& path,
                                       const std::string& name,
                                       NoteKeyType type) {
  auto key = SigningKey::FromPemFile(path);
  if (!key.ok()) return Annotate(key.status(), path);
  auto signer = NoteSigner::Create(name, type, *std::move(key));
  if (!signer.ok()) return Annotate(signer.status(), path);
  return signer;
}

}  // namespace gaceta::pki
