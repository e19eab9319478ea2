#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/contract/contract_test_support.h"

namespace errand::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

HandlerRule handler_of(const std::string& handler) {
  const auto contract =
      contract_of("type Mutation { run(a: ID): Int @job(handler: " + handler + ") }");
  return contract == nullptr ? HandlerRule() : contract->job_types().front().handler;
}

std::string error_of(const std::string& handler) {
  const auto errors =
      contract_errors("type Mutation { run(a: ID): Int @job(handler: " + handler + ") }");
  return errors.size() == 1 ? errors.front() : std::to_string(errors.size()) + " errors";
}

TEST(Handler, IsWorkersUnlessSaidOtherwise) {
  const auto contract = contract_of("type Mutation { run: Int @job }");
  ASSERT_NE(contract, nullptr);
  EXPECT_EQ(contract->job_types().front().handler, HandlerRule());
}

TEST(Handler, CanBeAnEndpoint) {
  EXPECT_EQ(handler_of(R"({http: {url: "https://jobs.example.com/run"}})"),
            HandlerRule(HttpHandlerRule{.url = "https://jobs.example.com/run"}));
  EXPECT_EQ(handler_of(R"({http: {url: "http://10.0.0.7:8080/", concurrency: 3}})"),
            HandlerRule(HttpHandlerRule{.url = "http://10.0.0.7:8080/", .concurrency = 3}));
}

TEST(Handler, CanBeAGraphqlServer) {
  EXPECT_EQ(handler_of(R"({graphql: {url: "https://api.example.com/graphql"}})"),
            HandlerRule(GraphqlHandlerRule{.url = "https://api.example.com/graphql",
                                           .mutation = "run",
                                           .document = "mutation run($a: ID) { run(a: $a) }"}));
  EXPECT_EQ(handler_of(R"({graphql: {url: "http://10.0.0.7:4000/", mutation: "go", concurrency: 3,
                forwardHeaders: ["Authorization", "cookie"], headersFile: "/run/secrets/api",
                onBehalfOf: "X-User", transient: ["BUSY"], permanent: ["GONE"]}})"),
            HandlerRule(GraphqlHandlerRule{.url = "http://10.0.0.7:4000/",
                                           .mutation = "go",
                                           .concurrency = 3,
                                           .forward_headers = {"authorization", "cookie"},
                                           .headers_file = "/run/secrets/api",
                                           .on_behalf_of = "x-user",
                                           .transient = {"BUSY"},
                                           .permanent = {"GONE"},
                                           .document = "mutation go($a: ID) { go(a: $a) }"}));
}

TEST(Handler, OfAGraphqlServerIsRefusedWhereItCannotWork) {
  const auto error = [](const std::string& more) {
    return error_of("{graphql: {url: \"https://api.example.com/\", " + more + "}}");
  };
  EXPECT_THAT(error_of(R"({graphql: {url: "api.example.com"}})"), HasSubstr("absolute address"));
  EXPECT_THAT(error(R"(mutation: "a b")"), HasSubstr("mutation is the name of a field"));
  EXPECT_THAT(error(R"(forwardHeaders: ["a b"])"), HasSubstr("holds names of headers"));
  EXPECT_THAT(error(R"(forwardHeaders: ["Host"])"), HasSubstr("the header host is set"));
  EXPECT_THAT(error(R"(onBehalfOf: "")"), HasSubstr("onBehalfOf: \"x-on-behalf-of\""));
  EXPECT_THAT(error(R"(transient: ["A"], permanent: ["A"])"), HasSubstr("both transient and"));
  EXPECT_THAT(error(R"(concurrency: 0)"), HasSubstr("concurrency is 1 to 1000"));
}

TEST(Handler, CanBeACommand) {
  EXPECT_EQ(handler_of(R"({command: ["/bin/render", "-q"]})"),
            HandlerRule(CommandHandlerRule{.argv = {"/bin/render", "-q"}}));
  EXPECT_EQ(handler_of(R"({command: ["/bin/render"], sandbox: {profile: RESTRICTED, network: true,
                concurrency: 2, memoryMib: 64, memoryTotalMib: 128, wall: "50s", cpu: "30s",
                processes: 5, openFiles: 32, fileMib: 1, diskMib: 3, outputMib: 2,
                environment: ["LANG"], readable: ["/srv/fonts"], writable: ["/srv/out"]}})"),
            HandlerRule(CommandHandlerRule{.argv = {"/bin/render"},
                                           .profile = SandboxProfile::kRestricted,
                                           .network = true,
                                           .concurrency = 2,
                                           .memory_bytes_max = 64 << 20,
                                           .memory_total_bytes_max = 128 << 20,
                                           .wall = 50s,
                                           .cpu = 30s,
                                           .processes_max = 5,
                                           .open_files_max = 32,
                                           .file_bytes_max = 1 << 20,
                                           .disk_bytes_max = 3 << 20,
                                           .output_bytes_max = 2 << 20,
                                           .environment = {"LANG"},
                                           .readable = {"/srv/fonts"},
                                           .writable = {"/srv/out"}}));
}

TEST(Handler, IsOneWay) {
  EXPECT_THAT(error_of("{}"), HasSubstr("name one way: write {http:"));
  EXPECT_THAT(error_of(R"({http: {url: "https://a/"}, command: ["/bin/true"]})"),
              HasSubstr("name one way"));
  EXPECT_THAT(error_of(R"({http: {url: "https://a/"}, sandbox: {network: true}})"),
              HasSubstr("sandbox goes with command"));
}

TEST(Handler, SaysWhatIsWrongAndWhatToWrite) {
  for (const char* url :
       {"", "jobs.example.com", "ftp://a/", "https://", "https://a/ b", "https://a/#b"}) {
    EXPECT_THAT(error_of(R"({http: {url: ")" + std::string(url) + R"("}})"),
                HasSubstr("url is an absolute address"))
        << url;
  }
  EXPECT_THAT(error_of(R"({http: {url: "https://a/", concurrency: 0}})"),
              HasSubstr("concurrency is 1 to 1000; write concurrency: 1"));
  EXPECT_THAT(error_of("{command: []}"), HasSubstr("begins with the program to run"));
  EXPECT_THAT(error_of(R"({command: ["render"]})"), HasSubstr("\"/usr/local/bin/render\""));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {cpu: "1 min"}})"),
              HasSubstr("write \"1m\""));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {cpu: "1500ms"}})"),
              HasSubstr("cpu is whole seconds"));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {writable: ["srv"]}})"),
              HasSubstr("\"/srv\""));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {memoryMib: 9999999}})"),
              HasSubstr("memoryMib is 1 to 1048576"));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {environment: ["A=b"]}})"),
              HasSubstr("names of variables"));
  EXPECT_THAT(error_of(R"({command: ["/bin/a"], sandbox: {readable: ["srv"]}})"),
              HasSubstr("\"/srv\""));
}

}  // namespace
}  // namespace errand::contract
