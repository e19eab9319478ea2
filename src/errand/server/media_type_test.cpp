#include "errand/server/media_type.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::server {
namespace {

using graphql::execution::IncrementalFormat;

constexpr auto kJson = GraphqlMediaType::kJson;
constexpr auto kResponse = GraphqlMediaType::kGraphqlResponse;
constexpr auto kEvents = StreamMediaType::kEventStream;
constexpr auto kParts = StreamMediaType::kMultipart;

struct Case {
  const char* accept;
  std::optional<GraphqlMediaType> chosen;
};

class Negotiate : public testing::TestWithParam<Case> {};

TEST_P(Negotiate, ChoosesByTheAcceptList) {
  EXPECT_EQ(negotiate(GetParam().accept).single, GetParam().chosen) << GetParam().accept;
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

struct StreamCase {
  const char* accept;
  std::optional<StreamMediaType> stream;
  bool event_stream_first;
  IncrementalFormat incremental;
};

class NegotiateStreams : public testing::TestWithParam<StreamCase> {};

TEST_P(NegotiateStreams, ChooseByTheAcceptList) {
  const Acceptable got = negotiate(GetParam().accept);
  EXPECT_EQ(got.stream, GetParam().stream) << GetParam().accept;
  EXPECT_EQ(got.event_stream_first, GetParam().event_stream_first) << GetParam().accept;
  EXPECT_EQ(got.incremental, GetParam().incremental) << GetParam().accept;
}

INSTANTIATE_TEST_SUITE_P(
    Accept, NegotiateStreams,
    testing::Values(
        StreamCase{"", std::nullopt, false, IncrementalFormat::kNone},
        StreamCase{"*/*", std::nullopt, false, IncrementalFormat::kNone},
        StreamCase{"text/*, multipart/*", std::nullopt, false, IncrementalFormat::kNone},
        StreamCase{"text/event-stream", kEvents, true, IncrementalFormat::kNone},
        StreamCase{"Text/Event-Stream;q=0", std::nullopt, false, IncrementalFormat::kNone},
        StreamCase{"text/event-stream, */*", kEvents, true, IncrementalFormat::kNone},
        StreamCase{"text/event-stream;q=0.9, application/json", kEvents, false,
                   IncrementalFormat::kNone},
        StreamCase{"application/json;q=0.5, text/event-stream", kEvents, true,
                   IncrementalFormat::kNone},
        // urql's lists: of a query, and of a subscription.
        StreamCase{"application/graphql-response+json, application/graphql+json, "
                   "application/json, text/event-stream, multipart/mixed",
                   kEvents, false, IncrementalFormat::k20220824},
        StreamCase{"text/event-stream, multipart/mixed", kEvents, true,
                   IncrementalFormat::k20220824},
        // Apollo Client's: of a subscription, and of operations with @defer.
        StreamCase{"multipart/mixed;boundary=graphql;subscriptionSpec=1.0,"
                   "application/graphql-response+json,application/json;q=0.9",
                   kParts, false, IncrementalFormat::kNone},
        StreamCase{"multipart/mixed;deferSpec=20220824,application/graphql-response+json,"
                   "application/json;q=0.9",
                   std::nullopt, false, IncrementalFormat::k20220824},
        StreamCase{"multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json",
                   std::nullopt, false, IncrementalFormat::kDraft},
        StreamCase{"multipart/mixed;incrementalSpec=\"v0.2\", multipart/mixed;deferSpec=20220824",
                   std::nullopt, false, IncrementalFormat::kDraft},
        StreamCase{"multipart/mixed;incrementalSpec=v9, multipart/mixed;deferSpec=20220824;q=0.3",
                   std::nullopt, false, IncrementalFormat::k20220824},
        StreamCase{"multipart/mixed;deferSpec=20990101, multipart/mixed;subscriptionSpec=2.0",
                   std::nullopt, false, IncrementalFormat::kNone},
        StreamCase{"multipart/mixed;q=0.5, application/json", kParts, false,
                   IncrementalFormat::kNone},
        StreamCase{"multipart/mixed;subscriptionSpec=\"1.0\", text/event-stream;q=0.9", kParts,
                   true, IncrementalFormat::kNone}));

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
  RC_ASSERT(negotiate("application/json;q=" + q(a) + ",application/graphql-response+json;q=" + q(b))
                .single == std::optional(a > b ? kJson : kResponse));
}

}  // namespace
}  // namespace errand::server
