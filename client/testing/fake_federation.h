// A federation in memory: its root, and a signing key for each of its members.
#ifndef GACETA_CLIENT_TESTING_FAKE_FEDERATION_H_
#define GACETA_CLIENT_TESTING_FAKE_FEDERATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/registry.pb.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "verify/note.h"
#include "verify/statement.h"

namespace gaceta::client {

// Makes entries as a hub would send them, signed and chained, with real keys
// and certificates. It keeps no log: FakeRelay does.
//
// The secretariat's first statement, First(), has the members, their keys, the
// topics `entry-visa` and `asylum-refuge`, the corridor `all` of all states
// (the first is sending, the last receiving, the others transit), and a log
// policy that asks for no witnesses.
//
// Thread safety: none.
class FakeFederation {
 public:
  static constexpr absl::string_view kName = "gaceta.example";
  static constexpr absl::string_view kLogOrigin = "hub.gaceta.example/log";

  // At least two states.
  static absl::StatusOr<std::unique_ptr<FakeFederation>> Create(
      std::vector<std::string> states);

  const std::string& root_pem() const { return root_pem_; }
  const std::vector<std::string>& states() const { return states_; }

  // The secretariat's first statement, with or without a log policy. Call once,
  // before any other.
  v1::Entry First(bool with_log_policy = true);
  // A statement of the secretariat.
  v1::Entry ChangeRegistry(v1::RegistryChange change);
  // A statement of a state. Fills in the nonce.
  v1::Entry Publish(const std::string& state, v1::Update update,
                    const v1::Audience& audience = {});
  // The same, under an id that was made before, of one of its agencies.
  v1::Entry Publish(const std::string& state, v1::Update update,
                    const v1::Audience& audience,
                    const std::string& statement_id, const std::string& agency);

  // A new key for a member, which signs from the next statement on. The item
  // says so to the registry: publish it with ChangeRegistry() first.
  absl::StatusOr<v1::RegistryItem> NewSigner(const std::string& member);
  // Key id of the key that a member signs with.
  std::string KeyId(const std::string& member) const;

  // Signs the log's checkpoints.
  const NoteSigner& log_signer() const { return *log_signer_; }
  // With it the node of a state cosigns them.
  const NoteSigner& witness(const std::string& state) const {
    return witnesses_.at(state);
  }
  // The policy that `quorum` states' nodes have to cosign, 0 for none, within
  // `grace`. `log` is the log's key.
  v1::RegistryItem LogPolicyItem(int quorum, absl::Duration grace,
                                 const NoteKey& log) const;
  v1::RegistryItem LogPolicyItem(int quorum, absl::Duration grace) const {
    return LogPolicyItem(quorum, grace, log_signer().public_key());
  }

 private:
  struct Member;

  explicit FakeFederation(std::vector<std::string> states);
  absl::Status MakeLogKeys();
  v1::Entry Sign(const std::string& publisher,
                 StatementSigner::Content content);

  std::string root_pem_;
  const std::vector<std::string> states_;
  std::map<std::string, std::shared_ptr<Member>> members_;
  std::unique_ptr<const NoteSigner> log_signer_;
  // By state.
  std::map<std::string, NoteSigner> witnesses_;
};

// A new key that signs notes.
absl::StatusOr<NoteSigner> NewNoteSigner(const std::string& name,
                                         NoteKeyType type);

// A valid update of `state` about the law of that number.
v1::Update FakeUpdate(const std::string& state, int number);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_TESTING_FAKE_FEDERATION_H_
