#include "errand/graphql/request/service.h"

#include <optional>
#include <string>
#include <utility>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/request/check_limits.h"
#include "errand/graphql/request/service_test_support.h"

namespace errand::graphql::request {
namespace {

TEST_F(ServiceTest, ExecutesAQuery) {
  const Response response = execute("{ echo }");
  EXPECT_EQ(response.body, R"({"data":{"echo":"hi"}})");
  EXPECT_FALSE(response.request_error());
  EXPECT_FALSE(response.has_errors);
}

TEST_F(ServiceTest, AKnownDocumentIsNeitherParsedNorValidatedAgain) {
  execute("{ echo }");
  execute("{ echo }");
  execute("{ echo(n: 1) }");
  const CacheStatistics statistics = service_.cache_statistics();
  EXPECT_EQ(statistics.hits, 1U);
  EXPECT_EQ(statistics.misses, 2U);
  EXPECT_EQ(statistics.documents, 2U);
  EXPECT_GT(statistics.bytes, 0U);
}

TEST_F(ServiceTest, InvalidDocumentsAreNotCached) {
  execute("{ nothing }");
  execute("{ echo");
  EXPECT_EQ(service_.cache_statistics().documents, 0U);
}

TEST_F(ServiceTest, EachKindOfRequestErrorHasItsOutcomeAndNoData) {
  const auto check = [](const Response& response, Outcome outcome, std::string_view code) {
    EXPECT_EQ(response.outcome, outcome) << response.body;
    EXPECT_TRUE(response.request_error());
    const boost::json::value body = boost::json::parse(response.body);
    EXPECT_FALSE(body.as_object().contains("data"));
    EXPECT_EQ(body.at("errors").at(0).at("extensions").at("code").as_string(), code);
    EXPECT_EQ(boost::json::parse(boost::json::string_view(response.errors_text().data(),
                                                          response.errors_text().size())),
              body.at("errors"));
  };
  check(execute("{ echo"), Outcome::kSyntaxError, "GRAPHQL_PARSE_FAILED");
  check(execute("{ nothing }"), Outcome::kValidationError, "GRAPHQL_VALIDATION_FAILED");
  check(execute("query A { echo } query B { echo }"), Outcome::kOperationUnresolved,
        "OPERATION_RESOLUTION_FAILURE");
  check(execute("query A { echo } query B { echo }", "{}", "C"), Outcome::kOperationUnresolved,
        "OPERATION_RESOLUTION_FAILURE");
  check(execute("query ($n: Int) { echo(n: $n) }", R"({"n":"x"})"), Outcome::kVariablesInvalid,
        "BAD_USER_INPUT");
  check(execute("subscription { ticks }"), Outcome::kNotAllowed, "OPERATION_RESOLUTION_FAILURE");
  check(execute("mutation { set(n: 1) }", "{}", {}, Service::Allowed::kQueries),
        Outcome::kNotAllowed, "OPERATION_RESOLUTION_FAILURE");
}

TEST_F(ServiceTest, ChoosesTheNamedOperation) {
  EXPECT_EQ(execute("query A { a: echo } query B { b: echo }", "{}", "B").body,
            R"({"data":{"b":"hi"}})");
}

TEST_F(ServiceTest, StartOpensAStreamOrAnswers) {
  auto started =
      run(service_.start({.query = "subscription { ticks }"}, std::make_shared<RequestContext>()));
  auto& stream = std::get<std::unique_ptr<ResponseStream>>(started);
  auto first = run(stream->next());
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->body, R"({"data":{"ticks":1}})");
  EXPECT_EQ(first->event_id, "cursor");
  EXPECT_FALSE(run(stream->next()).has_value());

  auto answered =
      run(service_.start({.query = "mutation { set(n: 4) }"}, std::make_shared<RequestContext>()));
  EXPECT_EQ(std::get<Response>(answered).body, R"({"data":{"set":4}})");

  auto refused = run(service_.subscribe({.query = "{ echo }"}, std::make_shared<RequestContext>()));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().outcome, Outcome::kNotAllowed);
}

