// What the tests of the Subscriber share.
#ifndef GACETA_TESTS_CLIENT_GACETA_SUBSCRIBER_FIXTURE_H_
#define GACETA_TESTS_CLIENT_GACETA_SUBSCRIBER_FIXTURE_H_

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gaceta/subscriber.h"
#include "gtest/gtest.h"
#include "testing/fake_relay.h"

namespace gaceta::client {

class SubscriberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto relay = FakeRelay::Start({"GT", "HN", "MX"});
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    folder_ =
        std::filesystem::path(::testing::TempDir()) /
        absl::StrCat(
            "subscriber-", getpid(), "-",
            ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    subscriber_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Everything from the beginning, impatient.
  SubscriberOptions Options() const {
    SubscriberOptions options;
    options.source = relay_->source();
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(5), 2};
    options.verify_threads = 2;
    return options;
  }
  std::string CursorFile() const { return (folder_ / "cursor").string(); }

  void Subscribe(SubscriberOptions options) {
    subscriber_.reset();
    auto subscriber = Subscriber::Create(std::move(options));
    ASSERT_TRUE(subscriber.ok()) << subscriber.status();
    subscriber_ = *std::move(subscriber);
  }

  absl::StatusOr<Delivery> Next() {
    return subscriber_->Next(absl::Now() + absl::Seconds(30));
  }

  // Reads until everything below `end` is there, or Next() fails. Keeps the
  // status that it ended with in `status_`.
  std::vector<std::int64_t> ReadTo(std::int64_t end) {
    std::vector<std::int64_t> positions;
    status_ = absl::OkStatus();
    while (true) {
      auto delivery = Next();
      if (!delivery.ok()) {
        status_ = delivery.status();
        return positions;
      }
      for (const VerifiedEntry& entry : delivery->entries) {
        positions.push_back(entry.position);
      }
      next_position_ = delivery->next_position;
      if (next_position_ >= end) return positions;
    }
  }

  // HN gets a new key, and its old one is revoked. Returns where.
  std::int64_t RotateKey() {
    v1::RegistryChange change;
    v1::SignerKeyRevocation* revocation =
        change.add_items()->mutable_signer_key_revocation();
    revocation->set_key_id(relay_->federation().KeyId("HN"));
    revocation->set_ground("rotation");
    auto signer = relay_->federation().NewSigner("HN");
    EXPECT_TRUE(signer.ok()) << signer.status();
    *change.add_items() = *signer;
    return relay_->ChangeRegistry(change);
  }

  // Positions from `begin` up to `end`.
  static std::vector<std::int64_t> Range(std::int64_t begin, std::int64_t end) {
    std::vector<std::int64_t> positions;
    for (std::int64_t p = begin; p < end; ++p) positions.push_back(p);
    return positions;
  }

  std::unique_ptr<FakeRelay> relay_;
  std::filesystem::path folder_;
  std::unique_ptr<Subscriber> subscriber_;
  absl::Status status_;
  std::int64_t next_position_ = 0;
};

}  // namespace gaceta::client

#endif  // GACETA_TESTS_CLIENT_GACETA_SUBSCRIBER_FIXTURE_H_
