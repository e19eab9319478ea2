#include "errand/upstream/forwarded_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::upstream {
namespace {

using testing::ElementsAre;
using testing::Pair;

const Cause kCause{.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                   .request_id = "r1"};

net::HttpRequest request_with(net::HttpHeaders headers) {
  net::HttpRequest request;
  request.peer = "192.0.2.7:51234";
  request.headers = std::move(headers);
  return request;
}

TEST(ForwardedHeaders, KeepWhatIsEndToEndInItsOrder) {
  constexpr const char* kTrace = "00-11111111111111111111111111111111-2222222222222222-00";
  const auto headers = request_headers(request_with({{"Host", "errand.example"},
                                                     {"Authorization", "Bearer jwt"},
                                                     {"Cookie", "a=1"},
                                                     {"Accept-Encoding", "br"},
                                                     {"cookie", "b=2"},
                                                     {"X-Empty", ""},
                                                     {"traceparent", kTrace},
                                                     {"X-Request-Id", "mine"}}),
                                       kCause);
  EXPECT_THAT(headers.fields(),
              ElementsAre(Pair("Authorization", "Bearer jwt"), Pair("Cookie", "a=1"),
                          Pair("Accept-Encoding", "br"), Pair("cookie", "b=2"), Pair("X-Empty", ""),
                          Pair("traceparent", kTrace), Pair("X-Request-Id", "mine"),
                          Pair("X-Forwarded-For", "192.0.2.7"), Pair("X-Forwarded-Proto", "http"),
                          Pair("X-Forwarded-Host", "errand.example")));
}

TEST(ForwardedHeaders, LeaveOutThoseOfTheConnectionAndThoseThatItNames) {
  const auto headers = request_headers(request_with({{"Connection", "close, X-Hop"},
                                                     {"x-hop", "1"},
                                                     {"Keep-Alive", "timeout=5"},
                                                     {"Proxy-Authorization", "Basic eA=="},
                                                     {"TE", "trailers"},
                                                     {"Transfer-Encoding", "chunked"},
                                                     {"Upgrade", "h2c"},
                                                     {"Expect", "100-continue"},
                                                     {"Content-Length", "4"},
                                                     {"Content-Type", "text/plain"}}),
                                       kCause);
  EXPECT_THAT(headers.fields(),
              ElementsAre(Pair("Content-Type", "text/plain"), Pair("X-Forwarded-For", "192.0.2.7"),
                          Pair("X-Forwarded-Proto", "http"),
                          Pair("traceparent", kCause.traceparent), Pair("X-Request-Id", "r1")));
}

TEST(ForwardedHeaders, AddTheClientToTheChainOfProxies) {
  auto request = request_with({{"Host", "inner"},
                               {"X-Forwarded-For", "203.0.113.9"},
                               {"X-Forwarded-Proto", "https"},
                               {"X-Forwarded-Host", "api.example"}});
  request.peer = "[2001:db8::1]:443";
  const auto headers = request_headers(request, kCause);
  EXPECT_EQ(headers.joined("X-Forwarded-For"), "203.0.113.9, 2001:db8::1");
  EXPECT_EQ(headers.joined("X-Forwarded-Proto"), "https");
  EXPECT_EQ(headers.joined("X-Forwarded-Host"), "api.example");
}

TEST(ForwardedHeaders, ReplaceATraceThatIsNone) {
  const auto headers = request_headers(request_with({{"traceparent", "nonsense"}}), kCause);
  EXPECT_EQ(headers.joined("traceparent"), kCause.traceparent);
}

TEST(ForwardedHeaders, LeaveOutTheHandshakeOfAWebSocket) {
  const auto headers = upgrade_headers(request_with({{"Connection", "Upgrade"},
                                                     {"Upgrade", "websocket"},
                                                     {"Sec-WebSocket-Key", "k"},
                                                     {"Sec-WebSocket-Protocol", "p"},
                                                     {"Origin", "https://app.example"},
                                                     {"Cookie", "a=1"}}),
                                       kCause);
  EXPECT_FALSE(headers.find("Sec-WebSocket-Key"));
  EXPECT_FALSE(headers.find("Sec-WebSocket-Protocol"));
  EXPECT_EQ(headers.joined("Origin"), "https://app.example");
  EXPECT_EQ(headers.joined("Cookie"), "a=1");
}

TEST(ForwardedHeaders, OfAResponseKeepEachCookieAndTheCoding) {
  const auto headers = response_headers({{"Content-Type", "application/json"},
                                         {"Set-Cookie", "a=1"},
                                         {"Set-Cookie", "b=2"},
                                         {"Content-Encoding", "br"},
                                         {"Transfer-Encoding", "chunked"},
                                         {"Content-Length", "7"},
                                         {"Connection", "keep-alive"},
                                         {"Keep-Alive", "timeout=5"}});
  EXPECT_THAT(headers.fields(),
              ElementsAre(Pair("Content-Type", "application/json"), Pair("Set-Cookie", "a=1"),
                          Pair("Set-Cookie", "b=2"), Pair("Content-Encoding", "br")));
}

TEST(ForwardedHeaders, GoWithAQueryStringThatIsAddedToTheTargets) {
  EXPECT_EQ(with_query("/graphql", ""), "/graphql");
  EXPECT_EQ(with_query("/graphql", "a=%7B&b"), "/graphql?a=%7B&b");
  EXPECT_EQ(with_query("/graphql?t=1", "query={a}%"), "/graphql?t=1&query=%7Ba%7D%25");
}

}  // namespace
}  // namespace errand::upstream
