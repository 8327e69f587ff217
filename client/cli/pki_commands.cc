#include "cli/pki_commands.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "cli/output.h"
#include "cli/pki_text.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "pki/inspect.h"
#include "pki/pki_folder.h"
#include "pki/roles.h"
#include "verify/keys.h"

namespace gaceta::cli {
namespace {

constexpr int kRootDays = 20 * 365;
constexpr int kCaDays = 5 * 365;
constexpr int kLeafDays = 365;
// A signer's key is in the registry; a new one takes a statement of the
// secretariat.
constexpr int kSignerDays = 5 * 365;
constexpr int kMaxDays = 100 * 365;

// What the verbs that make something are told.
struct MakeFlags {
  std::string folder;
  std::string federation;
  std::string member;
  std::string path;
  // Of a CA.
  pki::MemberNames names;
  // Of a server's leaf.
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  bool ed25519 = false;
  // 0 if not given.
  int days = 0;
};

// From an hour ago on, since clocks differ, for so many days from now.
struct Period {
  absl::Time not_before;
  absl::Duration validity;
};

Period PeriodOf(int days) {
  constexpr absl::Duration kClockSkew = absl::Hours(1);
  return {absl::Now() - kClockSkew, kClockSkew + absl::Hours(24) * days};
}

absl::StatusOr<int> Report(CliContext& context,
                           const absl::StatusOr<pki::PkiFolder::Made>& made) {
  if (!made.ok()) return made.status();
  auto facts = pki::ReadCertificates(made->pair.certificate_pem);
  if (!facts.ok()) return facts.status();
  if (context.output == OutputFormat::kJson) {
    PrintMadeJson(context.out, made->files, facts->front());
  } else {
    PrintMade(context.out, made->files, facts->front());
  }
  return kExitDone;
}

// Says which verb comes first where an issuer's file is missing.
absl::StatusOr<pki::PkiFolder::Made> WithNextStep(
    absl::StatusOr<pki::PkiFolder::Made> made, absl::string_view step) {
  if (!absl::IsNotFound(made.status())) return made;
  return absl::NotFoundError(
      absl::StrCat(made.status().message(), "; make it with: ", step));
}

absl::StatusOr<int> Root(CliContext& context, const MakeFlags& flags) {
  const Period period = PeriodOf(flags.days == 0 ? kRootDays : flags.days);
  return Report(context, pki::PkiFolder(flags.folder)
                             .AddRoot(flags.federation, period.not_before,
                                      period.validity));
}

absl::StatusOr<int> Ca(CliContext& context, const MakeFlags& flags) {
  const Period period = PeriodOf(flags.days == 0 ? kCaDays : flags.days);
  return Report(context,
                WithNextStep(pki::PkiFolder(flags.folder)
                                 .AddCa(flags.member, period.not_before,
                                        period.validity, flags.names),
                             absl::StrCat("gaceta pki root ", flags.folder,
                                          " --federation DOMAIN")));
}

absl::StatusOr<int> Leaf(CliContext& context, const MakeFlags& flags) {
  if (absl::Status s = pki::CheckRole(flags.member, flags.path); !s.ok()) {
    return UsageError(s.message());
  }
  const bool signer = flags.path == "signer";
  if (flags.ed25519 && !signer) {
    return UsageError(
        "--ed25519 is for a signer; TLS needs the default, ECDSA P-256");
  }
  const bool server = flags.path == "hub" || flags.path == "node";
  if (!server && !(flags.dns_names.empty() && flags.ip_addresses.empty())) {
    return UsageError(absl::StrCat(
        "--dns and --ip are for a server, hub or node: whoever has the name of "
        "a server is taken for it; ",
        flags.path, " has none"));
  }
  int days = flags.days;
  if (days == 0) days = signer ? kSignerDays : kLeafDays;
  const Period period = PeriodOf(days);
  pki::LeafOptions options;
  options.dns_names = flags.dns_names;
  options.ip_addresses = flags.ip_addresses;
  options.ed25519 = flags.ed25519;
  options.not_before = period.not_before;
  options.validity = period.validity;
  return Report(context,
                WithNextStep(pki::PkiFolder(flags.folder)
                                 .AddLeaf(flags.member, flags.path, options),
                             absl::StrCat("gaceta pki ca ", flags.folder, " ",
                                          flags.member)));
}

// Reads one file. A private key is named by its id and never shown.
absl::StatusOr<InspectedFile> ReadForInspection(const std::string& path,
                                                absl::string_view text) {
  InspectedFile file;
  file.path = path;
  auto certificates = pki::ReadCertificates(text);
  if (certificates.ok()) {
    file.certificates = *std::move(certificates);
    return file;
  }
  auto key = SigningKey::FromPem(text);
  if (!key.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " holds neither a certificate nor a private key in PEM"));
  }
  file.key_id = key->public_key().key_id();
  return file;
}

