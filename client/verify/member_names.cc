#include "verify/member_names.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "verify/ca_constraints.h"
#include "verify/ip_text.h"
#include "verify/openssl_ptr.h"
#include "verify/server_names.h"

namespace gaceta {
namespace {

using Names = google::protobuf::RepeatedPtrField<std::string>;

// How one name stands to another, as `lies below`; none if not at all.
std::optional<absl::string_view> Relation(absl::string_view name,
                                          absl::string_view other) {
  if (name == other) return "equals";
  if (IsWithin(name, other)) return "lies below";
  if (IsWithin(other, name)) return "contains";
  return std::nullopt;
}

// The last label of an IPv4 address in dotted decimal is a number, which no
// top-level domain is.
bool EndsInNumber(absl::string_view name) {
  const absl::string_view label = name.substr(name.rfind('.') + 1);
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

bool HasSame(const Names& a, const Names& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string SubjectOf(const X509* certificate) {
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : "";
}

// The members as a change leaves them, item by item.
using Members = std::map<std::string, const v1::Member*, std::less<>>;

// Checks one member item against all other members.
class MemberCheck {
 public:
  MemberCheck(std::string path, const v1::Member& member,
              const Members& members, const std::string& federation,
              std::vector<FieldViolation>* violations)
      : path_(std::move(path)),
        member_(member),
        members_(members),
        federation_(federation),
        violations_(violations) {}

  void Run() {
    CheckList("host_names", member_.host_names(),
              [this](const std::string& name) { return HostNameFault(name); });
    CheckList("ip_addresses", member_.ip_addresses(),
              [this](const std::string& text) { return AddressFault(text); });
    CheckCas();
  }

 private:
  void Fail(std::string field, std::string description) {
    violations_->push_back(
        {absl::StrCat(path_, field), std::move(description)});
  }

  // `fault_of` returns what is wrong with a single name; none if nothing is.
  template <typename FaultOf>
  void CheckList(absl::string_view field, const Names& names,
                 FaultOf fault_of) {
    if (names.size() > kMaxMemberNames) {
      Fail(std::string(field),
           absl::StrCat("has ", names.size(), ", expected at most ",
                        kMaxMemberNames));
      return;
    }
    std::set<absl::string_view> seen;
    for (int i = 0; i < names.size(); ++i) {
      std::optional<std::string> fault = fault_of(names[i]);
      if (!fault.has_value() && !seen.insert(names[i]).second) {
        fault = absl::StrCat("is \"", names[i], "\", which is there before");
      }
      if (fault.has_value()) {
        Fail(absl::StrCat(field, "[", i, "]"), *std::move(fault));
      }
    }
  }

  std::optional<std::string> HostNameFault(const std::string& name) const {
    if (absl::Status s = CheckHostName(name, federation_); !s.ok()) {
      return absl::StrCat("is ", s.message());
    }
    for (const auto& [id, other] : members_) {
      if (id == member_.id()) continue;
      for (const std::string& taken : other->host_names()) {
        if (const auto relation = Relation(name, taken)) {
          return absl::StrCat("is \"", name, "\", which ", *relation, " \"",
                              taken, "\", a host name of ", id);
        }
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> AddressFault(const std::string& text) const {
    if (auto bytes = ParseIpAddress(text); !bytes.ok()) {
      return absl::StrCat("is ", bytes.status().message());
    }
    for (const auto& [id, other] : members_) {
      if (id == member_.id()) continue;
      const Names& taken = other->ip_addresses();
      if (std::find(taken.begin(), taken.end(), text) != taken.end()) {
        return absl::StrCat("is \"", text, "\", an address of ", id);
      }
    }
    return std::nullopt;
  }

  void CheckCas() {
    const CaConstraints expected = MemberCaConstraints(
        member_.trust_domain(),
        {member_.host_names().begin(), member_.host_names().end()},
        {member_.ip_addresses().begin(), member_.ip_addresses().end()});
    for (int i = 0; i < member_.ca_certificates_size(); ++i) {
      const OpensslPtr<X509> ca = X509FromDer(member_.ca_certificates(i));
      // Federation::Check() refuses what does not parse.
      if (ca == nullptr) continue;
      for (const std::string& difference :
           CompareCaConstraints(ReadCaConstraints(ca.get()), expected)) {
        Fail(absl::StrCat("ca_certificates[", i, "]"),
             absl::StrCat("(", SubjectOf(ca.get()), ") ", difference));
      }
    }
    ERR_clear_error();
  }

  const std::string path_;
  const v1::Member& member_;
  const Members& members_;
  const std::string& federation_;
  std::vector<FieldViolation>* const violations_;
};

}  // namespace

absl::Status CheckHostName(absl::string_view name,
                           absl::string_view federation) {
  const auto invalid = [name](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name.substr(0, 100), "\", ", why));
  };
  if (!IsDnsName(name) || name.find('.') == absl::string_view::npos ||
      EndsInNumber(name)) {
    return invalid(
        "expected a DNS name in lower case, of two labels or more, as "
        "gaceta.migracion.gob.hn");
  }
  // All trust domains lie below the federation's name.
  if (const auto relation = Relation(name, federation)) {
    return invalid(absl::StrCat("which ", *relation, " \"", federation,
                                "\", the federation's name; the names of a "
                                "trust domain are its member's anyway"));
  }
  return absl::OkStatus();
}

std::vector<FieldViolation> CheckMemberNames(const Federation& registry,
                                             const v1::RegistryChange& change) {
  Members members;
  for (const auto& [id, member] : registry.members()) members[id] = &member;
  std::vector<FieldViolation> violations;
  for (int i = 0; i < change.items_size(); ++i) {
    if (!change.items(i).has_member()) continue;
    const v1::Member& member = change.items(i).member();
    const v1::Member*& place = members[member.id()];
    const bool is_same =
        place != nullptr && place->trust_domain() == member.trust_domain() &&
        HasSame(place->ca_certificates(), member.ca_certificates()) &&
        HasSame(place->host_names(), member.host_names()) &&
        HasSame(place->ip_addresses(), member.ip_addresses());
    place = &member;
    if (is_same) continue;
    MemberCheck(absl::StrCat("items[", i, "].member."), member, members,
                registry.name(), &violations)
        .Run();
  }
  return violations;
}

}  // namespace gaceta
