#include "errand/graphql/request/document_loader.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/graphql/request/service_test_support.h"

namespace errand::graphql::request {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string hash_of(std::string_view text) { return crypto::to_hex(crypto::sha256(text)); }

/// What an Apollo client sends with a hash.
boost::json::object persisted(std::string_view hash, int version = 1) {
  return {
      {"persistedQuery",
       {{"version", version}, {"sha256Hash", boost::json::string_view(hash.data(), hash.size())}}}};
}

class DocumentLoaderTest : public ServiceTest {
 protected:
  static Response send(Service& service, RequestParameters parameters) {
    return run(service.execute(std::move(parameters), std::make_shared<RequestContext>()));
  }
  static void expect_refused(const Response& response, ErrorCode code, std::string_view message,
                             int status) {
    EXPECT_EQ(response.code, code) << response.body;
    EXPECT_EQ(response.http_status, status);
    EXPECT_EQ(response.cache_control, "private, no-cache, must-revalidate");
    EXPECT_THAT(response.body, HasSubstr("\"message\":\"" + std::string(message) + "\""));
  }
};

using PersistedQueries = DocumentLoaderTest;
using TrustedDocuments = DocumentLoaderTest;
using WarnMode = DocumentLoaderTest;

TEST_F(PersistedQueries, AreAskedForOnceAndThenKnownByTheirHash) {
  const std::string text = "{ echo }";
  expect_refused(send(service_, {.extensions = persisted(hash_of(text))}),
                 ErrorCode::kPersistedQueryNotFound, "PersistedQueryNotFound", 200);
  EXPECT_EQ(send(service_, {.query = text, .extensions = persisted(hash_of(text))}).body,
            R"({"data":{"echo":"hi"}})");
  EXPECT_EQ(send(service_, {.extensions = persisted(hash_of(text))}).body,
            R"({"data":{"echo":"hi"}})");
}

TEST_F(PersistedQueries, AreNotRegisteredUnderAForeignHashNorWhenInvalid) {
  expect_refused(send(service_, {.query = "{ echo }", .extensions = persisted(hash_of("{ x }"))}),
                 ErrorCode::kInvalidArgument, "provided sha does not match query", 400);
  const std::string invalid = "{ nothing }";
  send(service_, {.query = invalid, .extensions = persisted(hash_of(invalid))});
  expect_refused(send(service_, {.extensions = persisted(hash_of(invalid))}),
                 ErrorCode::kPersistedQueryNotFound, "PersistedQueryNotFound", 200);
}

TEST_F(PersistedQueries, OfOtherVersionsAreRefused) {
  expect_refused(send(service_, {.query = "{ echo }", .extensions = persisted("x", 2)}),
                 ErrorCode::kInvalidArgument, "Unsupported persisted query version", 400);
  EXPECT_EQ(send(service_, {.query = "{ echo }", .extensions = {{"persistedQuery", nullptr}}}).body,
            R"({"data":{"echo":"hi"}})");
}

TEST_F(PersistedQueries, CanBeSwitchedOff) {
  Service service = make({.persisted_queries_bytes_max = 0});
  expect_refused(send(service, {.query = "{ echo }", .extensions = persisted(hash_of("{ echo }"))}),
                 ErrorCode::kPersistedQueryNotSupported, "PersistedQueryNotSupported", 200);
}

TEST_F(PersistedQueries, AreBoundedInBytes) {
  Service service = make({.persisted_queries_bytes_max = 64 << 10});
  const auto text = [](int i) { return "{ a" + std::to_string(i) + ": echo }"; };
  for (int i = 0; i < 200; ++i) {
    send(service, {.query = text(i), .extensions = persisted(hash_of(text(i)))});
  }
  EXPECT_TRUE(send(service, {.extensions = persisted(hash_of(text(0)))}).request_error());
  EXPECT_FALSE(send(service, {.extensions = persisted(hash_of(text(199)))}).request_error());
}

TEST_F(TrustedDocuments, AreNamedByIdByHashOrByTheirText) {
  const std::string text = "query Q { echo }";
  Service service = make({.trusted_documents_mode = TrustedDocumentsMode::kRequire});
  ASSERT_TRUE(service.trust(std::vector<TrustedDocument>{{"app-1", text}}).has_value());
  RequestParameters ways[] = {{.document_id = "app-1"},
                              {.document_id = "sha256:" + hash_of(text)},
                              {.extensions = persisted(hash_of(text))},
                              {.extensions = persisted("app-1")},
                              {.query = text}};
  for (RequestParameters& parameters : ways) {
    EXPECT_EQ(send(service, std::move(parameters)).body, R"({"data":{"echo":"hi"}})");
  }
}

TEST_F(TrustedDocuments, AloneRunWhereTheyAreRequired) {
  Service service = make({.trusted_documents_mode = TrustedDocumentsMode::kRequire});
  ASSERT_TRUE(service.trust(std::vector<TrustedDocument>{{"app-1", "{ echo }"}}).has_value());
  RequestParameters others[] = {
      {.query = "{ echo  }"},
      {.query = "{ __schema { queryType { name } } }"},
      {.document_id = "app-2"},
      {.query = "{ b: echo }", .document_id = "app-1"},
      {.query = "{ b: echo }", .extensions = persisted(hash_of("{ b: echo }"))}};
  for (RequestParameters& parameters : others) {
    const Response response = send(service, std::move(parameters));
    EXPECT_EQ(response.code, ErrorCode::kDocumentNotTrusted) << response.body;
    EXPECT_EQ(response.http_status, 400);
  }
}

TEST_F(TrustedDocuments, LetOthersRunWhereTheyAreAllowed) {
  ASSERT_TRUE(service_.trust(std::vector<TrustedDocument>{{"app-1", "{ echo }"}}).has_value());
  EXPECT_FALSE(execute("{ b: echo }").request_error());
  EXPECT_FALSE(send(service_, {.document_id = "app-1"}).request_error());
  const Response unknown = send(service_, {.document_id = "app-2"});
  EXPECT_EQ(unknown.code, ErrorCode::kPersistedQueryNotFound);
  EXPECT_EQ(unknown.http_status, 404);
}

TEST_F(TrustedDocuments, AreBoundByNoLimitButThatOnRecursion) {
  std::string wide = "{ deep {";
  for (int i = 0; i < 2'000; ++i) wide += " a" + std::to_string(i) + ": x";
  wide += " } }";
  const std::string deep = repeat("{ deep ", 300) + "{ x" + repeat(" }", 301);
  Service service = make({});
  EXPECT_TRUE(service.trust(std::vector<TrustedDocument>{{"wide", wide}}).has_value());
  EXPECT_FALSE(send(service, {.document_id = "wide"}).request_error());
  EXPECT_FALSE(service.trust(std::vector<TrustedDocument>{{"deep", deep}}).has_value());
}

TEST_F(TrustedDocuments, WithFaultsAreNamed) {
  const auto error = [](std::vector<TrustedDocument> documents) {
    Service service = make({});
    const auto trusted = service.trust(documents);
    EXPECT_FALSE(trusted.has_value());
    return trusted ? "" : trusted.error().message;
  };
  EXPECT_EQ(error({{"a", "{ echo }"}, {"b", "{\n ecoh }"}}),
            "document b:2:2: Cannot query field \"ecoh\" on type \"Query\". Did you mean "
            "\"echo\"?");
  EXPECT_THAT(error({{"a", "{ echo"}}), HasSubstr("document a:1:7: Syntax Error"));
  EXPECT_EQ(error({{"a", "{ echo }"}, {"a", "{ b: echo }"}}),
            "document a: the id stands for two documents");
}

TEST(ParseTrustedDocuments, ReadsApollosManifestAndMaps) {
  const auto apollo = parse_trusted_documents(
      R"({"format":"apollo-persisted-query-manifest","version":1,"operations":[
          {"id":"1","name":"A","type":"query","body":"query A { a }"}]})");
  ASSERT_TRUE(apollo.has_value());
  ASSERT_EQ(apollo->size(), 1U);
  EXPECT_EQ(apollo->front().id, "1");
  EXPECT_EQ(apollo->front().text, "query A { a }");
  const auto map = parse_trusted_documents(R"({"1":"{ a }","2":"{ b }"})");
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->back().text, "{ b }");
}