absl::StatusOr<int> Inspect(CliContext& context,
                            const std::vector<std::string>& paths,
                            const std::string& root_file) {
  const absl::Time now = absl::Now();
  std::string root;
  if (!root_file.empty()) {
    auto text = ReadFile(root_file);
    if (!text.ok()) return text.status();
    if (!pki::ReadCertificates(*text).ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(root_file, " holds no certificate in PEM"));
    }
    root = *std::move(text);
  }
  bool all_hold = true;
  for (const std::string& path : paths) {
    auto text = ReadFile(path);
    if (!text.ok()) return text.status();
    auto file = ReadForInspection(path, *text);
    if (!file.ok()) return file.status();
    if (!root_file.empty() && !file->certificates.empty()) {
      file->root_file = root_file;
      file->chain = pki::CheckChain(*text, root, now);
      all_hold = all_hold && file->chain.ok();
    }
    if (context.output == OutputFormat::kJson) {
      PrintInspectedJson(context.out, *file, now);
    } else {
      PrintInspected(context.out, *file, now);
    }
  }
  return all_hold ? kExitDone : kExitVerificationFailed;
}

using MakeAction = absl::StatusOr<int> (*)(CliContext&, const MakeFlags&);

// Makes `verb` run `action`, and gives it what all of them take.
void SetUp(CLI::App* verb, CliContext& context,
           const std::shared_ptr<MakeFlags>& flags, int default_days,
           MakeAction action) {
  verb->add_option(
          "--days", flags->days,
          absl::StrCat("For how many days from now; default ", default_days,
                       default_days == kLeafDays
                           ? absl::StrCat(", of a signer ", kSignerDays)
                           : ""))
      ->check(CLI::Range(1, kMaxDays).description(""))
      ->type_name("N");
  verb->callback([&context, flags, action] {
    context.run = [&context, flags, action] { return action(context, *flags); };
  });
}

void AddFolder(CLI::App* verb, MakeFlags* flags) {
  verb->add_option("folder", flags->folder, "Where certificates and keys are")
      ->required()
      ->type_name("DIR");
}

void AddMember(CLI::App* verb, MakeFlags* flags) {
  verb->add_option("member", flags->member,
                   "First label of its trust domain: hn, secretariat, or an "
                   "organisation's")
      ->required()
      ->type_name("NAME");
}

void AddRoot(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "root",
      "Makes the federation's root CA: DIR/root.pem and DIR/root.key.",
      "  gaceta pki root pki --federation gaceta.example\n"
      "  gaceta pki root pki --federation gaceta.example --days 3650\n\n"
      "It signs the CAs of members and nothing else. Keep root.key offline:\n"
      "who has it can make a CA for any member. root.pem goes to everybody.\n");
  auto flags = std::make_shared<MakeFlags>();
  AddFolder(verb, flags.get());
  verb->add_option("--federation", flags->federation,
                   "Domain of the federation; members are one label below it")
      ->required()
      ->type_name("DOMAIN");
  SetUp(verb, context, flags, kRootDays, Root);
}

