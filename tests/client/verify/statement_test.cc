#include "verify/statement.h"

#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(status)) {
    EXPECT_FALSE(violation.description.empty()) << violation.field;
    fields.push_back(violation.field);
  }
  return fields;
}

// A header that is whole, second in its chain.
v1::StatementHeader GoodHeader() {
  v1::StatementHeader header;
  header.set_log_origin(std::string(testing::kLogOrigin));
  header.set_publisher("HN");
  header.set_agency("migracion");
  header.set_statement_id("0b8a1c1e-1d0f-4f0c-9a53-0c2d5a9d2f11");
  header.set_sequence(2);
  header.set_previous_digest(Sha256("first"));
  header.set_payload_type("gaceta.v1.Update");
  header.set_payload_digest(Sha256("payload"));
  header.set_payload_size(7);
  header.mutable_signed_time()->set_seconds(1'772'366'400);
  return header;
}

struct HeaderCase {
  std::string name;
  std::function<void(v1::StatementHeader&)> change;
};

void PrintTo(const HeaderCase& one, std::ostream* out) { *out << one.name; }

std::string HeaderCaseName(const ::testing::TestParamInfo<HeaderCase>& info) {
  return info.param.name;
}

class GoodHeaderTest : public ::testing::TestWithParam<HeaderCase> {};

TEST_P(GoodHeaderTest, IsRead) {
  v1::StatementHeader header = GoodHeader();
  GetParam().change(header);

  auto parsed = ParseHeader(header.SerializeAsString());

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->SerializeAsString(), header.SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(
    Forms, GoodHeaderTest,
    ::testing::Values(
        HeaderCase{"AsItIs", [](auto&) {}},
        HeaderCase{"WithoutAgency", [](auto& h) { h.clear_agency(); }},
        HeaderCase{"OfTheSecretariat", [](auto& h) { h.set_publisher("OAS"); }},
        HeaderCase{"OfAnOrganisation",
                   [](auto& h) { h.set_publisher("oim-2"); }},
        HeaderCase{"FirstOfItsChain",
                   [](auto& h) {
                     h.set_sequence(1);
                     h.clear_previous_digest();
                   }},
        HeaderCase{"LargestPayload",
                   [](auto& h) { h.set_payload_size(kMaxPayloadBytes); }},
        HeaderCase{"Public",
                   [](auto& h) {
                     h.mutable_audience()->set_scope(
                         v1::Audience::SCOPE_PUBLIC);
                   }},
        HeaderCase{"ForMembers",
                   [](auto& h) {
                     h.mutable_audience()->set_scope(
                         v1::Audience::SCOPE_MEMBERS);
                   }},
        HeaderCase{"ForAState",
                   [](auto& h) {
                     h.mutable_audience()->set_scope(
                         v1::Audience::SCOPE_LISTED);
                     h.mutable_audience()->add_states("GT");
                   }},
        HeaderCase{"ForACorridor",
                   [](auto& h) {
                     h.mutable_audience()->set_scope(
                         v1::Audience::SCOPE_LISTED);
                     h.mutable_audience()->add_corridors("north");
                   }}),
    HeaderCaseName);

struct BrokenHeader {
  std::string name;
  std::function<void(v1::StatementHeader&)> change;
  std::string field;
};

void PrintTo(const BrokenHeader& one, std::ostream* out) { *out << one.name; }

class BrokenHeaderTest : public ::testing::TestWithParam<BrokenHeader> {};

TEST_P(BrokenHeaderTest, IsRefusedForThatField) {
  v1::StatementHeader header = GoodHeader();
  GetParam().change(header);

  const absl::Status status = ParseHeader(header.SerializeAsString()).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "MALFORMED_STATEMENT");
  EXPECT_THAT(FieldsOf(status), ElementsAre("header." + GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenHeaderTest,
    ::testing::Values(
        BrokenHeader{"NoLog", [](auto& h) { h.clear_log_origin(); },
                     "log_origin"},
        BrokenHeader{"LongLog",
                     [](auto& h) { h.set_log_origin(std::string(256, 'a')); },
                     "log_origin"},
        BrokenHeader{"NoPublisher", [](auto& h) { h.clear_publisher(); },
                     "publisher"},
        BrokenHeader{"PublisherInLowerCase",
                     [](auto& h) { h.set_publisher("hn"); }, "publisher"},
        BrokenHeader{"PublisherOfOneLetter",
                     [](auto& h) { h.set_publisher("H"); }, "publisher"},
        BrokenHeader{"PublisherWithOtherCharacters",
                     [](auto& h) { h.set_publisher("oim_x"); }, "publisher"},
        BrokenHeader{"LongPublisher",
                     [](auto& h) { h.set_publisher(std::string(64, 'a')); },
                     "publisher"},
        BrokenHeader{"AgencyInUpperCase",
                     [](auto& h) { h.set_agency("Migracion"); }, "agency"},
        BrokenHeader{"AgencyWithOtherCharacters",
                     [](auto& h) { h.set_agency("mi.gra_cion"); }, "agency"},
        BrokenHeader{"LongAgency",
                     [](auto& h) { h.set_agency(std::string(64, 'a')); },
                     "agency"},
        BrokenHeader{"NoId", [](auto& h) { h.clear_statement_id(); },
                     "statement_id"},
        BrokenHeader{"IdInUpperCase",
                     [](auto& h) {
                       h.set_statement_id(
                           "0B8A1C1E-1D0F-4F0C-9A53-0C2D5A9D2F11");
                     },
                     "statement_id"},
        BrokenHeader{"IdWithoutHyphens",
                     [](auto& h) {
                       h.set_statement_id("0b8a1c1e1d0f4f0c9a530c2d5a9d2f11");
                     },
                     "statement_id"},
        BrokenHeader{"IdWithMisplacedHyphens",
                     [](auto& h) {
                       h.set_statement_id(
                           "0b8a1c1e1-d0f-4f0c-9a53-0c2d5a9d2f11");
                     },
                     "statement_id"},
        BrokenHeader{"PreviousAtTheFirst", [](auto& h) { h.set_sequence(1); },
                     "previous_digest"},
        BrokenHeader{"NoPrevious", [](auto& h) { h.clear_previous_digest(); },
                     "previous_digest"},
        BrokenHeader{"PreviousInHex",
                     [](auto& h) { h.set_previous_digest(ToHex(Sha256("x"))); },
                     "previous_digest"},
        BrokenHeader{"NoPayloadType", [](auto& h) { h.clear_payload_type(); },
                     "payload_type"},
        BrokenHeader{"LongPayloadType",
                     [](auto& h) { h.set_payload_type(std::string(256, 'a')); },
                     "payload_type"},
        BrokenHeader{"NoPayloadDigest",
                     [](auto& h) { h.clear_payload_digest(); },
                     "payload_digest"},
        BrokenHeader{"ShortPayloadDigest",
                     [](auto& h) { h.set_payload_digest("short"); },
                     "payload_digest"},
        BrokenHeader{"NoPayload", [](auto& h) { h.set_payload_size(0); },
                     "payload_size"},
        BrokenHeader{"LargePayload",
                     [](auto& h) { h.set_payload_size(kMaxPayloadBytes + 1); },
                     "payload_size"},
        BrokenHeader{"HugePayload",
                     [](auto& h) {
                       h.set_payload_size(
                           std::numeric_limits<std::uint64_t>::max());
                     },
                     "payload_size"},
        BrokenHeader{"UnknownScope",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           static_cast<v1::Audience::Scope>(99));
                     },
                     "audience.scope"},
        BrokenHeader{"ListedWithoutAList",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           v1::Audience::SCOPE_LISTED);
                     },
                     "audience.states"},
        BrokenHeader{"AListWithoutListed",
                     [](auto& h) { h.mutable_audience()->add_states("GT"); },
                     "audience.states"},
        BrokenHeader{"CorridorsWithMembers",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           v1::Audience::SCOPE_MEMBERS);
                       h.mutable_audience()->add_corridors("north");
                     },
                     "audience.states"},
        BrokenHeader{"StateInLowerCase",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           v1::Audience::SCOPE_LISTED);
                       h.mutable_audience()->add_states("gt");
                     },
                     "audience.states"},
        BrokenHeader{"MalformedCorridor",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           v1::Audience::SCOPE_LISTED);
                       h.mutable_audience()->add_corridors("the north");
                     },
                     "audience.corridors"},
        BrokenHeader{"LongAudience",
                     [](auto& h) {
                       h.mutable_audience()->set_scope(
                           v1::Audience::SCOPE_LISTED);
                       for (int i = 0; i < 101; ++i) {
                         h.mutable_audience()->add_states("GT");
                       }
                     },
                     "audience.states"},
        BrokenHeader{"NoTime", [](auto& h) { h.clear_signed_time(); },
                     "signed_time"},
        BrokenHeader{"TimeBeyondTheCalendar",
                     [](auto& h) {
                       h.mutable_signed_time()->set_seconds(253'402'300'800);
                     },
                     "signed_time"},
        BrokenHeader{"NegativeNanoseconds",
                     [](auto& h) { h.mutable_signed_time()->set_nanos(-1); },
                     "signed_time"},
        BrokenHeader{
            "TooManyNanoseconds",
            [](auto& h) { h.mutable_signed_time()->set_nanos(1'000'000'000); },
            "signed_time"}),
    [](const auto& info) { return info.param.name; });

TEST(ParseHeaderTest, AMissingSequenceIsFoundWithThePreviousDigest) {
  v1::StatementHeader header = GoodHeader();
  header.set_sequence(0);

  EXPECT_THAT(FieldsOf(ParseHeader(header.SerializeAsString()).status()),
              ElementsAre("header.sequence"));
}

TEST(ParseHeaderTest, AllViolationsAreListedTogether) {
  const absl::Status status = ParseHeader("").status();

  EXPECT_THAT(
      FieldsOf(status),
      UnorderedElementsAre("header.log_origin", "header.publisher",
                           "header.statement_id", "header.sequence",
                           "header.previous_digest", "header.payload_type",
                           "header.payload_digest", "header.payload_size",
                           "header.signed_time"));
}

TEST(ParseHeaderTest, BytesThatAreNoHeaderAreRefused) {
  const std::string whole = GoodHeader().SerializeAsString();

  for (const std::string& bytes :
       {std::string("\xff\xff\xff"), whole.substr(0, whole.size() - 1),
        whole + "\x0a"}) {
    const absl::Status status = ParseHeader(bytes).status();

    EXPECT_EQ(Reason(status), "MALFORMED_STATEMENT");
    EXPECT_THAT(FieldsOf(status), ElementsAre("header"));
  }
}

TEST(ParseHeaderTest, TextThatIsNotUtf8IsRefused) {
  // Field 2, the publisher, with a byte that UTF-8 never has.
  const std::string bytes = GoodHeader().SerializeAsString() + "\x12\x02\xffN";

  EXPECT_EQ(Reason(ParseHeader(bytes).status()), "MALFORMED_STATEMENT");
}

TEST(StatementSignerTest, WhatItSignsHolds) {
  testing::TestPublisher publisher("HN");
  testing::StatementParts parts;
  parts.agency = "migracion";
  parts.audience.set_scope(v1::Audience::SCOPE_MEMBERS);

  const v1::Statement first = publisher.Next(parts);
  const v1::Statement second = publisher.Next(parts);

  auto header = ParseHeader(second.header());
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->publisher(), "HN");
  EXPECT_EQ(header->agency(), "migracion");
  EXPECT_EQ(header->log_origin(), testing::kLogOrigin);
  EXPECT_EQ(header->sequence(), 2u);
  EXPECT_EQ(header->previous_digest(), Sha256(first.header()));
  EXPECT_EQ(header->audience().scope(), v1::Audience::SCOPE_MEMBERS);
  EXPECT_EQ(header->signed_time().seconds(),
            absl::ToUnixSeconds(testing::TestTime()));
  EXPECT_EQ(second.key_id(), testing::SharedKey().public_key().key_id());
  EXPECT_TRUE(VerifyHeaderSignature(second.header(), second.signature(),
                                    testing::SharedKey().public_key())
                  .ok());
  EXPECT_TRUE(VerifyPayload(*header, second.payload()).ok());
}