TEST(ParseTrustedDocuments, SaysWhatIsWrong) {
  const auto error = [](const char* json) {
    const auto parsed = parse_trusted_documents(json);
    EXPECT_FALSE(parsed.has_value());
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(error("[]"), "the manifest is not a JSON object");
  EXPECT_THAT(error(R"({"1":2})"), HasSubstr("the document of \"1\" is not a text"));
  EXPECT_EQ(error(R"({"format":"apollo-persisted-query-manifest","version":2})"),
            "\"version\" of the manifest is not 1");
  EXPECT_EQ(error(R"({"format":"apollo-persisted-query-manifest","version":1})"),
            "\"operations\" of the manifest is not a list");
  EXPECT_EQ(error(R"({"format":"apollo-persisted-query-manifest","version":1,
                      "operations":[{"id":"1"}]})"),
            "operations[0] has not both of the texts \"id\" and \"body\"");
}

TEST_F(WarnMode, LetsRequestsPassAndTellsEachTime) {
  std::vector<ErrorCode> warnings;
  Service service = make({.limits = {.mode = LimitsMode::kWarn, .cost_max = 10},
                          .on_warning = [&](ErrorCode code) { warnings.push_back(code); }});
  const std::string deep = repeat("{ deep ", 13) + "{ x" + repeat(" }", 14);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(send(service, {.query = deep}).request_error());
    EXPECT_THAT(warnings, ElementsAre(ErrorCode::kMaxDepthLimit, ErrorCode::kMaxCostLimit));
    warnings.clear();
  }
}

