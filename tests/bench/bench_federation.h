// The federation that benchmarks run in: 35 states and the secretariat.
#ifndef GACETA_TESTS_BENCH_BENCH_FEDERATION_H_
#define GACETA_TESTS_BENCH_BENCH_FEDERATION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/v1/registry.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "pki/pki_folder.h"
#include "verify/keys.h"

namespace gaceta::bench {

inline constexpr absl::string_view kFederation = "gaceta.example";
inline constexpr absl::string_view kLogOrigin = "hub.gaceta.example/log";

// ISO 3166-1 alpha-2, as many as nodes may publish.
const std::vector<std::string>& States();

// The registry's log policy.
struct PolicyOptions {
  // The hub's log.key.pub.
  std::string log_key_file;
  // So many of States() are witnesses, the first ones.
  int witnesses = 0;
  // How many of them must cosign; 0: nobody has to.
  int quorum = 0;
};

// Its certificates are in a folder, so that a log filled once can be used
// again.
//
// Thread safety: all methods may be called concurrently.
class BenchFederation {
 public:
  explicit BenchFederation(std::string folder)
      : folder_path_(folder), folder_(std::move(folder)) {}

  // Makes all certificates: for each state a node, a signer and a subscriber,
  // for the secretariat the hub, a signer and an administrator. And the key
  // that each state's node cosigns with, cosigner.key.
  absl::Status Make() const;

  // What makes the registry, in parts that fit into a payload each.
  absl::StatusOr<std::vector<v1::RegistryChange>> Registry(
      const PolicyOptions& policy) const;

  absl::StatusOr<SigningKey> SignerOf(absl::string_view publisher) const;

  // Credentials of a leaf, as `hn` and `node`. Make them once for many
  // channels: they read files.
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsOf(
      absl::string_view member, absl::string_view path) const;

  pki::PkiFolder::Files FilesOf(absl::string_view member,
                                absl::string_view path) const {
    return folder_.LeafFiles(member, path);
  }
  std::string root_file() const { return folder_.RootFiles().certificate_file; }

 private:
  std::string CosignerKeyOf(absl::string_view member) const;
  absl::StatusOr<std::string> PolicyText(const PolicyOptions& policy) const;

  const std::string folder_path_;
  const pki::PkiFolder folder_;
};

// First label of a publisher's trust domain: `hn`, `secretariat`.
std::string MemberOf(absl::string_view publisher);

// A connection of its own to the hub at `server`.
std::shared_ptr<grpc::Channel> NewChannel(
    const std::string& server,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_BENCH_FEDERATION_H_
