#include "errand/net/router.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace errand::net {
namespace {

namespace asio = boost::asio;

HttpResponse ask(Router& router, std::string method, std::string path) {
  asio::io_context context;
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  auto answer = asio::co_spawn(context, router.handle(std::move(request)), asio::use_future);
  context.run();
  return answer.get();
}

Route route(std::vector<std::string> methods, std::string path, std::string body) {
  return {.methods = std::move(methods),
          .path = std::move(path),
          .handler = [body](HttpRequest) -> asio::awaitable<HttpResponse> {
            co_return HttpResponse::text(200, body);
          }};
}

struct Routes : testing::Test {
  Router router;
  void SetUp() override {
    router.add(route({"GET"}, "/a", "exact"));
    router.add(route({"GET"}, "/a/*", "prefix"));
    router.add(route({"GET"}, "/a/b/*", "longer"));
    router.add(route({"POST"}, "/a", "post"));
    router.add(WebSocketRoute{.path = "/ws", .upgrade = [](const HttpRequest&) {
                                return HttpResponse::text(401, "who are you?");
                              }});
  }
};

TEST_F(Routes, TakeTheMostSpecificPath) {
  EXPECT_EQ(ask(router, "GET", "/a").body, "exact");
  EXPECT_EQ(ask(router, "GET", "/a/x").body, "prefix");
  EXPECT_EQ(ask(router, "GET", "/a/b/x").body, "longer");
  EXPECT_EQ(ask(router, "POST", "/a").body, "post");
  EXPECT_EQ(ask(router, "HEAD", "/a").body, "exact");
}

TEST_F(Routes, NameTheMethodsThatAreServed) {
  const auto response = ask(router, "DELETE", "/a");
  EXPECT_EQ(response.status, 405U);
  EXPECT_EQ(response.headers.find("Allow"), "GET, HEAD, POST");
}

TEST_F(Routes, SayWhereAWebSocketIsWanted) {
  const auto response = ask(router, "GET", "/ws");
  EXPECT_EQ(response.status, 426U);
  EXPECT_EQ(response.headers.find("Upgrade"), "websocket");
}

TEST_F(Routes, LeaveTheAnswerToUnknownPathsToTheirOwner) {
  EXPECT_EQ(ask(router, "GET", "/nowhere").status, 404U);
  router.on_not_found([this](const HttpRequest&) {
    return HttpResponse::json(404, "[\"" + router.listing().front() + "\"]");
  });
  EXPECT_EQ(ask(router, "GET", "/nowhere").body, "[\"GET /a\"]");
}

TEST_F(Routes, AskTheWebSocketRouteForEachUpgrade) {
  HttpRequest request;
  request.path = "/ws";
  EXPECT_EQ(std::get<HttpResponse>(router.upgrade(request)).status, 401U);
  request.path = "/a";
  EXPECT_EQ(std::get<HttpResponse>(router.upgrade(request)).status, 400U);
  request.path = "/nowhere";
  EXPECT_EQ(std::get<HttpResponse>(router.upgrade(request)).status, 404U);
}

}  // namespace
}  // namespace errand::net
