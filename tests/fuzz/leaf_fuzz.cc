#include <string>

#include "gaceta/v1/statement.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/statements.h"
#include "verify/entry_verifier.h"

namespace gaceta::fuzz {
namespace {

struct Fixture {
  const testing::TestFederation federation{{"HN"}};
  const Federation registry = federation.Full();
  const SigningKey key = federation.SignerKeyOf("HN");
  const EntryVerifier::Options options{std::string(testing::kLogOrigin)};
};

// What a reader does with an entry without its payload.
void Read(const Fixture& fixture, const std::string& leaf, bool is_signed) {
  v1::Entry entry;
  entry.set_position(7);
  entry.set_leaf(leaf);
  entry.set_omission(v1::Entry::OMISSION_RESTRICTED);
  const auto verified =
      EntryVerifier::CheckAlone(entry, fixture.options, fixture.registry);
  if (!verified.ok()) return;
  Require(is_signed, "no stranger signs for a state");
  Require(verified->header.publisher() == "HN", "HN's key signs for HN alone");
  Require(verified->header.log_origin() == testing::kLogOrigin,
          "a statement is meant for its log");
  EntryVerifier reader(fixture.options, fixture.registry);
  if (!reader.CheckInOrder(*verified).ok()) return;
  Require(!reader.CheckInOrder(*verified).ok(), "an entry comes once");
}

void FuzzLeaf(absl::string_view bytes) {
  static const auto* const fixture = new Fixture;
  Read(*fixture, std::string(bytes), /*is_signed=*/false);

  // Behind the signature stands more that must not fall: so sign whatever came.
  v1::Leaf leaf;
  if (!leaf.ParseFromString(std::string(bytes))) return;
  const std::string written = leaf.SerializeAsString();
  v1::Leaf again;
  Require(
      again.ParseFromString(written) && again.SerializeAsString() == written,
      "a leaf stays the same");
  leaf.set_key_id(fixture->key.public_key().key_id());
  leaf.set_signature(
      fixture->key.Sign(DssePae(kStatementHeaderType, leaf.header())).value());
  Read(*fixture, leaf.SerializeAsString(), /*is_signed=*/true);
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzLeaf(gaceta::fuzz::TextOf(data, size));
  return 0;
}
