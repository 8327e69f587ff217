// urn:lex, the names of laws (RFC 9676), in the profile of proto/UPDATES.md.
#ifndef GACETA_SERVER_LAW_URN_LEX_H_
#define GACETA_SERVER_LAW_URN_LEX_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// `urn:lex:hn:poder.legislativo:decreto:2004-03-03;208~art5@2020-01-01:es`
class UrnLex {
 public:
  // kInvalidArgument says which part is wrong and what is expected.
  static absl::StatusOr<UrnLex> Parse(absl::string_view urn);

  // `urn:lex:br:federal:lei:2017-05-24;13445`, without part and version.
  const std::string& work() const { return work_; }
  // Two lower-case letters.
  const std::string& country() const { return country_; }
  // What follows `~`; empty if nothing does.
  const std::string& part() const { return part_; }
  // What follows `@` up to `:`; empty if nothing does.
  const std::string& version() const { return version_; }
  // What follows the version's `:`; empty if nothing does.
  const std::string& language() const { return language_; }

 private:
  std::string work_;
  std::string country_;
  std::string part_;
  std::string version_;
  std::string language_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LAW_URN_LEX_H_
