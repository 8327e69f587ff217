#include "cli/filter_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "cli/command.h"

namespace gaceta::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

TEST(FilterFlagsTest, EveryFieldOfTheFilterHasAFlag) {
  FilterFlags flags;
  CLI::App app;
  AddFilterFlags(app, &flags);
  // The parser takes them from the back.
  app.parse(
      "--state hn,GT --corridor central:transit,receiving --corridor andean "
      "--kind best-practice --event amendment,repeal --topic entry-visa "
      "--instrument urn:lex:br:* --instrument urn:lex:hn:x:y:2004;1 "
      "--language pt --agency migracion");

  const auto filter = ParseFilter(flags);

  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_THAT(filter->states(), ElementsAre("HN", "GT"));
  ASSERT_EQ(filter->corridors_size(), 2);
  EXPECT_EQ(filter->corridors(0).corridor(), "central");
  EXPECT_THAT(
      filter->corridors(0).counterpart_roles(),
      ElementsAre(v1::CORRIDOR_ROLE_TRANSIT, v1::CORRIDOR_ROLE_RECEIVING));
  EXPECT_EQ(filter->corridors(1).corridor(), "andean");
  EXPECT_EQ(filter->corridors(1).counterpart_roles_size(), 0);
  EXPECT_THAT(filter->kinds(), ElementsAre(v1::UPDATE_KIND_BEST_PRACTICE));
  EXPECT_THAT(filter->events(),
              ElementsAre(v1::UPDATE_EVENT_AMENDMENT, v1::UPDATE_EVENT_REPEAL));
  EXPECT_THAT(filter->topics(), ElementsAre("entry-visa"));
  ASSERT_EQ(filter->instruments_size(), 2);
  EXPECT_EQ(filter->instruments(0).uri(), "urn:lex:br:");
  EXPECT_TRUE(filter->instruments(0).prefix());
  EXPECT_EQ(filter->instruments(1).uri(), "urn:lex:hn:x:y:2004;1");
  EXPECT_FALSE(filter->instruments(1).prefix());
  EXPECT_THAT(filter->languages(), ElementsAre("pt"));
  EXPECT_THAT(filter->agencies(), ElementsAre("migracion"));
  // A field that is added to the filter needs a flag, and a line above.
  EXPECT_EQ(v1::Filter::descriptor()->field_count(), 8);
}

TEST(FilterFlagsTest, NoFlagsPassEverything) {
  EXPECT_EQ(ParseFilter({})->ByteSizeLong(), 0u);
}

TEST(FilterFlagsTest, AWrongValueIsAnErrorOfUsageWithTheRightOnes) {
  FilterFlags flags;
  flags.events = {"amended"};
  const absl::Status event = ParseFilter(flags).status();
  EXPECT_EQ(ExitCodeOf(event), kExitUsage);
  EXPECT_THAT(MessageOf(event), HasSubstr("--event \"amended\""));
  EXPECT_THAT(MessageOf(event), HasSubstr("amendment"));

  flags = {};
  flags.corridors = {"central:leaving"};
  EXPECT_THAT(MessageOf(ParseFilter(flags).status()),
              HasSubstr("sending, transit, receiving"));

  flags = {};
  flags.states = {"Honduras"};
  EXPECT_THAT(MessageOf(ParseFilter(flags).status()),
              HasSubstr("two letters, as HN"));
}

TEST(FilterFlagsTest, UnspecifiedIsNoValue) {
  FilterFlags flags;
  flags.kinds = {"unspecified"};

  EXPECT_EQ(ExitCodeOf(ParseFilter(flags).status()), kExitUsage);
}

TEST(FilterFlagsTest, AnAgencyThatNoStatementCanHaveIsAnErrorOfUsage) {
  for (const char* agency : {"INM", "migración", ""}) {
    FilterFlags flags;
    flags.agencies = {agency};

    EXPECT_EQ(ExitCodeOf(ParseFilter(flags).status()), kExitUsage) << agency;
  }
}

TEST(FromTest, TakesPositionsWordsDaysAndTimes) {
  EXPECT_EQ(std::get<std::int64_t>(*ParseFrom("start")), 0);
  EXPECT_EQ(std::get<std::int64_t>(*ParseFrom("42")), 42);
  EXPECT_TRUE(std::holds_alternative<FromNow>(*ParseFrom("now")));
  EXPECT_EQ(std::get<absl::Time>(*ParseFrom("2026-03-01")),
            absl::FromCivil(absl::CivilDay(2026, 3, 1), absl::UTCTimeZone()));
  EXPECT_EQ(
      std::get<absl::Time>(*ParseFrom("2026-03-01T06:00:00-06:00")),
      absl::FromCivil(absl::CivilHour(2026, 3, 1, 12), absl::UTCTimeZone()));
}

TEST(FromTest, AnythingElseIsAnErrorOfUsage) {
  for (const char* text : {"", "-1", "yesterday", "2026-13-01"}) {
    EXPECT_EQ(ExitCodeOf(ParseFrom(text).status()), kExitUsage) << text;
  }
}

}  // namespace
}  // namespace gaceta::cli
