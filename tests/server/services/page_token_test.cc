#include "server/services/page_token.h"

#include <string>

#include "absl/strings/escaping.h"
#include "errors/errors.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

TEST(PageTokenTest, GoesOnAfterItsKey) {
  EXPECT_EQ(*ReadPageToken("List", MakePageToken("List", "HN")), "HN");
  EXPECT_EQ(*ReadPageToken("List", MakePageToken("List", "a\nb")), "a\nb");
  EXPECT_EQ(*ReadPageNumber("List", MakePageToken("List", "42"), 7), 42);
}

TEST(PageTokenTest, TheEmptyTokenIsTheFirstPage) {
  EXPECT_EQ(*ReadPageToken("List", ""), "");
  EXPECT_EQ(*ReadPageNumber("List", "", 7), 7);
}

TEST(PageTokenTest, ATokenOfAnotherRpcIsRefused) {
  for (const std::string& token :
       {MakePageToken("ListOther", "HN"), MakePageToken("Lis", "t\nHN"),
        std::string("!!!"), std::string("HN"), MakePageToken("List", ""),
        absl::WebSafeBase64Escape("List")}) {
    const absl::Status status = ReadPageToken("List", token).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << token;
    EXPECT_EQ(Violations(status).at(0).field, "page_token");
  }
}

TEST(PageTokenTest, ANumberMustBeOne) {
  for (const char* key : {"x", "-1", "1x", "99999999999999999999"}) {
    EXPECT_FALSE(ReadPageNumber("List", MakePageToken("List", key), 0).ok())
        << key;
  }
}

TEST(PageTokenTest, APageHasADefaultAndAMost) {
  EXPECT_EQ(*PageSize(0, 100, 1000), 100);
  EXPECT_EQ(*PageSize(7, 100, 1000), 7);
  EXPECT_EQ(*PageSize(5000, 100, 1000), 1000);
  EXPECT_EQ(PageSize(-1, 100, 1000).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gaceta