TEST(VerifyHeaderSignatureTest, EveryChangedBitOfTheHeaderIsRefused) {
  const v1::Statement statement = testing::SignedStatement("HN", {});

  for (std::size_t bit = 0; bit < 8 * statement.header().size(); ++bit) {
    std::string changed = statement.header();
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));

    const absl::Status status = VerifyHeaderSignature(
        changed, statement.signature(), testing::SharedKey().public_key());

    ASSERT_EQ(Reason(status), "BAD_SIGNATURE") << bit;
  }
}

TEST(VerifyPayloadTest, ItIsTheOneThatTheHeaderNames) {
  const v1::Statement statement = testing::SignedStatement("HN", {});
  const v1::StatementHeader header = testing::HeaderOf(statement);

  EXPECT_TRUE(VerifyPayload(header, "payload").ok());
  for (const char* other : {"", "paylaod", "payload ", "payloa"}) {
    EXPECT_EQ(Reason(VerifyPayload(header, other)), "PAYLOAD_DIGEST_MISMATCH")
        << other;
  }
}

TEST(VerifyPayloadTest, BytesOverTheLimitAreRefusedFirst) {
  v1::StatementHeader header = GoodHeader();
  const std::string payload(kMaxPayloadBytes + 1, 'p');
  header.set_payload_size(payload.size());
  header.set_payload_digest(Sha256(payload));

  const absl::Status status = VerifyPayload(header, payload);

  EXPECT_EQ(Reason(status), "TOO_LARGE");
  EXPECT_EQ(ReasonMetadata(status, "limit"), "65536");
}

