// Where `gaceta pki` keeps certificates and keys.
#ifndef GACETA_CLIENT_PKI_PKI_FOLDER_H_
#define GACETA_CLIENT_PKI_PKI_FOLDER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pki/pki.h"

namespace gaceta::pki {

// A folder of certificates (`.pem`) and private keys (`.key`):
//
//   root.pem  root.key                  the federation's root
//   hn/ca.pem  hn/ca.key                the CA of Honduras
//   hn/node.pem  hn/node.key            a leaf, followed by its CA
//   hn/agency-migracion.pem …           of `agency/migracion`
//   secretariat/hub.pem …               of the secretariat
//
// The root belongs to the secretariat, who keeps root.key offline; each member
// keeps its own folder. So a member's folder works without the root's files,
// and the root's without those of the members.
//
// Keys are made with mode 0600, folders with 0700; certificates follow the
// umask. Nothing is ever overwritten: kAlreadyExists names the file in the way,
// and nothing has changed then.
//
// Thread safety: all methods may be called concurrently, by several processes
// too.
//
// Errors: those of pki.h; kNotFound names the issuer's file that is missing.
class PkiFolder {
 public:
  struct Files {
    std::string certificate_file;
    std::string key_file;
  };
  // What was written, and where.
  struct Made {
    Files files;
    CertifiedKey pair;
  };

  // Creates nothing yet. An empty name means the current folder.
  explicit PkiFolder(std::string folder)
      : folder_(folder.empty() ? "." : std::move(folder)) {}

  // `member` is the first label of its trust domain, as `hn`; `path` that of
  // the SPIFFE ID, as `agency/migracion`.
  Files RootFiles() const;
  Files CaFiles(absl::string_view member) const;
  Files LeafFiles(absl::string_view member, absl::string_view path) const;

  absl::StatusOr<Made> AddRoot(absl::string_view federation,
                               absl::Time not_before,
                               absl::Duration validity) const;

  // Signed by the folder's root, whose federation completes the trust domain.
  absl::StatusOr<Made> AddCa(absl::string_view member, absl::Time not_before,
                             absl::Duration validity,
                             const MemberNames& names = {}) const;

  // Signed by the member's CA, whose trust domain it takes. Any path that a
  // SPIFFE ID may have is accepted; see CheckRole() for those of use.
  absl::StatusOr<Made> AddLeaf(absl::string_view member, absl::string_view path,
                               const LeafOptions& options) const;

 private:
  absl::StatusOr<Made> Write(const Files& files, CertifiedKey pair) const;

  const std::string folder_;
};

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_PKI_FOLDER_H_
