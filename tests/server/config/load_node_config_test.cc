#include "server/config/load_node_config.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;

constexpr char kLeast[] = R"(state: "HN"
federation: "gaceta.example"
tls { certificate_file: "node.pem" key_file: "node.key" root_file: "root.pem" }
signer_key_file: "signer.key"
hub: "hub.gaceta.example:7443"
)";

class LoadNodeConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<LoadedNodeConfig> Load(const std::string& text) {
    std::ofstream(path_) << text;
    return LoadNodeConfig(path_);
  }
  std::string Wrong(const std::string& text) {
    const absl::Status status = Load(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/node.textproto";
};

TEST_F(LoadNodeConfigTest, DefaultsAreThoseOfTheComments) {
  auto loaded = Load(kLeast);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const NodeOptions& options = loaded->options;
  EXPECT_EQ(options.state, "HN");
  EXPECT_EQ(options.log_origin, "hub.gaceta.example/log");
  EXPECT_EQ(options.listen_address, "0.0.0.0:7444");
  EXPECT_EQ(options.data_folder, "/var/lib/gaceta-node");
  EXPECT_EQ(options.signer_key_file, folder_.path() + "/signer.key");
  EXPECT_TRUE(options.mirror_documents);
  EXPECT_EQ(options.mirror_filter.ByteSizeLong(), 0U);
}

TEST_F(LoadNodeConfigTest, MetricsAreShownToThisMachineAlone) {
  const std::string text = kLeast;
  auto loaded = Load(text + "metrics_address: \"[::1]:9444\"\n");

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->metrics_address, "[::1]:9444");
  EXPECT_THAT(Wrong(text + "metrics_address: \"0.0.0.0:9444\"\n"),
              HasSubstr("metrics_address: is \"0.0.0.0:9444\", expected"));
}

TEST_F(LoadNodeConfigTest, ItConnectsToTheHubAsItself) {
  auto loaded = Load(kLeast);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const client::ConnectionOptions& hub = loaded->options.hub;
  EXPECT_EQ(hub.server, "hub.gaceta.example:7443");
  EXPECT_EQ(hub.server_id, "spiffe://secretariat.gaceta.example/hub");
  EXPECT_EQ(hub.certificate_file, folder_.path() + "/node.pem");
  EXPECT_EQ(hub.key_file, folder_.path() + "/node.key");
  EXPECT_EQ(hub.root_file, folder_.path() + "/root.pem");
}

TEST_F(LoadNodeConfigTest, AMirrorFilterIsTaken) {
  auto loaded = Load(std::string(kLeast) +
                     "mirror_filter { states: \"GT\" states: \"MX\" }\n"
                     "mirror_documents: false\n");

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->options.mirror_filter.states_size(), 2);
  EXPECT_FALSE(loaded->options.mirror_documents);
}

TEST_F(LoadNodeConfigTest, EverythingThatIsMissingIsSaidAtOnce) {
  const std::string wrong = Wrong("");

  for (const char* field :
       {"federation", "state", "signer_key_file", "hub", "tls.key_file"}) {
    EXPECT_THAT(wrong, HasSubstr(std::string(" ") + field + ": is "));
  }
}

TEST_F(LoadNodeConfigTest, AStateIsACode) {
  std::string text = kLeast;
  text.replace(text.find("HN"), 2, "Honduras");

  EXPECT_THAT(Wrong(text),
              HasSubstr(":1:1: state: is \"Honduras\", expected ISO 3166-1"));
}

TEST_F(LoadNodeConfigTest, AHubsPortIsNotAny) {
  std::string text = kLeast;
  text.replace(text.find(":7443"), 5, ":0");

  EXPECT_THAT(Wrong(text), HasSubstr(":5:1: hub: is"));
}

}  // namespace
}  // namespace gaceta