class CheckFollowsTest : public ::testing::Test {
 protected:
  v1::StatementHeader Header(std::uint64_t sequence,
                             const std::string& previous) {
    v1::StatementHeader header = GoodHeader();
    header.set_sequence(sequence);
    header.set_previous_digest(previous);
    return header;
  }

  const ChainHead head_{7, Sha256("seven")};
};

TEST_F(CheckFollowsTest, TheNextOneFollows) {
  EXPECT_TRUE(CheckFollows(head_, Header(8, Sha256("seven"))).ok());
  EXPECT_TRUE(CheckFollows({}, Header(1, "")).ok());
}

TEST_F(CheckFollowsTest, AGapIsRefusedAndSaysWhatWasExpected) {
  const absl::Status status = CheckFollows(head_, Header(9, Sha256("seven")));

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "SEQUENCE_GAP");
  EXPECT_EQ(ReasonMetadata(status, "expected_sequence"), "8");
  EXPECT_EQ(ReasonMetadata(status, "seen_sequence"), "9");
  EXPECT_EQ(ReasonMetadata(status, "expected_previous_digest"),
            ToHex(Sha256("seven")));
  EXPECT_EQ(Reason(CheckFollows({}, Header(2, Sha256("x")))), "SEQUENCE_GAP");
}