TEST_F(ServiceTest, EachLimitHasItsOwnCode) {
  EXPECT_EQ(code_of(execute(std::string(200 * 1024, ' '))), "MAX_QUERY_BYTES_LIMIT");
  EXPECT_EQ(code_of(execute("{ " + repeat("echo ", 6'000) + "}")), "MAX_TOKENS_LIMIT");
  EXPECT_EQ(code_of(execute(repeat("{ deep ", 300) + repeat("}", 300))), "MAX_RECURSION_LIMIT");
  EXPECT_EQ(code_of(execute(repeat("{ deep ", 12) + "{ x " + repeat("}", 13))), "MAX_DEPTH_LIMIT");
  EXPECT_EQ(code_of(execute("{ deep { " + repeat("a: x ", 31) + "} }")), "MAX_ALIASES_LIMIT");
  EXPECT_EQ(code_of(execute("{ " + repeat("echo ", 21) + "}")), "MAX_ROOT_FIELDS_LIMIT");
  EXPECT_EQ(code_of(execute("mutation { " + repeat("set(n: 1) ", 11) + "}")),
            "MAX_ROOT_FIELDS_LIMIT");
  EXPECT_EQ(code_of(execute("{ deep { " + repeat("x ", 501) + "} }")), "MAX_HEIGHT_LIMIT");
  EXPECT_EQ(code_of(execute("{ deep { " + repeat("x @skip(if: true) ", 51) + "} }")),
            "MAX_DIRECTIVES_LIMIT");
  EXPECT_EQ(code_of(execute("{ __schema { types { " + repeat("ofType { ", 19) + "name" +
                            repeat(" }", 22))),
            "MAX_DEPTH_LIMIT");
}

TEST_F(ServiceTest, FragmentsCountWhereTheyAreSpread) {
  EXPECT_EQ(code_of(execute("{ deep { ...A ...A } } fragment A on Deep { ...B ...B ...B ...B } "
                            "fragment B on Deep { " +
                            repeat("x ", 100) + "}")),
            "MAX_HEIGHT_LIMIT");
}

TEST_F(ServiceTest, IntrospectionHasItsOwnDepthAndCanBeOff) {
  const std::string query =
      "{ __schema { types { " + repeat("ofType { ", 15) + "name" + repeat(" }", 18);
  EXPECT_FALSE(execute(query).request_error());
  Service closed = make({.limits = {.introspection = false}});
  EXPECT_EQ(code_of(run(closed.execute({.query = "{ __type(name: \"Query\") { name } }"},
                                       std::make_shared<RequestContext>()))),
            "INTROSPECTION_DISABLED");
}

TEST(CheckLimits, CyclesAndMultiplyingFragmentsAreMeasuredInLinearTime) {
  std::string query = "{ ...F0 }";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "...F" + std::to_string((i + 1) % 60);
    query += " fragment F" + std::to_string(i) + " on Query { echo " + next + " " + next + " }";
  }
  auto document = language::parse({.body = query});
  ASSERT_TRUE(document.has_value());
  EXPECT_FALSE(check_limits(execution::ExecutableDocument(std::move(*document)), {}).empty());
}

DocumentCache::Entry entry(std::string text) {
  return std::make_shared<const LoadedDocument>(*language::parse({.body = std::move(text)}));
}

TEST(DocumentCache, DropsTheLeastRecentlyUsedByWeight) {
  const std::size_t one = entry("{ a }")->memory_bytes() + 200;
  DocumentCache cache(one * 5);
  for (const char* text : {"{ a }", "{ b }", "{ c }", "{ d }"}) cache.put(entry(text));
  EXPECT_NE(cache.find("{ a }"), nullptr);
  cache.put(entry("{ e }"));
  cache.put(entry("{ f }"));
  EXPECT_NE(cache.find("{ a }"), nullptr);
  EXPECT_EQ(cache.find("{ b }"), nullptr);
  EXPECT_GT(cache.statistics().evictions, 0U);
  EXPECT_LE(cache.statistics().bytes, one * 5);
}

TEST(DocumentCache, KeepsNothingWithoutRoom) {
  DocumentCache cache(0);
  cache.put(entry("{ a }"));
  EXPECT_EQ(cache.find("{ a }"), nullptr);
}

TEST(RequestParameters, NullIsAbsentAndUnknownMembersAreIgnored) {
  const auto read = [](const char* text) {
    return parse_request_parameters(boost::json::parse(text));
  };
  const auto full =
      read(R"({"query":"{a}","operationName":"A","variables":{"x":1},"extensions":{},"more":1})");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->operation_name, "A");
  EXPECT_TRUE(full->variables.contains("x"));
  EXPECT_TRUE(read(R"({"query":"{a}","operationName":null,"variables":null})").has_value());
  const auto by_id = read(R"({"documentId":"sha256:1"})");
  ASSERT_TRUE(by_id.has_value());
  EXPECT_EQ(by_id->document_id, "sha256:1");
  EXPECT_EQ(by_id->query, "");
  EXPECT_TRUE(read(R"({"extensions":{"persistedQuery":{}}})").has_value());
  for (const char* bad :
       {"[]", "{}", R"({"query":1})", R"({"query":1,"documentId":"x"})", R"({"documentId":1})",
        R"({"extensions":{"other":1}})", R"({"query":"{a}","operationName":1})",
        R"({"query":"{a}","variables":[]})", R"({"query":"{a}","extensions":"x"})"}) {
    EXPECT_FALSE(read(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace errand::graphql::request
