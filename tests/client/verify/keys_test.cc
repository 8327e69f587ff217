#include "verify/keys.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "openssl/evp.h"
#include "tests/support/statements.h"
#include "tests/support/vectors.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;

std::string BioText(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string PrivatePem(EVP_PKEY* key, const char* password = nullptr) {
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::string secret = password == nullptr ? "" : password;
  PEM_write_bio_PKCS8PrivateKey(
      bio.get(), key, password == nullptr ? nullptr : EVP_aes_256_cbc(),
      secret.data(), static_cast<int>(secret.size()), nullptr, nullptr);
  return BioText(bio.get());
}

std::string PublicPem(EVP_PKEY* key) {
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key);
  return BioText(bio.get());
}

std::string SpkiDer(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  std::string der(reinterpret_cast<char*>(bytes),
                  static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

OpensslPtr<EVP_PKEY> EcKey(const char* curve) {
  return OpensslPtr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
}

TEST(DssePaeTest, IsThePublishedVector) {
  EXPECT_EQ(DssePae("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

TEST(DssePaeTest, CountsBytesAndTakesAny) {
  EXPECT_EQ(DssePae("ñ", std::string("a\0b", 3)),
            std::string("DSSEv1 2 \xc3\xb1 3 a\0b", 17));
  EXPECT_EQ(DssePae("", ""), "DSSEv1 0  0 ");
}

TEST(Sha256Test, IsThePublishedVector) {
  EXPECT_EQ(ToHex(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PiecesHashAsTheWholeAtOnce) {
  std::string digest(32, '\0');
  WriteSha256({"a", "", "bc"}, digest.data());

  EXPECT_EQ(digest, Sha256("abc"));
}

TEST(Sha256Test, PiecesHashAsTheWhole) {
  Sha256Hasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");

  EXPECT_EQ(hasher.Finish(), Sha256("abc"));
}

// Both algorithms: false is ECDSA P-256, true Ed25519.
class KeysTest : public ::testing::TestWithParam<bool> {
 protected:
  const SigningKey key_ = testing::NewKey(GetParam());
};

TEST_P(KeysTest, ASignatureHoldsUnderItsKeyAlone) {
  const std::string signature = *key_.Sign("message");

  EXPECT_TRUE(key_.public_key().Verify("message", signature).ok());
  EXPECT_EQ(key_.public_key().Verify("massage", signature).code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_FALSE(testing::NewKey(GetParam())
                   .public_key()
                   .Verify("message", signature)
                   .ok());
}

TEST_P(KeysTest, EveryChangedBitOfTheSignatureIsRefused) {
  const std::string signature = *key_.Sign("message");

  for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    std::string changed = signature;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));

    EXPECT_FALSE(key_.public_key().Verify("message", changed).ok()) << bit;
  }
}

TEST_P(KeysTest, ASignatureThatIsShorterOrLongerIsRefused) {
  const std::string signature = *key_.Sign("message");

  for (std::size_t size = 0; size < signature.size(); ++size) {
    EXPECT_FALSE(
        key_.public_key().Verify("message", signature.substr(0, size)).ok())
        << size;
  }
  for (const std::string& more : {std::string(1, '\0'), signature}) {
    EXPECT_FALSE(key_.public_key().Verify("message", signature + more).ok());
  }
}

TEST_P(KeysTest, MessagesOfAnyBytesAreSigned) {
  for (const std::string& message :
       {std::string(), std::string(1, '\0'), std::string(100'000, '\xff')}) {
    EXPECT_TRUE(key_.public_key().Verify(message, *key_.Sign(message)).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, KeysTest, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Ed25519" : "EcdsaP256";
                         });

TEST(PublicKeyTest, IsTheSameFromPemAndDer) {
  const OpensslPtr<EVP_PKEY> key = EcKey("P-256");

  auto from_der = PublicKey::FromSpkiDer(SpkiDer(key.get()));
  auto from_pem = PublicKey::FromPem(PublicPem(key.get()));

  ASSERT_TRUE(from_der.ok()) << from_der.status();
  ASSERT_TRUE(from_pem.ok()) << from_pem.status();
  EXPECT_EQ(from_der->key_id(), Sha256(SpkiDer(key.get())));
  EXPECT_EQ(from_pem->key_id(), from_der->key_id());
}

TEST(PublicKeyTest, OtherAlgorithmsAreRefused) {
  const auto bits = static_cast<std::size_t>(2048);
  const OpensslPtr<EVP_PKEY> others[] = {
      EcKey("P-384"),
      EcKey("P-521"),
      EcKey("secp256k1"),
      OpensslPtr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits)),
      OpensslPtr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")),
      OpensslPtr<EVP_PKEY>(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"))};

  for (const auto& key : others) {
    ASSERT_NE(key, nullptr);

    EXPECT_EQ(PublicKey::FromSpkiDer(SpkiDer(key.get())).status().code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(PublicKey::FromPem(PublicPem(key.get())).ok());
    EXPECT_FALSE(SigningKey::FromPem(PrivatePem(key.get())).ok());
  }
}

TEST(PublicKeyTest, WhatIsNoKeyIsRefused) {
  const std::string der = SpkiDer(EcKey("P-256").get());

  EXPECT_FALSE(PublicKey::FromSpkiDer("").ok());
  EXPECT_FALSE(PublicKey::FromSpkiDer("key").ok());
  EXPECT_FALSE(PublicKey::FromSpkiDer(der + "x").ok());
  EXPECT_FALSE(PublicKey::FromSpkiDer(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(PublicKey::FromPem("").ok());
  EXPECT_FALSE(PublicKey::FromCertificateDer(der).ok());
}

TEST(PublicKeyTest, AnEd25519KeyIsMadeOfItsBytes) {
  const PublicKey key = testing::NewKey(/*ed25519=*/true).public_key();

  const std::string bytes = key.Ed25519Bytes().value();

  EXPECT_EQ(bytes.size(), 32u);
  EXPECT_EQ(PublicKey::FromEd25519(bytes).value().key_id(), key.key_id());
  EXPECT_FALSE(PublicKey::FromEd25519(bytes.substr(1)).ok());
  EXPECT_FALSE(PublicKey::FromEd25519(bytes + "x").ok());
  EXPECT_FALSE(testing::NewKey().public_key().Ed25519Bytes().ok());
}

TEST(SigningKeyTest, AKeyWithAPasswordIsRefusedWithoutAsking) {
  const OpensslPtr<EVP_PKEY> key = EcKey("P-256");

  auto read = SigningKey::FromPem(PrivatePem(key.get(), "secret"));

  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("password"));
}

class KeyFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string path_ = ::testing::TempDir() + "key-" +
                            ToHex(testing::NewKey().public_key().key_id());
  const std::string pem_ = PrivatePem(EcKey("P-256").get());
};

TEST_F(KeyFileTest, IsReadIfItsOwnerAloneMay) {
  for (const mode_t mode : {0600, 0400}) {
    Write(pem_, mode);
    EXPECT_TRUE(SigningKey::FromPemFile(path_).ok()) << mode;
    std::filesystem::remove(path_);
  }
}

TEST_F(KeyFileTest, IsRefusedIfOthersMayReadIt) {
  for (const mode_t mode : {0640, 0604, 0620, 0610, 0644, 0777}) {
    Write(pem_, mode);

    EXPECT_EQ(SigningKey::FromPemFile(path_).status().code(),
              absl::StatusCode::kPermissionDenied)
        << mode;
  }
}

TEST_F(KeyFileTest, SaysWhichFileIsMissingOrWrong) {
  auto missing = SigningKey::FromPemFile(path_);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr(path_));

  Write("no key", 0600);
  auto wrong = SigningKey::FromPemFile(path_);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr(path_));
}

std::string Bytes(const google::protobuf::Value& one,
                  const std::string& field) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(testing::TextOf(one, field), &bytes));
  return bytes;
}

TEST(DsseVectorsTest, AgreeWithGo) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  auto vectors = testing::ReadVectors("dsse.json");
  ASSERT_TRUE(vectors.ok()) << vectors.status();

  int cases = 0;
  for (const auto& one : vectors->fields().at("cases").list_value().values()) {
    const std::string name =
        testing::TextOf(one, "case") + ", " + testing::TextOf(one, "algorithm");
    auto key = PublicKey::FromPem(testing::TextOf(one, "public_key_pem"));
    ASSERT_TRUE(key.ok()) << name << ": " << key.status();
    const std::string pae = DssePae(testing::TextOf(one, "payload_type"),
                                    Bytes(one, "header_base64"));

    EXPECT_EQ(pae, Bytes(one, "pae_base64")) << name;
    EXPECT_EQ(ToHex(key->key_id()), testing::TextOf(one, "key_id_hex")) << name;
    EXPECT_EQ(key->Verify(pae, Bytes(one, "signature_base64")).ok(),
              testing::TruthOf(one, "valid"))
        << name;
    ++cases;
  }
  EXPECT_GT(cases, 40);
}

}  // namespace
}  // namespace gaceta
