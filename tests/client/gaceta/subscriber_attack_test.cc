// A server that lies: whatever it does, nothing that does not hold is
// delivered.
#include <atomic>
#include <functional>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "subscriber_fixture.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;

// One entry, found by its position, and the message that it is in.
using Change = std::function<void(v1::SubscribeResponse* message, int index)>;

class SubscriberAttackTest : public SubscriberTest {
 protected:
  static constexpr std::int64_t kBad = 5;

  void SetUp() override {
    SubscriberTest::SetUp();
    relay_->PublishMany(9);
  }

  // Changes the message that has entry kBad.
  void Attack(const Change& change) {
    relay_->OnSend([change](v1::SubscribeResponse* message) {
      for (int i = 0; i < message->entries_size(); ++i) {
        if (message->entries(i).position() == kBad) {
          change(message, i);
          return;
        }
      }
    });
  }

  // Leaves the payload of an entry out, and says why.
  void Omit(std::int64_t position, v1::Entry::Omission omission) {
    relay_->OnSend([position, omission](v1::SubscribeResponse* message) {
      for (v1::Entry& entry : *message->mutable_entries()) {
        if (entry.position() != position) continue;
        entry.clear_payload();
        entry.set_omission(omission);
      }
    });
  }

  // What comes before `position` is delivered; then it stops, for this reason,
  // for good.
  void ExpectStopsBefore(std::int64_t position, const std::string& reason) {
    ExpectDelivers(64, position, reason);
    ExpectDelivers(1, position, reason);
  }
  // The leaf itself is another: of its message nothing is proved to be in the
  // log.
  void ExpectStopsAtTheMessage(const std::string& reason) {
    ExpectDelivers(64, 0, reason);
    ExpectDelivers(1, kBad, reason);
  }
  void ExpectDelivers(int message_entries, std::int64_t end,
                      const std::string& reason) {
    relay_->SetMessageEntries(message_entries);
    Subscribe(Options());

    EXPECT_EQ(ReadTo(10), Range(0, end));
    EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
    EXPECT_EQ(Reason(status_), reason) << status_;
    EXPECT_EQ(Next().status(), status_);
  }

  static void ChangeLeaf(v1::Entry* entry,
                         const std::function<void(v1::Leaf*)>& change) {
    v1::Leaf leaf;
    ASSERT_TRUE(leaf.ParseFromString(entry->leaf()));
    change(&leaf);
    entry->set_leaf(leaf.SerializeAsString());
  }
};

TEST_F(SubscriberAttackTest, AlteredPayload) {
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries(i)->mutable_payload()->back() ^= 1;
  });

  ExpectStopsBefore(kBad, "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(SubscriberAttackTest, AlteredSignature) {
  Attack([](v1::SubscribeResponse* message, int i) {
    ChangeLeaf(message->mutable_entries(i),
               [](v1::Leaf* leaf) { leaf->mutable_signature()->back() ^= 1; });
  });

  ExpectStopsAtTheMessage("BAD_SIGNATURE");
}

TEST_F(SubscriberAttackTest, AlteredHeader) {
  Attack([](v1::SubscribeResponse* message, int i) {
    ChangeLeaf(message->mutable_entries(i), [](v1::Leaf* leaf) {
      v1::StatementHeader header;
      header.ParseFromString(leaf->header());
      header.set_agency("someone-else");
      leaf->set_header(header.SerializeAsString());
    });
  });

  ExpectStopsAtTheMessage("BAD_SIGNATURE");
}

TEST_F(SubscriberAttackTest, KeyOfAnotherState) {
  const std::string other = relay_->federation().KeyId("MX");
  Attack([other](v1::SubscribeResponse* message, int i) {
    ChangeLeaf(message->mutable_entries(i),
               [&other](v1::Leaf* leaf) { leaf->set_key_id(other); });
  });

  ExpectStopsAtTheMessage("UNKNOWN_KEY");
}