TEST_F(CheckFollowsTest, ANumberThatIsUsedIsRefused) {
  for (const std::uint64_t sequence : {7u, 6u, 1u}) {
    EXPECT_EQ(Reason(CheckFollows(head_, Header(sequence, Sha256("x")))),
              "SEQUENCE_TAKEN");
  }
}

TEST_F(CheckFollowsTest, AnotherPredecessorIsRefused) {
  EXPECT_EQ(Reason(CheckFollows(head_, Header(8, Sha256("eight")))),
            "WRONG_PREDECESSOR");
  EXPECT_EQ(Reason(CheckFollows(head_, Header(8, ""))), "WRONG_PREDECESSOR");
  EXPECT_EQ(Reason(CheckFollows({}, Header(1, Sha256("x")))),
            "WRONG_PREDECESSOR");
}

TEST(StatementIdTest, NewOnesAreWellFormedAndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewStatementId();

    EXPECT_TRUE(IsStatementId(id)) << id;
    EXPECT_EQ(id[14], '4') << id;
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_TRUE(seen.insert(id).second) << id;
  }
}

TEST(PayloadNonceTest, NewOnesHave16BytesAndDiffer) {
  EXPECT_EQ(NewPayloadNonce().size(), 16u);
  EXPECT_NE(NewPayloadNonce(), NewPayloadNonce());
}

}  // namespace
}  // namespace gaceta
