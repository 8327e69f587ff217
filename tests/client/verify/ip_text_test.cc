#include "verify/ip_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;

TEST(IpTextTest, AnAddressIsReadAndWrittenBack) {
  for (const char* text :
       {"192.0.2.17", "127.0.0.1", "255.255.255.255", "::1", "2001:db8::17",
        "2001:db8:0:1:1:1:1:1", "2001:db8::1:0:0:1", "fe80::1"}) {
    auto bytes = ParseIpAddress(text);

    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(IpAddressText(*bytes), text);
  }
  EXPECT_EQ(*ParseIpAddress("192.0.2.17"), std::string("\xc0\x00\x02\x11", 4));
}

TEST(IpTextTest, AnotherTextOfTheSameAddressIsRefusedWithTheRightOne) {
  for (const auto& [text, right] :
       {std::pair<const char*, const char*>{"2001:DB8::17", "2001:db8::17"},
        {"2001:db8:0:0:0:0:0:17", "2001:db8::17"},
        {"2001:db8::0:17", "2001:db8::17"},
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"::ffff:192.0.2.17", "192.0.2.17"},
        {"::ffff:c000:211", "192.0.2.17"}}) {
    const absl::Status status = ParseIpAddress(text).status();

    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(right));
  }
}

TEST(IpTextTest, WhatIsNoSingleAddressIsRefused) {
  for (const std::string& text :
       {std::string(""), std::string("192.0.2"), std::string("192.0.2.256"),
        std::string("192.0.2.017"), std::string("192.0.2.17 "),
        std::string("192.0.2.0/24"), std::string("[::1]"),
        std::string("fe80::1%eth0"), std::string("gob.hn"),
        std::string("192.0.2.17\0", 11), std::string("0.0.0.0"),
        std::string("::")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseIpAddress(text).status())) << text;
  }
}

TEST(IpTextTest, ARangeIsReadAndWrittenBack) {
  for (const char* text : {"192.0.2.17", "10.0.0.0/8", "192.0.2.128/25",
                           "0.0.0.0/0", "::/0", "2001:db8::/33", "::1"}) {
    auto bytes = ParseIpRange(text);

    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(IpRangeText(*bytes), text);
  }
  EXPECT_EQ(*ParseIpRange("10.0.0.0/8"),
            std::string("\x0a\x00\x00\x00\xff\x00\x00\x00", 8));
  for (const char* text : {"", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
                           "10.0.0.0/", "10.0.0.0/x"}) {
    EXPECT_FALSE(ParseIpRange(text).ok()) << text;
  }
}

TEST(IpTextTest, BytesThatAreNoAddressOrPrefixHaveATextToo) {
  EXPECT_EQ(IpAddressText("abc"), "3 bytes");
  EXPECT_EQ(IpRangeText("abc"), "3 bytes");
  EXPECT_EQ(IpRangeText(""), "0 bytes");
  EXPECT_EQ(IpRangeText(std::string("\x0a\x00\x00\x01\xff\x00\xff\x00", 8)),
            "10.0.0.1/255.0.255.0");
}

}  // namespace
}  // namespace gaceta