TEST_F(WarnMode, KeepsTheBoundsOfParsingAndClosedIntrospection) {
  Service service = make({.limits = {.mode = LimitsMode::kWarn, .introspection = false}});
  EXPECT_EQ(code_of(send(service, {.query = "{ " + repeat("echo ", 6'000) + "}"})),
            "MAX_TOKENS_LIMIT");
  EXPECT_EQ(code_of(send(service, {.query = "{ __schema { queryType { name } } }"})),
            "INTROSPECTION_DISABLED");
}

TEST_F(DocumentLoaderTest, CostAndListSizesAreBounded) {
  EXPECT_EQ(code_of(execute("{ page(first: 101) { x } }")), "MAX_LIST_SIZE_LIMIT");
  EXPECT_FALSE(execute("{ page(first: 100) { x } }").request_error());
  const std::string variable = "query ($n: Int) { page(first: $n) { x } }";
  EXPECT_EQ(code_of(execute(variable, R"({"n":101})")), "MAX_LIST_SIZE_LIMIT");
  EXPECT_FALSE(execute(variable, R"({"n":100})").request_error());
  const Response dear = execute("{ page(first: 100) { page(first: 100) { x } } }");
  EXPECT_EQ(code_of(dear), "MAX_COST_LIMIT");
  EXPECT_THAT(dear.body, HasSubstr("The operation costs 30200; this server allows 5000."));
  EXPECT_EQ(code_of(execute("query ($n: Int) { page(first: 100) { page(first: $n) { x } } }",
                            R"({"n":100})")),
            "MAX_COST_LIMIT");
}

TEST_F(DocumentLoaderTest, TrustedDocumentsAreBoundByWhatVariablesMakeOfThem) {
  ASSERT_TRUE(service_
                  .trust(std::vector<TrustedDocument>{
                      {"fixed", "{ page(first: 500) { x } }"},
                      {"open", "query ($n: Int) { page(first: $n) { x } }"}})
                  .has_value());
  EXPECT_FALSE(send(service_, {.document_id = "fixed"}).request_error());
  EXPECT_EQ(code_of(send(service_, {.document_id = "open", .variables = {{"n", 500}}})),
            "MAX_LIST_SIZE_LIMIT");
}

TEST_F(DocumentLoaderTest, LongChainsOfFragmentsAreRefusedBeforeAnythingFollowsThem) {
  std::string text = "{ ...F0 }";
  for (int i = 0; i < 400; ++i) {
    text += " fragment F" + std::to_string(i) + " on Query { ...F" + std::to_string(i + 1) + " }";
  }
  text += " fragment F400 on Query { echo }";
  EXPECT_EQ(code_of(execute(text)), "MAX_RECURSION_LIMIT");
  Service unlimited = make({.limits = {.tokens_max = 0, .recursion_max = 0}});
  EXPECT_FALSE(send(unlimited, {.query = text}).request_error());
}

TEST_F(DocumentLoaderTest, IntrospectionIsBoundByItsOwnDepthAlone) {
  Service service = make({.limits = {.depth_max = 1,
                                     .height_max = 1,
                                     .aliases_max = 1,
                                     .root_fields_max = 1,
                                     .directives_max = 1,
                                     .cost_max = 1}});
  const Response response =
      send(service, {.query = "{ __schema { types { ...T a: name @skip(if: false) } } } "
                              "fragment T on __Type { name @include(if: true) kind @include(if: "
                              "true) fields { name type { name } } }"});
  EXPECT_FALSE(response.request_error()) << response.body;
}

TEST_F(DocumentLoaderTest, AliasesBelowIntrospectionCountFragmentsInPlace) {
  Service service = make({.limits = {.aliases_max = 30}});
  const Response response =
      send(service, {.query = "{ __schema { a: types { ...T } b: types { ...T } } } "
                              "fragment T on __Type { c: fields { ...F } d: fields { ...F } "
                              "e: fields { ...F } f: fields { ...F } } "
                              "fragment F on __Field { g: name h: name i: name j: name }"});
  EXPECT_EQ(response.code, ErrorCode::kMaxAliasesLimit) << response.body;
}

TEST_F(DocumentLoaderTest, SuggestionsCanBeOff) {
  EXPECT_THAT(execute("{ ecoh }").body, HasSubstr("Did you mean"));
  for (const Limits& limits : {Limits{.suggestions = false}, Limits{.introspection = false}}) {
    Service service = make({.limits = limits});
    EXPECT_THAT(send(service, {.query = "{ ecoh }"}).body,
                ::testing::Not(HasSubstr("Did you mean")));
  }
}

}  // namespace
}  // namespace errand::graphql::request
