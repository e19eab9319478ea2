#include "errand/net/http_message.h"

#include <gtest/gtest.h>

#include "errand/net/web_socket.h"

namespace errand::net {
namespace {

TEST(HttpHeaders, CompareNamesWithoutRegardToCase) {
  HttpHeaders headers{{"Accept", "a"}, {"X", "1"}, {"accept", "b"}};
  EXPECT_EQ(headers.find("ACCEPT"), "a");
  EXPECT_EQ(headers.joined("accept"), "a, b");
  EXPECT_EQ(headers.count("Accept"), 2U);
  headers.set("ACCEPT", "c");
  EXPECT_EQ(headers.joined("accept"), "c");
  EXPECT_EQ(headers.find("none"), std::nullopt);
}

TEST(HttpHeaders, AddToAListOnce) {
  HttpHeaders headers;
  headers.add_to_list("Vary", "Accept");
  headers.add_to_list("vary", "Origin");
  headers.add_to_list("Vary", "ORIGIN");
  EXPECT_EQ(headers.joined("Vary"), "Accept, Origin");
  EXPECT_EQ(headers.count("Vary"), 1U);
}

TEST(HasToken, ReadsListsInAnyCase) {
  EXPECT_TRUE(has_token("a, Upgrade\t,b", "upgrade"));
  EXPECT_TRUE(has_token(",,upgrade", "upgrade"));
  EXPECT_FALSE(has_token("upgrades, up grade", "upgrade"));
  EXPECT_FALSE(has_token("", "upgrade"));
}

TEST(ParseWeight, ReadsThousandths) {
  EXPECT_EQ(parse_weight("1"), 1'000);
  EXPECT_EQ(parse_weight("1.000"), 1'000);
  EXPECT_EQ(parse_weight("0.25"), 250);
  EXPECT_EQ(parse_weight("0."), 0);
  for (const char* text : {"", "2", "1.001", "0.2500", ".5", "0,5", "-1", "0.a"}) {
    EXPECT_EQ(parse_weight(text), std::nullopt) << text;
  }
}

TEST(ParseQuery, DecodesNamesAndValues) {
  const auto parameters = parse_query("query=%7Ba%7D&x=1+2&empty=&flag&&y=a%3Db");
  ASSERT_TRUE(parameters);
  EXPECT_EQ(
      *parameters,
      (QueryParameters{{"query", "{a}"}, {"x", "1 2"}, {"empty", ""}, {"flag", ""}, {"y", "a=b"}}));
}

TEST(ParseQuery, RefusesBrokenEscapesAndBrokenUtf8) {
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("a=%4"));
  EXPECT_FALSE(parse_query("a=%zz"));
  EXPECT_FALSE(parse_query("a=%ff"));
}

TEST(ParseBearer, ReadsTheTokenInAnyCaseOfTheScheme) {
  EXPECT_EQ(parse_bearer("Bearer abc"), "abc");
  EXPECT_EQ(parse_bearer("bearer  abc "), "abc");
  EXPECT_EQ(parse_bearer("Basic abc"), std::nullopt);
  EXPECT_EQ(parse_bearer("Bearer"), std::nullopt);
  EXPECT_EQ(parse_bearer("Bearer  "), std::nullopt);
  EXPECT_EQ(parse_bearer("Bearerabc"), std::nullopt);
}

}  // namespace
}  // namespace errand::net