TEST_F(SubscriberAttackTest, SwappedLeafAndPayload) {
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries(i)->set_payload("something else");
  });

  ExpectStopsBefore(kBad, "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(SubscriberAttackTest, PayloadThatIsSaidToBeOmitted) {
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries(i)->set_omission(v1::Entry::OMISSION_RESTRICTED);
  });

  ExpectStopsBefore(kBad, "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(SubscriberAttackTest, PayloadThatIsSaidToBeRestricted) {
  // The update is public.
  Omit(kBad, v1::Entry::OMISSION_RESTRICTED);

  ExpectStopsAtTheMessage("PAYLOAD_WITHHELD");
}

TEST_F(SubscriberAttackTest, PayloadThatIsSaidToBeErased) {
  Omit(kBad, v1::Entry::OMISSION_ERASED);

  ExpectStopsAtTheMessage("PAYLOAD_WITHHELD");
}

TEST_F(SubscriberAttackTest, PayloadThatAStatementErasesMayBeLeftOut) {
  Omit(kBad, v1::Entry::OMISSION_ERASED);
  v1::RegistryChange change;
  change.add_items()->mutable_erasure()->set_position(kBad);
  change.mutable_items(0)->mutable_erasure()->set_ground("a court's order");
  relay_->ChangeRegistry(change);
  Subscribe(Options());

  EXPECT_EQ(ReadTo(11), Range(0, 11));
}

TEST_F(SubscriberAttackTest, TornLeaf) {
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries(i)->mutable_leaf()->resize(40);
  });

  ExpectStopsAtTheMessage("MALFORMED_STATEMENT");
}

TEST_F(SubscriberAttackTest, SameEntryTwice) {
  Attack([](v1::SubscribeResponse* message, int i) {
    const v1::Entry again = message->entries(i);
    *message->add_entries() = again;
    // Right behind the first.
    for (int k = message->entries_size() - 1; k > i + 1; --k) {
      message->mutable_entries()->SwapElements(k, k - 1);
    }
  });

  ExpectStopsAtTheMessage("POSITION_ORDER");
}

TEST_F(SubscriberAttackTest, SameEntryUnderAnotherPosition) {
  // GT's statement at 4 comes again in place of HN's at 5.
  const v1::Entry again = relay_->entries()[4];
  Attack([again](v1::SubscribeResponse* message, int i) {
    *message->mutable_entries(i) = again;
    message->mutable_entries(i)->set_position(kBad);
  });

  ExpectStopsAtTheMessage("CHAIN_BROKEN");
}

TEST_F(SubscriberAttackTest, ReorderedEntries) {
  relay_->OnSend([](v1::SubscribeResponse* message) {
    if (message->entries_size() > 6) {
      message->mutable_entries()->SwapElements(5, 6);
    }
  });

  // 6 before 5.
  ExpectDelivers(64, 0, "ENTRY_WITHHELD");
  SubscriberOptions options = Options();
  for (const char* state : {"GT", "HN", "MX"}) options.filter.add_states(state);
  Subscribe(options);
  ReadTo(10);
  EXPECT_EQ(Reason(status_), "POSITION_ORDER");
}

TEST_F(SubscriberAttackTest, ReorderedStatementsOfOnePublisher) {
  // GT's statements at 4 and 7 change places, and say that it is their own.
  relay_->OnSend([](v1::SubscribeResponse* message) {
    if (message->entries_size() < 8) return;
    message->mutable_entries()->SwapElements(4, 7);
    message->mutable_entries(4)->set_position(4);
    message->mutable_entries(7)->set_position(7);
  });

  ExpectDelivers(64, 0, "CHAIN_GAP");
}

TEST_F(SubscriberAttackTest, WithheldStatement) {
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries()->DeleteSubrange(i, 1);
  });

  ExpectStopsBefore(kBad, "ENTRY_WITHHELD");
}

