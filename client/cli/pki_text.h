// How `gaceta pki` writes what certificates say.
#ifndef GACETA_CLIENT_CLI_PKI_TEXT_H_
#define GACETA_CLIENT_CLI_PKI_TEXT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pki/inspect.h"
#include "pki/pki_folder.h"

namespace gaceta::cli {

// A file that `inspect` read.
struct InspectedFile {
  std::string path;
  std::vector<pki::CertificateFacts> certificates;
  // Of a file that holds no certificate but a private key: its key's id.
  std::string key_id;
  // The root that the chain was checked against; empty if it was not checked.
  std::string root_file;
  // Whether the chain held.
  absl::Status chain;
};

// Writes what was made, for whom, where, and until when.
void PrintMade(std::ostream& out, const pki::PkiFolder::Files& files,
               const pki::CertificateFacts& facts);
// The same as one JSON object.
void PrintMadeJson(std::ostream& out, const pki::PkiFolder::Files& files,
                   const pki::CertificateFacts& facts);

// Writes a file's certificates one below the other. `now` decides which have
// ended.
void PrintInspected(std::ostream& out, const InspectedFile& file,
                    absl::Time now);
// The same as one JSON object in one line.
void PrintInspectedJson(std::ostream& out, const InspectedFile& file,
                        absl::Time now);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PKI_TEXT_H_
