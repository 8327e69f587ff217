#include "errors/errors.h"

#include <string>
#include <vector>

#include "errors/grpc_status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// What a gRPC client takes of trailers unless it was told otherwise.
constexpr std::size_t kMaxTrailerBytes = 8192;

// Bytes of both trailers as HTTP/2 carries them to a client in another
// language: base64 for the details, percent signs for what is not ASCII.
std::size_t TrailerBytes(const grpc::Status& status) {
  std::size_t bytes = (status.error_details().size() + 2) / 3 * 4;
  for (const char c : status.error_message()) bytes += c < ' ' ? 3 : 1;
  return bytes;
}

TEST(ErrorsTest, DetailsSurviveTheWire) {
  const absl::Status sent = WithViolations(
      WithReason(absl::FailedPreconditionError("cannot follow"), "SEQUENCE_GAP",
                 {{"expected_sequence", "3"}, {"seen_sequence", "5"}}),
      {{"header.sequence", "is 5, expected 3"}});

  const absl::Status got = FromGrpc(ToGrpc(sent));

  EXPECT_EQ(got, sent);
  EXPECT_EQ(Reason(got), "SEQUENCE_GAP");
  EXPECT_EQ(ReasonMetadata(got, "expected_sequence"), "3");
  EXPECT_EQ(ReasonMetadata(got, "seen_sequence"), "5");
  EXPECT_EQ(ReasonMetadata(got, "other"), "");
  EXPECT_THAT(Violations(got), ElementsAre(FieldViolation{"header.sequence",
                                                          "is 5, expected 3"}));
}

TEST(ErrorsTest, EveryCodeSurvivesTheWire) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status sent(static_cast<absl::StatusCode>(code), "text");

    EXPECT_EQ(FromGrpc(ToGrpc(sent)), sent) << code;
  }
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(ErrorsTest, InvalidFieldsListsAllOfThem) {
  const std::vector<FieldViolation> violations = {
      {"update.kind", "is missing"},
      {"update.titles", "is empty"},
      {"update.titles", "is empty, a second time"}};

  const absl::Status status = InvalidFields("RULE_VIOLATION", violations);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  EXPECT_EQ(Violations(status), violations);
  EXPECT_EQ(status.message(),
            "update.kind: is missing; update.titles: is empty; update.titles: "
            "is empty, a second time");
}

TEST(ErrorsTest, AnnotateKeepsDetails) {
  const absl::Status status =
      Annotate(InvalidField("size", "is 0"), "document 7");

  EXPECT_EQ(status.message(), "document 7: size: is 0");
  EXPECT_EQ(Reason(status), "INVALID_FIELD");
  EXPECT_THAT(Violations(status), SizeIs(1));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "no matter").ok());
}

TEST(ErrorsTest, AnOkStatusTakesNoDetails) {
  EXPECT_TRUE(WithReason(absl::OkStatus(), "REASON").ok());
  EXPECT_TRUE(WithViolations(absl::OkStatus(), {{"field", "text"}}).ok());
}

TEST(ErrorsTest, AStatusWithoutDetailsIsKeptAsItIs) {
  const absl::Status got =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"));

  EXPECT_EQ(got, absl::UnavailableError("gone"));
  EXPECT_EQ(Reason(got), "");
  EXPECT_THAT(Violations(got), IsEmpty());
}

TEST(ErrorsTest, DetailsThatDoNotParseAreLeftOut) {
  const absl::Status got =
      FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "no", "\xff\xff"));

  EXPECT_EQ(got, absl::NotFoundError("no"));
}

TEST(ErrorsTest, TheCallsOwnCodeCountsNotWhatDetailsClaim) {
  google::rpc::Status claim;
  claim.set_code(0);
  claim.set_message("all is well");

  const absl::Status got = FromGrpc(grpc::Status(
      grpc::StatusCode::PERMISSION_DENIED, "no", claim.SerializeAsString()));

  EXPECT_EQ(got, absl::PermissionDeniedError("no"));
}

TEST(ErrorsTest, ManyViolationsKeepTheirFieldsWithinTheTrailers) {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < 40; ++i) {
    violations.push_back({"update.documents[" + std::to_string(i) + "].sha256",
                          std::string(300, 'x')});
  }

  const grpc::Status sent = ToGrpc(InvalidFields("RULE_VIOLATION", violations));
  const absl::Status got = FromGrpc(sent);

  EXPECT_LT(TrailerBytes(sent), kMaxTrailerBytes);
  EXPECT_EQ(Reason(got), "RULE_VIOLATION");
  ASSERT_THAT(Violations(got), SizeIs(40));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Violations(got)[i].field, violations[i].field);
    EXPECT_THAT(Violations(got)[i].description, StartsWith("xxxxx"));
  }
}

TEST(ErrorsTest, WhatDoesNotFitIsCounted) {
  const std::vector<FieldViolation> violations(
      1000, {"update.relations[0].target", std::string(300, 'x')});

  const grpc::Status sent = ToGrpc(InvalidFields("RULE_VIOLATION", violations));
  const std::vector<FieldViolation> got = Violations(FromGrpc(sent));

  EXPECT_LT(TrailerBytes(sent), kMaxTrailerBytes);
  ASSERT_GT(got.size(), 20u);
  EXPECT_EQ(got.back().description, std::to_string(1000 - (got.size() - 1)) +
                                        " more violations are not listed");
}

TEST(ErrorsTest, ALongTextIsCutBetweenCharacters) {
  std::string text = "x";
  while (text.size() < 5000) text += "ñ";

  const absl::Status got = FromGrpc(ToGrpc(absl::InternalError(text)));

  EXPECT_LE(got.message().size(), 512u);
  EXPECT_THAT(std::string(got.message()), HasSubstr("ñ..."));
  google::rpc::Status parsed;
  EXPECT_TRUE(parsed.ParseFromString(ToRpcStatus(got).SerializeAsString()));
}

}  // namespace
}  // namespace gaceta
