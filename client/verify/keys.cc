#include "verify/keys.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "openssl/ec.h"
#include "openssl/obj_mac.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool IsP256(EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         absl::string_view(group) == "prime256v1";
}

// An encrypted key is refused: OpenSSL would ask a terminal for its password.
int NoPassword(char*, int, int, void*) { return -1; }

std::shared_ptr<EVP_PKEY> Share(EVP_PKEY* key) {
  return std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
}

}  // namespace

std::string DssePae(absl::string_view type, absl::string_view body) {
  return absl::StrCat("DSSEv1 ", type.size(), " ", type, " ", body.size(), " ",
                      body);
}

absl::StatusOr<PublicKey> PublicKey::FromEvp(EVP_PKEY* key) {
  PublicKey result;
  result.key_ = Share(key);
  result.ed25519_ = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  if (!result.ed25519_ && !IsP256(key)) {
    return absl::InvalidArgumentError("key is neither ECDSA P-256 nor Ed25519");
  }
  std::shared_ptr<EVP_MD_CTX> verifying(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (EVP_DigestVerifyInit(verifying.get(), nullptr,
                           result.ed25519_ ? nullptr : EVP_sha256(), nullptr,
                           key) != 1) {
    ERR_clear_error();
    return absl::InternalError("cannot verify with a key");
  }
  result.verifying_ = std::move(verifying);
  unsigned char* spki = nullptr;
  const int size = i2d_PUBKEY(key, &spki);
  if (size <= 0) return absl::InvalidArgumentError("key cannot be encoded");
  result.key_id_ =
      Sha256({reinterpret_cast<char*>(spki), static_cast<std::size_t>(size)});
  OPENSSL_free(spki);
  return result;
}

absl::StatusOr<PublicKey> PublicKey::FromSpkiDer(absl::string_view der) {
  const unsigned char* bytes = Bytes(der);
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &bytes, static_cast<long>(der.size()));
  if (key == nullptr || bytes != Bytes(der) + der.size()) {
    EVP_PKEY_free(key);
    ERR_clear_error();
    return absl::InvalidArgumentError("no SubjectPublicKeyInfo in DER");
  }
  return FromEvp(key);
}

absl::StatusOr<PublicKey> PublicKey::FromPem(absl::string_view pem) {
  EVP_PKEY* key =
      PEM_read_bio_PUBKEY(BioOf(pem).get(), nullptr, nullptr, nullptr);
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("no public key in PEM");
  }
  return FromEvp(key);
}

absl::StatusOr<PublicKey> PublicKey::FromCertificateDer(absl::string_view der) {
  const OpensslPtr<X509> certificate = X509FromDer(der);
  EVP_PKEY* key =
      certificate == nullptr ? nullptr : X509_get_pubkey(certificate.get());
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("no X.509 certificate in DER");
  }
  return FromEvp(key);
}

absl::StatusOr<PublicKey> PublicKey::FromEd25519(absl::string_view bytes) {
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                              Bytes(bytes), bytes.size());
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat("an Ed25519 key has 32 bytes, not ", bytes.size()));
  }
  return FromEvp(key);
}

absl::StatusOr<std::string> PublicKey::Ed25519Bytes() const {
  if (!ed25519_) return absl::InvalidArgumentError("key is not Ed25519");
  std::string bytes(32, '\0');
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(
          key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) !=
      1) {
    ERR_clear_error();
    return absl::InternalError("cannot read an Ed25519 key");
  }
  return bytes;
}

absl::Status PublicKey::Verify(absl::string_view message,
                               absl::string_view signature) const {
  const OpensslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool good =
      EVP_MD_CTX_copy_ex(context.get(), verifying_.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                       Bytes(message), message.size()) == 1;
  if (good) return absl::OkStatus();
  ERR_clear_error();
  return absl::UnauthenticatedError(absl::StrCat(
      "signature does not hold under key ", ToHex(key_id_).substr(0, 16)));
}

absl::StatusOr<SigningKey> SigningKey::FromPem(absl::string_view pem) {
  EVP_PKEY* key =
      PEM_read_bio_PrivateKey(BioOf(pem).get(), nullptr, NoPassword, nullptr);
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        "no private key in PEM, or one with a password, which is not "
        "supported");
  }
  SigningKey result;
  result.key_ = Share(key);
  EVP_PKEY_up_ref(key);
  auto public_key = PublicKey::FromEvp(key);
  if (!public_key.ok()) return public_key.status();
  result.public_key_ = *std::move(public_key);
  return result;
}

absl::StatusOr<SigningKey> SigningKey::FromPemFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot read key ", path, ": ", std::strerror(errno)));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "key ", path, " can be read by others; run chmod 600 ", path));
  }
  std::ifstream file(path, std::ios::binary);
  auto key = FromPem(std::string(std::istreambuf_iterator<char>(file), {}));
  if (!key.ok()) {
    return absl::Status(key.status().code(),
                        absl::StrCat(path, ": ", key.status().message()));
  }
  return key;
}

absl::StatusOr<std::string> SigningKey::Sign(absl::string_view message) const {
  const OpensslPtr<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool ed25519 = EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519;
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr,
                         ed25519 ? nullptr : EVP_sha256(), nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(message),
                     message.size()) != 1) {
    return absl::InternalError("cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(message), message.size()) != 1) {
    return absl::InternalError("cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace gaceta
