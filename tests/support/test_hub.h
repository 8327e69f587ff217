// A real hub in this process, with certificates, a registry and publishers.
#ifndef GACETA_TESTS_SUPPORT_TEST_HUB_H_
#define GACETA_TESTS_SUPPORT_TEST_HUB_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "pki/pki_folder.h"
#include "server/hub/hub.h"
#include "tests/support/child_process.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"
#include "verify/note.h"

namespace gaceta::testing {

// Nothing that a test awaits takes longer.
inline constexpr absl::Duration kLongest = absl::Seconds(120);

// A call that hangs ends the test, not the build.
void SetDeadline(grpc::ClientContext* context);

// Waits until `done` says so; false if it does not.
bool AwaitTrue(const std::function<bool()>& done,
               absl::Duration longest = kLongest);

// Certificates of a federation, valid now; leaves are made when they are first
// asked for. Members are named as in the registry: `HN`, `OAS`, `acnur`.
class TestPki {
 public:
  // The members besides the secretariat.
  explicit TestPki(const std::vector<std::string>& members);

  ServerTlsFiles Tls(const std::string& member, const std::string& path) const;
  SigningKey SignerKeyOf(const std::string& member) const;

  // Each member with its signer (states and the secretariat), the topics
  // `entry-visa` and `education`, and the corridor `north` of HN, GT and MX.
  v1::RegistryChange FirstChange() const;
  v1::RegistryItem MemberItem(const std::string& member) const;

  static std::string TrustDomainOf(const std::string& member);

 private:
  static std::string FolderOf(const std::string& member);
  std::string CaDer(const std::string& member) const;

  const std::vector<std::string> members_;
  const TempFolder folder_;
  const pki::PkiFolder pki_;
};

// HN, GT, MX and the observer `acnur`; one for the whole program.
const TestPki& SharedPki();

// Every method that fails ends the test program, as the builders do, unless it
// returns a Status.
class TestHub {
 public:
  struct Options {
    // Whether the registry is published at once, with a log policy of the hub's
    // key that asks for no witnesses.
    bool with_registry = true;
    std::function<void(HubOptions*)> adjust = [](HubOptions*) {};
    // Runs gaceta-hub, by default settings but for the rate of publishing, in
    // place of a hub in this process. Then hub() is not there, process() is.
    bool as_process = false;
  };

  TestHub() : TestHub(Options()) {}
  explicit TestHub(Options options);
  ~TestHub();

  // Stops, and starts again over the same folder at the same port.
  void Restart();
  void Stop();
  void Start();

  Hub& hub() { return *hub_; }
  ChildProcess& process() { return *process_; }
  // Configuration of gaceta-hub with the same settings.
  std::string WriteConfig() const;
  HubOptions hub_options() const;
  const std::string& folder() const { return folder_.path(); }
  const TestPki& pki() const { return SharedPki(); }

  // The key that signs the log's checkpoints.
  NoteKey log_key() const;
  // FirstChange() of the certificates, with that log policy.
  v1::RegistryChange FirstChange() const;

  // A new connection of `spiffe://<member's trust domain>/<path>`.
  std::shared_ptr<grpc::Channel> As(const std::string& member,
                                    const std::string& path) const;

  // Signs as `member`; goes on after what it has published here.
  TestPublisher& PublisherOf(const std::string& member);

  // Publishes over one stream and returns the answers, in order.
  std::vector<absl::StatusOr<v1::Receipt>> Publish(
      const std::string& member, const std::vector<v1::Statement>& statements);

  // Publishes the next statement of `member`; returns its position.
  Position PublishNext(const std::string& member, const v1::Update& update);
  Position PublishNext(const std::string& member, const StatementParts& parts);
  // The same for many, over one stream.
  void PublishMany(const std::string& member,
                   const std::vector<StatementParts>& parts);
  // A change of the registry that puts `items`.
  void ChangeRegistry(const std::vector<v1::RegistryItem>& items);
  void SuspendMember(const std::string& member);

 private:
  void StartProcess();

  const Options options_;
  const TempFolder folder_;
  int port_ = 0;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<ChildProcess> process_;
  std::map<std::string, TestPublisher> publishers_;
};

// A corridor of `states`, from sending to receiving.
v1::RegistryItem CorridorItem(const std::string& id,
                              const std::vector<std::string>& states);

// An update of `state` whose payload has about `bytes` bytes, with no rule
// broken.
v1::Update BigUpdate(absl::string_view state, int number, std::size_t bytes);

// What a status of gRPC says, details included.
std::string ReasonOf(const grpc::Status& status);

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SUPPORT_TEST_HUB_H_
