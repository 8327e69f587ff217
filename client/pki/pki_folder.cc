#include "pki/pki_folder.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "pki/inspect.h"
#include "pki/new_file.h"
#include "verify/spiffe_id.h"

namespace gaceta::pki {
namespace {

PkiFolder::Files FilesAt(const std::string& stem) {
  return {absl::StrCat(stem, ".pem"), absl::StrCat(stem, ".key")};
}

// A member's name becomes the name of a folder, so it may hold no path.
absl::Status CheckMember(absl::string_view member) {
  const bool good =
      !member.empty() && std::all_of(member.begin(), member.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("member \"", member,
                   "\" is no first label of a trust domain; expected a-z 0-9 "
                   "-, as hn"));
}

absl::Status CheckAreFree(const PkiFolder::Files& files) {
  if (absl::Status s = CheckIsFree(files.key_file); !s.ok()) return s;
  return CheckIsFree(files.certificate_file);
}

absl::StatusOr<CertifiedKey> Read(const PkiFolder::Files& files) {
  auto certificate = ReadWholeFile(files.certificate_file);
  if (!certificate.ok()) return certificate.status();
  auto key = ReadWholeFile(files.key_file);
  if (!key.ok()) return key.status();
  return CertifiedKey{*std::move(certificate), *std::move(key)};
}

// The domain that a CA's certificate says it is for.
absl::StatusOr<std::string> DomainOf(const CertifiedKey& issuer,
                                     const std::string& file) {
  auto facts = ReadCertificates(issuer.certificate_pem);
  if (!facts.ok()) return Annotate(facts.status(), file);
  const CertificateFacts& first = facts->front();
  if (first.constraints.has_value() &&
      !first.constraints->permitted_uri_hosts.empty()) {
    return first.constraints->permitted_uri_hosts.front();
  }
  if (first.kind == CertificateFacts::Kind::kRoot && !first.uris.empty()) {
    return std::string(absl::StripPrefix(first.uris.front(), "spiffe://"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(file, " does not say which domain it is for"));
}

}  // namespace

PkiFolder::Files PkiFolder::RootFiles() const {
  return FilesAt(absl::StrCat(folder_, "/root"));
}

PkiFolder::Files PkiFolder::CaFiles(absl::string_view member) const {
  return FilesAt(absl::StrCat(folder_, "/", member, "/ca"));
}

PkiFolder::Files PkiFolder::LeafFiles(absl::string_view member,
                                      absl::string_view path) const {
  return FilesAt(absl::StrCat(folder_, "/", member, "/",
                              absl::StrReplaceAll(path, {{"/", "-"}})));
}

absl::StatusOr<PkiFolder::Made> PkiFolder::AddRoot(
    absl::string_view federation, absl::Time not_before,
    absl::Duration validity) const {
  const Files files = RootFiles();
  if (absl::Status s = CheckAreFree(files); !s.ok()) return s;
  auto pair = MakeRoot(federation, not_before, validity);
  if (!pair.ok()) return pair.status();
  return Write(files, *std::move(pair));
}

absl::StatusOr<PkiFolder::Made> PkiFolder::AddCa(
    absl::string_view member, absl::Time not_before, absl::Duration validity,
    const MemberNames& names) const {
  if (absl::Status s = CheckMember(member); !s.ok()) return s;
  const Files files = CaFiles(member);
  if (absl::Status s = CheckAreFree(files); !s.ok()) return s;
  auto root = Read(RootFiles());
  if (!root.ok()) return root.status();
  auto federation = DomainOf(*root, RootFiles().certificate_file);
  if (!federation.ok()) return federation.status();
  auto pair = MakeCa(*root, absl::StrCat(member, ".", *federation), not_before,
                     validity, names);
  if (!pair.ok()) return pair.status();
  return Write(files, *std::move(pair));
}

absl::StatusOr<PkiFolder::Made> PkiFolder::AddLeaf(
    absl::string_view member, absl::string_view path,
    const LeafOptions& options) const {
  if (absl::Status s = CheckMember(member); !s.ok()) return s;
  auto ca = Read(CaFiles(member));
  if (!ca.ok()) return ca.status();
  auto domain = DomainOf(*ca, CaFiles(member).certificate_file);
  if (!domain.ok()) return domain.status();
  // Before the path becomes the name of a file: an ID has no `..` in it.
  auto id = SpiffeId::Parse(absl::StrCat("spiffe://", *domain, "/", path));
  if (!id.ok()) return id.status();
  const Files files = LeafFiles(member, path);
  if (absl::Status s = CheckAreFree(files); !s.ok()) return s;
  auto pair = MakeLeaf(*ca, *id, options);
  if (!pair.ok()) return pair.status();
  return Write(files, *std::move(pair));
}

absl::StatusOr<PkiFolder::Made> PkiFolder::Write(const Files& files,
                                                 CertifiedKey pair) const {
  if (absl::Status s = MakePrivateFolder(
          std::filesystem::path(files.key_file).parent_path().string());
      !s.ok()) {
    return s;
  }
  if (absl::Status s =
          WriteNewFile(files.key_file, pair.key_pem, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  if (absl::Status s = WriteNewFile(files.certificate_file,
                                    pair.certificate_pem, FileRights::kOutput);
      !s.ok()) {
    // This key has no certificate and never will: it was made just now, here.
    unlink(files.key_file.c_str());
    return s;
  }
  return Made{files, std::move(pair)};
}

}  // namespace gaceta::pki
