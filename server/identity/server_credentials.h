// TLS of the servers: who they are, and whom they let shake hands.
#ifndef GACETA_SERVER_IDENTITY_SERVER_CREDENTIALS_H_
#define GACETA_SERVER_IDENTITY_SERVER_CREDENTIALS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/security/server_credentials.h"
#include "server/identity/authorizer.h"
#include "verify/spiffe_id.h"

namespace gaceta {

struct ServerTlsFiles {
  // PEM: own certificate, then the CA certificate that signed it.
  std::string certificate_file;
  // PEM: readable by its owner alone.
  std::string key_file;
  // PEM: the federation's root.
  std::string root_file;
};

// What a certificate file says of its holder.
struct OwnIdentity {
  SpiffeId id;
  // When the leaf, or its CA if earlier, ends.
  absl::Time not_after;
};

// Reads and checks the files: they parse, fit one another, chain to the root
// now, and the key is private. Errors name the file and what is wrong.
absl::StatusOr<OwnIdentity> CheckTlsFiles(const ServerTlsFiles& files);

// A registry that knows the federation's root alone. Errors name the file.
absl::StatusOr<Federation> ReadFederationRoot(const std::string& root_file,
                                              const std::string& federation);

// Requires a client certificate, checks at each handshake that it chains to the
// root and, by the registry, that the CA is the trust domain's own. The files
// are read again when they change.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const ServerTlsFiles& files, Authorizer::FederationSource federation);

}  // namespace gaceta

#endif  // GACETA_SERVER_IDENTITY_SERVER_CREDENTIALS_H_
