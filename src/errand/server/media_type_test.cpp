#include "errand/server/media_type.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::server {
namespace {

constexpr auto kJson = GraphqlMediaType::kJson;
constexpr auto kResponse = GraphqlMediaType::kGraphqlResponse;

struct Case {
  const char* accept;
  std::optional<GraphqlMediaType> chosen;
};

class Negotiate : public testing::TestWithParam<Case> {};

TEST_P(Negotiate, ChoosesByTheAcceptList) {
  EXPECT_EQ(negotiate(GetParam().accept), GetParam().chosen) << GetParam().accept;
}

INSTANTIATE_TEST_SUITE_P(
    Accept, Negotiate,
    testing::Values(
        Case{"", kJson}, Case{"  ", kJson}, Case{"*/*", kJson}, Case{"application/*", kJson},
        Case{"application/json", kJson}, Case{"application/graphql-response+json", kResponse},
        Case{"APPLICATION/GraphQL-Response+JSON", kResponse},
        Case{"application/graphql-response+json; charset=utf-8", kResponse},
        Case{"application/graphql-response+json; charset=\"UTF-8\"", kResponse},
        Case{"application/json; charset=utf-16", std::nullopt},
        Case{"application/graphql-response+json, application/json", kResponse},
        Case{"application/json, application/graphql-response+json", kJson},
        Case{"application/json, application/graphql-response+json;q=0.9", kJson},
        Case{"application/json;q=0.8, application/graphql-response+json", kResponse},
        Case{"application/graphql-response+json;q=0.2, application/json;q=0.201", kJson},
        Case{"application/graphql-response+json;q=0, */*", kJson},
        Case{"application/json;q=0, */*", kResponse}, Case{"*/*;q=0", std::nullopt},
        Case{"*/*;q=0, application/json", kJson}, Case{"application/json;q=0", std::nullopt},
        Case{"text/html", std::nullopt},
        Case{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kJson},
        Case{"text/event-stream", std::nullopt},
        // urql's list for an ordinary query: no stream.
        Case{"application/graphql-response+json, application/graphql+json, application/json, "
             "text/event-stream, multipart/mixed",
             kResponse},
        // Apollo Client's for one.
        Case{"application/graphql-response+json,application/json;q=0.9", kResponse},
        Case{"multipart/mixed;deferSpec=20220824,application/json", kJson},
        // Malformed elements do not count.
        Case{"application, application/json;q=2, application/graphql-response+json", kResponse},
        Case{"\"a,b\", application/json", kJson}, Case{"garbage", std::nullopt},
        Case{",,,", std::nullopt}, Case{"application/json;;q=0.5;", kJson}));

TEST(MediaType, ReadsParameters) {
  const auto type = parse_media_type(" Application/JSON ; Charset=\"u\\tf-8\";x=y ");
  ASSERT_TRUE(type);
  EXPECT_TRUE(type->is("application/json"));
  EXPECT_FALSE(type->is("application/jso"));
  EXPECT_EQ(type->parameter("charset"), "utf-8");
  EXPECT_EQ(type->parameter("x"), "y");
  EXPECT_EQ(type->parameter("z"), std::nullopt);
}

TEST(MediaType, RefusesWhatIsMalformed) {
  for (const char* text : {"", "json", "application/", "/json", "a/b c", "a/b;c=", "a/b;c=\"d",
                           "application/json, text/html"}) {
    EXPECT_FALSE(parse_media_type(text)) << text;
  }
}

RC_GTEST_PROP(Negotiate, NeverFailsOnAnyText, (const std::string& text)) {
  negotiate(text);
  parse_media_type(text);
}

RC_GTEST_PROP(Negotiate, TakesTheHeavier, ()) {
  const int a = *rc::gen::inRange(1, 1000);
  const int b = *rc::gen::inRange(1, 1000);
  RC_PRE(a != b);
  const auto q = [](int weight) {
    std::string digits = std::to_string(weight);
    return "0." + std::string(3 - digits.size(), '0') + digits;
  };
  RC_ASSERT(negotiate("application/json;q=" + q(a) + ",application/graphql-response+json;q=" +
                      q(b)) == std::optional(a > b ? kJson : kResponse));
}

}  // namespace
}  // namespace errand::server