void AddCa(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "ca",
      "Makes a member's CA, signed by the root: DIR/NAME/ca.pem and ca.key.",
      "  gaceta pki ca pki hn --host-name gaceta.migracion.gob.hn \\\n"
      "    --ip-address 192.0.2.17 --ip-address 2001:db8::17\n"
      "  gaceta pki ca pki secretariat --days 1825\n\n"
      "Critical name constraints keep it to the member's own names: the CA of\n"
      "hn cannot sign a certificate of gt, nor one for any other address. The\n"
      "registry takes them from ca.pem (gaceta registry member); another host\n"
      "name or address needs another CA certificate. Hand DIR/NAME to the\n"
      "member over a safe way; ca.key is the member's alone from then on.\n");
  auto flags = std::make_shared<MakeFlags>();
  AddFolder(verb, flags.get());
  AddMember(verb, flags.get());
  verb->add_option("--host-name", flags->names.host_names,
                   "A DNS name of the member's servers outside of the "
                   "federation's domain; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_option("--ip-address", flags->names.ip_addresses,
                   "An IPv4 or IPv6 address of the member's servers; may be "
                   "given again")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  SetUp(verb, context, flags, kCaDays, Ca);
}

void AddLeaf(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "leaf",
      "Makes the certificate of a server, program or person: DIR/NAME/*.pem.",
      "  gaceta pki leaf pki hn node\n"
      "  gaceta pki leaf pki hn agency/migracion\n"
      "  gaceta pki leaf pki hn signer --ed25519\n"
      "  gaceta pki leaf pki secretariat admin/ana --days 90\n\n"
      "The member's CA signs it. Its role says what it may do:\n"
      "  node              publishes for its state and follows the hub\n"
      "  signer            signs the member's statements; never connects\n"
      "  agency/NAME       submits to the node of its state\n"
      "  subscriber/NAME   reads what is relayed\n"
      "  admin/NAME        administers the node; of secretariat, the registry\n"
      "  hub               of secretariat: is the hub\n"
      "A hub or node has DNS names and IP addresses too, for gRPC clients of\n"
      "every language: node.hn.<federation> always, and all host names and\n"
      "addresses of its CA, or those of --dns and --ip. No other role has "
      "any.\n"
      "The .pem holds the leaf followed by its CA, as servers want it.\n");
  auto flags = std::make_shared<MakeFlags>();
  AddFolder(verb, flags.get());
  AddMember(verb, flags.get());
  verb->add_option("role", flags->path, "What it is, as listed below")
      ->required()
      ->type_name("ROLE");
  verb->add_option("--dns", flags->dns_names,
                   "A DNS name of a server, in place of all host names of its "
                   "CA; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_option("--ip", flags->ip_addresses,
                   "An address of a server, in place of all addresses of its "
                   "CA; may be given again")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  verb->add_flag("--ed25519", flags->ed25519,
                 "An Ed25519 key in place of ECDSA P-256; for a signer");
  SetUp(verb, context, flags, kLeafDays, Leaf);
}

void AddInspect(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "inspect",
      "Shows what certificates say, and checks their chain with --root.",
      "  gaceta pki inspect pki/hn/node.pem --root pki/root.pem\n"
      "  gaceta pki inspect pki/*/*.pem --output=json\n\n"
      "It shows whose they are, in which role, who signed them, how long they\n"
      "count, and the id of their key; of a private key the id only. It ends\n"
      "with code 3 if a chain does not hold under --root.\n");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto root = std::make_shared<std::string>();
  verb->add_option("files", *paths, "PEM files")->required()->type_name("FILE");
  verb->add_option("--root", *root, "The federation's root, PEM")
      ->type_name("FILE");
  verb->callback([&context, paths, root] {
    context.run = [&context, paths, root] {
      return Inspect(context, *paths,
                     root->empty() ? context.connection.root_file : *root);
    };
  });
}

}  // namespace

void AddPkiCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "pki", "Certificates and keys: root, ca, leaf, inspect");
  noun->require_subcommand(1);
  AddRoot(*noun, context);
  AddCa(*noun, context);
  AddLeaf(*noun, context);
  AddInspect(*noun, context);
}

}  // namespace gaceta::cli
