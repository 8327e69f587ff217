#include "server/identity/server_credentials.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned kReloadSeconds = 10;

// The one URI name of a leaf, parsed strictly.
absl::StatusOr<SpiffeId> SpiffeIdOf(X509* leaf) {
  const std::vector<std::string> uris = X509Uris(leaf);
  if (uris.size() != 1) {
    return absl::UnauthenticatedError(
        absl::StrCat("certificate has ", uris.size(),
                     " URI names, expected exactly one SPIFFE ID"));
  }
  return SpiffeId::Parse(uris[0]);
}

// Checks a leaf by `federation`. `chain_pem` is what the peer sent: a server's
// OpenSSL leaves the leaf out of it, a client's does not.
absl::StatusOr<SpiffeId> CheckChain(absl::string_view leaf_pem,
                                    absl::string_view chain_pem,
                                    const Federation& federation) {
  const std::vector<OpensslPtr<X509>> leaf = X509sFromPem(leaf_pem);
  if (leaf.empty()) return absl::UnauthenticatedError("no certificate");
  auto id = SpiffeIdOf(leaf[0].get());
  if (!id.ok()) return id.status();
  std::vector<std::string> intermediates;
  for (const OpensslPtr<X509>& certificate : X509sFromPem(chain_pem)) {
    intermediates.push_back(X509ToDer(certificate.get()));
  }
  if (absl::Status s = federation.CheckLeaf(*id, X509ToDer(leaf[0].get()),
                                            intermediates, absl::Now());
      !s.ok()) {
    return s;
  }
  return id;
}

// Lets a client shake hands whose CA is, by the registry, its trust domain's.
class ClientVerifier : public tls::ExternalCertificateVerifier {
 public:
  explicit ClientVerifier(Authorizer::FederationSource federation)
      : federation_(std::move(federation)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/,
              grpc::Status* sync_status) override {
    const grpc::string_ref leaf = request->peer_cert();
    const grpc::string_ref chain = request->peer_cert_full_chain();
    auto id = CheckChain(absl::string_view(leaf.data(), leaf.size()),
                         absl::string_view(chain.data(), chain.size()),
                         *federation_());
    if (!id.ok()) {
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                  std::string(id.status().message()));
    }
    return true;
  }

  void Cancel(tls::TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  const Authorizer::FederationSource federation_;
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

absl::Time NotAfter(const X509* certificate) {
  struct tm parts {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
    return absl::InfinitePast();
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Status CheckKey(const std::string& path, X509* certificate) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " can be read by others; run chmod 600 ", path));
  }
  auto pem = ReadFile(path);
  if (!pem.ok()) return pem.status();
  const OpensslPtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(BioOf(*pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no private key in PEM"));
  }
  if (X509_check_private_key(certificate, key.get()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not the key of the certificate"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Federation> ReadFederationRoot(const std::string& root_file,
                                              const std::string& federation) {
  auto root = ReadFile(root_file);
  if (!root.ok()) return root.status();
  auto result = Federation::Create(*root, federation);
  return result.ok() ? std::move(result) : Annotate(result.status(), root_file);
}

absl::StatusOr<OwnIdentity> CheckTlsFiles(const ServerTlsFiles& files) {
  auto pem = ReadFile(files.certificate_file);
  if (!pem.ok()) return pem.status();
  const std::vector<OpensslPtr<X509>> chain = X509sFromPem(*pem);
  if (chain.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(files.certificate_file, " holds no certificate in PEM"));
  }
  auto id = SpiffeIdOf(chain[0].get());
  if (!id.ok()) return Annotate(id.status(), files.certificate_file);
  if (absl::Status s = CheckKey(files.key_file, chain[0].get()); !s.ok()) {
    return s;
  }

  // The federation's name is what follows the first label of the trust domain.
  const std::string& domain = id->trust_domain();
  const std::size_t dot = domain.find('.');
  if (dot == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(files.certificate_file, ": trust domain ", domain,
                     " is not <member>.<federation>"));
  }
  auto federation = ReadFederationRoot(files.root_file, domain.substr(dot + 1));
  if (!federation.ok()) return federation.status();
  if (auto checked = CheckChain(*pem, *pem, *federation); !checked.ok()) {
    return Annotate(checked.status(), files.certificate_file);
  }

  absl::Time not_after = absl::InfiniteFuture();
  for (const OpensslPtr<X509>& certificate : chain) {
    not_after = std::min(not_after, NotAfter(certificate.get()));
  }
  return OwnIdentity{*id, not_after};
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ServerTlsFiles& files, Authorizer::FederationSource federation) {
  if (auto own = CheckTlsFiles(files); !own.ok()) return own.status();

  tls::TlsServerCredentialsOptions options(
      std::make_shared<tls::FileWatcherCertificateProvider>(
          files.key_file, files.certificate_file, files.root_file,
          kReloadSeconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<ClientVerifier>(
          std::move(federation)));
  return tls::TlsServerCredentials(options);
}

}  // namespace gaceta
