// The command as a person types it, without a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/completion.h"

namespace gaceta::cli {
namespace {

using ::testing::HasSubstr;

struct Result {
  int code = 0;
  std::string out;
  std::string err;
};

Result Gaceta(const std::vector<std::string>& arguments) {
  // No profile of whoever runs the test.
  setenv("XDG_CONFIG_HOME", "/nowhere", 1);
  setenv("LC_ALL", "C", 1);
  unsetenv("GACETA_PROFILE");
  std::ostringstream out;
  std::ostringstream err;
  CliContext context{out, err};
  const int code = RunCli(arguments, context);
  return {code, out.str(), err.str()};
}

// Calls `visit` with every command that has no further one below it.
template <typename Visit>
void ForEachVerb(CLI::App& app, std::vector<std::string> path,
                 const Visit& visit) {
  const auto below = app.get_subcommands([](CLI::App*) { return true; });
  if (below.empty()) visit(app, path);
  for (CLI::App* command : below) {
    std::vector<std::string> longer = path;
    longer.push_back(command->get_name());
    ForEachVerb(*command, longer, visit);
  }
}

TEST(CommandLineTest, TheHelpOfEveryVerbHasAnExampleOfIt) {
  std::ostringstream out;
  std::ostringstream err;
  CliContext context{out, err};
  CLI::App app("", "gaceta");
  BuildApp(app, context);
  int verbs = 0;

  ForEachVerb(app, {}, [&](CLI::App&, std::vector<std::string> path) {
    ++verbs;
    path.emplace_back("--help");
    const Result help = Gaceta(path);
    EXPECT_EQ(help.code, kExitDone);
    EXPECT_THAT(help.out, HasSubstr("Example")) << path[0] << path[1];
    EXPECT_THAT(help.out, HasSubstr("gaceta " + path[0]));
    EXPECT_EQ(help.err, "");
  });

  EXPECT_GE(verbs, 15);
}

TEST(CommandLineTest, TheNounsOfTheCommandAreThere) {
  const Result help = Gaceta({"--help"});

  EXPECT_EQ(help.code, kExitDone);
  for (const char* noun :
       {"updates", "documents", "states", "corridors", "topics",
        "subscriptions", "registry", "pki", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr(std::string("  ") + noun + " ")) << noun;
  }
  EXPECT_THAT(help.out, HasSubstr("Exit codes: 0 done, 1 failed"));
}

TEST(CommandLineTest, WrongUsageEndsWithTwoAndWordsOnStandardError) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"upgrade"},
      {"updates"},
      {"updates", "publish"},
      {"updates", "follow", "--count", "0"},
      {"updates", "follow", "--no-such-option"},
      {"updates", "show"},
      {"documents", "get"},
      {"registry", "member", "HN"},
      {"states", "delete"},
      {"--output=xml", "states"},
  };
  for (const auto& arguments : wrong) {
    const Result result = Gaceta(arguments);
    EXPECT_EQ(result.code, kExitUsage) << testing::PrintToString(arguments);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err, "");
  }
}

TEST(CommandLineTest, WithoutAProfileTheMissingFlagsAreNamed) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"states"},
                                             {"states", "list"},
                                             {"updates", "list"},
                                             {"corridors"},
                                             {"subscriptions", "list"}}) {
    const Result result = Gaceta(arguments);
    EXPECT_EQ(result.code, kExitUsage);
    EXPECT_THAT(result.err, HasSubstr("missing --server, --server-id"));
  }
}

TEST(CommandLineTest, OptionsOfTheProgramMayFollowTheVerb) {
  const Result result = Gaceta({"updates", "list", "--output=json", "--server",
                                "x:1", "--server-id", "spiffe://hn.x/node"});

  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("missing --certificate"));
}

TEST(CommandLineTest, AFilterThatIsWrongIsFoundBeforeAnybodyIsCalled) {
  const Result result =
      Gaceta({"updates", "follow", "--event", "amended", "--server", "x:1",
              "--server-id", "spiffe://hn.x/node", "--certificate", "/nowhere",
              "--key", "/nowhere", "--root", "/nowhere"});

  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("--event \"amended\""));
}

TEST(CommandLineTest, AFileThatCannotBeReadEndsWithOneAndItsName) {
  const Result result =
      Gaceta({"updates", "list", "--server", "x:1", "--server-id",
              "spiffe://hn.x/node", "--certificate", "/nowhere/c.pem", "--key",
              "/nowhere/k.pem", "--root", "/nowhere/r.pem"});

  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/"));
}

// What bash offers for the words of a command line, the last being typed.
std::string Complete(const std::string& words, int last) {
  const std::string bin = std::getenv("GACETA_BIN_DIR");
  const std::string script = "source <(\"" + bin +
                             "/gaceta\" completion bash); COMP_WORDS=(" +
                             words + "); COMP_CWORD=" + std::to_string(last) +
                             "; _gaceta; echo \"${COMPREPLY[*]}\"";
  FILE* pipe = popen(("bash -c '" + script + "'").c_str(), "r");
  std::string output;
  char buffer[4096];
  while (fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
  EXPECT_EQ(pclose(pipe), 0);
  return output;
}

TEST(CompletionTest, BashCompletesNounsAndVerbs) {
  EXPECT_EQ(Complete("gaceta upd", 1), "updates\n");
  EXPECT_EQ(Complete("gaceta updates \"\"", 2).substr(0, 27),
            "publish list show follow --");
  EXPECT_EQ(Complete("gaceta --profile hn subscriptions del", 4), "delete\n");
}

TEST(CompletionTest, BashCompletesOptionsOfTheVerbAndOfTheProgram) {
  EXPECT_EQ(Complete("gaceta updates follow --corr", 3), "--corridor\n");
  EXPECT_EQ(Complete("gaceta updates follow --prof", 3), "--profile\n");
  EXPECT_EQ(Complete("gaceta updates publish --corr", 3), "\n");
}

TEST(CompletionTest, BashCompletesValuesOfFixedLists) {
  EXPECT_EQ(Complete("gaceta updates list --event ame", 4), "amendment\n");
  EXPECT_EQ(Complete("gaceta updates list --output j", 4), "json\n");
  EXPECT_EQ(Complete("gaceta updates list --output = j", 5), "json\n");
  EXPECT_EQ(Complete("gaceta updates list --output =", 4), "text json\n");
}

TEST(CompletionTest, BashLeavesFilesToItself) {
  EXPECT_EQ(Complete("gaceta updates publish ley", 3), "\n");
}

}  // namespace
}  // namespace gaceta::cli