TEST_F(SubscriberAttackTest, WithheldNewestStatements) {
  // The last of each state: no chain shows it.
  relay_->OnSend([](v1::SubscribeResponse* message) {
    for (int i = message->entries_size() - 1; i >= 0; --i) {
      if (message->entries(i).position() >= 7) {
        message->mutable_entries()->DeleteSubrange(i, 1);
      }
    }
  });

  ExpectStopsBefore(7, "ENTRY_WITHHELD");
}

TEST_F(SubscriberAttackTest, WithheldEntryOfWhatDoesNotPass) {
  SubscriberOptions options = Options();
  options.filter.add_topics("asylum-refuge");
  options.include_unmatched_headers = true;
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries()->DeleteSubrange(i, 1);
  });

  Subscribe(options);

  EXPECT_EQ(ReadTo(10), Range(0, kBad));
  EXPECT_EQ(Reason(status_), "ENTRY_WITHHELD") << status_;
}

TEST_F(SubscriberAttackTest, WithheldFirstStatementOfAStateThatIsFollowed) {
  relay_->OnSend([](v1::SubscribeResponse* message) {
    for (int i = 0; i < message->entries_size(); ++i) {
      if (message->entries(i).position() == 2) {
        message->mutable_entries()->DeleteSubrange(i, 1);
      }
    }
  });
  SubscriberOptions options = Options();
  options.filter.add_states("HN");

  Subscribe(options);

  EXPECT_EQ(ReadTo(10), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(Reason(status_), "CHAIN_GAP");
}

TEST_F(SubscriberAttackTest, WithheldStatementOfAStateThatIsFollowed) {
  SubscriberOptions options = Options();
  options.filter.add_states("HN");
  Attack([](v1::SubscribeResponse* message, int i) {
    message->mutable_entries()->DeleteSubrange(i, 1);
  });

  Subscribe(options);

  EXPECT_EQ(ReadTo(10), (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(Reason(status_), "CHAIN_GAP");
}

TEST_F(SubscriberAttackTest, GapIsNoneWhereTheFilterPassesOnlySome) {
  v1::Update other = FakeUpdate("HN", 50);
  other.mutable_instrument()->set_topics(0, "asylum-refuge");
  relay_->Publish("HN", other);
  relay_->Publish("HN", FakeUpdate("HN", 51));
  SubscriberOptions options = Options();
  options.filter.add_states("HN");
  options.filter.add_topics("entry-visa");

  Subscribe(options);

  EXPECT_EQ(ReadTo(12), (std::vector<std::int64_t>{0, 2, 5, 8, 11}));
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(SubscriberAttackTest, ProgressThatGoesBack) {
  relay_->OnSend([](v1::SubscribeResponse* message) {
    message->mutable_progress()->set_next_position(2);
  });

  // Below what the message shows.
  ExpectDelivers(64, 0, "MALFORMED_STREAM");
  // It jumps first.
  ExpectDelivers(1, 1, "ENTRY_WITHHELD");
}

TEST_F(SubscriberAttackTest, ProgressThatJumpsHidesNothing) {
  // The server says that it has sent all below 8, and then sends what it had
  // kept back.
  relay_->SetMessageEntries(1);
  relay_->OnSend([](v1::SubscribeResponse* message) {
    if (message->progress().next_position() == 5) {
      message->mutable_progress()->set_next_position(8);
    }
  });

  Subscribe(Options());
  EXPECT_EQ(ReadTo(11), Range(0, 5));
  EXPECT_EQ(Reason(status_), "ENTRY_WITHHELD");

  SubscriberOptions options = Options();
  for (const char* state : {"GT", "HN", "MX"}) options.filter.add_states(state);
  Subscribe(options);
  EXPECT_EQ(ReadTo(11), Range(0, 5));
  EXPECT_EQ(Reason(status_), "POSITION_ORDER");
}

TEST_F(SubscriberAttackTest, AnotherLogIsAWrongSettingWithoutEvidence) {
  relay_->SetLogOrigin("other.example/log");
  SubscriberOptions options = Options();
  options.evidence_folder = folder_ / "evidence";

  Subscribe(options);

  const absl::Status status = Next().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "WRONG_LOG");
  EXPECT_EQ(status.message(),
            "log_origin says hub.gaceta.example/log, the hub has "
            "other.example/log");
  EXPECT_FALSE(std::filesystem::exists(options.evidence_folder));
}

TEST_F(SubscriberAttackTest, ShortenedLogAfterAReconnect) {
  Subscribe(Options());
  ASSERT_EQ(ReadTo(10), Range(0, 10));

  relay_->Shorten(8);
  relay_->CutBefore(10);

  EXPECT_EQ(Reason(Next().status()), "LOG_SHORTENED");
}

TEST_F(SubscriberAttackTest, MissingRegistryStatement) {
  RotateKey();
  relay_->HideFromRegistry(10);
  relay_->PublishMany(3);
  SubscriberOptions options = Options();
  options.start = Start::Position(11);

  Subscribe(options);

  // HN's key was brought by what is missing.
  EXPECT_EQ(ReadTo(13), Range(11, 12));
  EXPECT_EQ(Reason(status_), "UNKNOWN_KEY") << status_;
}

TEST_F(SubscriberAttackTest, WithoutALogPolicyNothingIsShown) {
  relay_->HideFromRegistry(0);
  SubscriberOptions options = Options();
  std::atomic<int> tries = 0;
  options.on_disconnect = [&tries](const absl::Status& why, absl::Duration) {
    EXPECT_EQ(Reason(why), "NO_LOG_POLICY") << why;
    ++tries;
  };
  Subscribe(options);
  relay_->AwaitOpens(3);

  EXPECT_TRUE(
      absl::IsDeadlineExceeded(subscriber_->Next(absl::Now()).status()));
  EXPECT_GE(tries, 1);
  // And all of it once the server gives up.
  relay_->HideFromRegistry(-1);
  EXPECT_EQ(ReadTo(10), Range(0, 10));
}

TEST_F(SubscriberAttackTest, RootOfAnotherFederation) {
  auto other = FakeRelay::Start({"GT", "HN"});
  ASSERT_TRUE(other.ok());
  SubscriberOptions options = Options();
  options.source.root_pem = (*other)->source().root_pem;

  Subscribe(options);

  EXPECT_EQ(Reason(Next().status()), "UNKNOWN_KEY") << Next().status();
}

// --- Keys that come and go
// -------------------------------------------------------------

using SubscriberKeysTest = SubscriberTest;

TEST_F(SubscriberKeysTest, EachEntryIsCheckedByTheKeysOfItsTime) {
  relay_->PublishMany(6);
  const std::int64_t rotation = RotateKey();
  relay_->PublishMany(6);

  // In one message, and begun anywhere around the change.
  for (std::int64_t start = 0; start <= rotation + 2; ++start) {
    SubscriberOptions options = Options();
    options.start = Start::Position(start);
    Subscribe(options);

    EXPECT_EQ(ReadTo(14), Range(start, 14));
    EXPECT_TRUE(status_.ok()) << status_;
  }
}

TEST_F(SubscriberKeysTest, RevokedKeySignsNothingMore) {
  relay_->PublishMany(3);
  v1::RegistryChange change;
  v1::SignerKeyRevocation* revocation =
      change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(relay_->federation().KeyId("HN"));
  revocation->set_ground("stolen");
  relay_->ChangeRegistry(change);
  relay_->Publish("HN", FakeUpdate("HN", 99));

  Subscribe(Options());

  EXPECT_EQ(ReadTo(6), Range(0, 5));
  EXPECT_EQ(Reason(status_), "UNKNOWN_KEY");
  EXPECT_THAT(status_.message(), HasSubstr("revoked"));
}

}  // namespace
}  // namespace gaceta::client
