#include "errand/server/cors.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

namespace errand::server {
namespace {

namespace asio = boost::asio;

class CorsTest : public testing::Test {
 protected:
  CorsTest() {
    for (const char* path : {"/graphql", "/metrics", "/worker/v1/poll"}) {
      router_.add(net::Route{.methods = {"GET", "POST"},
                             .path = path,
                             .handler = [](net::HttpRequest) -> asio::awaitable<net::HttpResponse> {
                               net::HttpResponse response = net::HttpResponse::text(200, "hello");
                               response.headers.add("Vary", "Accept");
                               co_return response;
                             }});
    }
  }

  void start(Cors::Options options) {
    auto cors = Cors::create(router_, std::move(options));
    ASSERT_TRUE(cors) << cors.error().message;
    cors_ = std::move(*cors);
  }

  net::HttpResponse send(std::string method, std::string path, net::HttpHeaders headers) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    asio::io_context context;
    auto response = asio::co_spawn(context, cors_->handle(std::move(request)), asio::use_future);
    context.run();
    return response.get();
  }

  net::HttpResponse preflight(const std::string& origin, const std::string& path = "/graphql") {
    return send("OPTIONS", path,
                {{"Origin", origin},
                 {"Access-Control-Request-Method", "POST"},
                 {"Access-Control-Request-Headers", "authorization,content-type"}});
  }

  net::Router router_;
  std::unique_ptr<Cors> cors_;
};

TEST_F(CorsTest, IsOffByDefault) {
  start({});
  EXPECT_EQ(preflight("https://app.example").status, 405U);
  const auto response = send("POST", "/graphql", {{"Origin", "https://app.example"}});
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Origin"), std::nullopt);
  EXPECT_EQ(response.headers.joined("Vary"), "Accept");
}

TEST_F(CorsTest, AnswersThePreflightOfAListedOrigin) {
  start({.origins = {"https://app.example", "http://localhost:3000"},
         .credentials = true,
         .headers = {"Authorization", "X-Mine"},
         .max_age = std::chrono::seconds(60)});
  const auto response = preflight("http://localhost:3000");
  EXPECT_EQ(response.status, 204U);
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Origin"), "http://localhost:3000");
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Methods"), "GET, HEAD, POST");
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Headers"), "Authorization, X-Mine");
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(response.headers.find("Access-Control-Max-Age"), "60");
  EXPECT_EQ(response.headers.joined("Vary"), "Origin");
}

TEST_F(CorsTest, RefusesThePreflightOfAnotherOrigin) {
  start({.origins = {"https://app.example"}});
  for (const char* origin : {"https://evil.example", "https://app.example.evil.example",
                             "http://app.example", "https://app.example:8443", "null"}) {
    const auto response = preflight(origin);
    EXPECT_EQ(response.status, 403U) << origin;
    EXPECT_EQ(response.headers.find("Access-Control-Allow-Origin"), std::nullopt) << origin;
    EXPECT_EQ(response.headers.joined("Vary"), "Origin");
  }
}

TEST_F(CorsTest, SaysWhoMayReadAnAnswer) {
  start({.origins = {"https://app.example"}});
  const auto listed = send("POST", "/graphql", {{"Origin", "https://app.example"}});
  EXPECT_EQ(listed.status, 200U);
  EXPECT_EQ(listed.headers.find("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(listed.headers.find("Access-Control-Expose-Headers"), "X-Request-Id");
  EXPECT_EQ(listed.headers.find("Access-Control-Allow-Credentials"), std::nullopt);
  EXPECT_EQ(listed.headers.joined("Vary"), "Accept, Origin");

  for (const net::HttpHeaders& headers :
       {net::HttpHeaders{{"Origin", "https://evil.example"}}, net::HttpHeaders()}) {
    const auto other = send("POST", "/graphql", headers);
    EXPECT_EQ(other.status, 200U);
    EXPECT_EQ(other.headers.find("Access-Control-Allow-Origin"), std::nullopt);
    EXPECT_EQ(other.headers.joined("Vary"), "Accept, Origin");
  }
  // A refusal can be read too.
  const auto refused = send("DELETE", "/graphql", {{"Origin", "https://app.example"}});
  EXPECT_EQ(refused.status, 405U);
  EXPECT_EQ(refused.headers.find("Access-Control-Allow-Origin"), "https://app.example");
}

TEST_F(CorsTest, MayOpenToAnyOrigin) {
  start({.origins = {"*"}});
  EXPECT_EQ(preflight("https://a.example").headers.find("Access-Control-Allow-Origin"), "*");
  const auto response = send("GET", "/graphql", {{"Origin", "null"}});
  EXPECT_EQ(response.headers.find("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(response.headers.joined("Vary"), "Accept");
}

TEST_F(CorsTest, KeepsTheRestClosed) {
  start({.origins = {"*"}});
  for (const char* path : {"/metrics", "/worker/v1/poll"}) {
    EXPECT_EQ(preflight("https://a.example", path).status, 405U) << path;
    EXPECT_EQ(send("GET", path, {{"Origin", "https://a.example"}})
                  .headers.find("Access-Control-Allow-Origin"),
              std::nullopt);
  }
  EXPECT_EQ(preflight("https://a.example", "/graphql/nothing").status, 404U);
}

TEST_F(CorsTest, RefusesSettingsThatCannotBeMeant) {
  const auto refused = [this](Cors::Options options) {
    const auto cors = Cors::create(router_, std::move(options));
    return !cors && cors.error().code == ErrorCode::kConfigInvalid;
  };
  for (const char* origin : {"https://app.example/", "app.example", "https://", "://a",
                             "https://App.example", "https://*.example", "https://a b", ""}) {
    EXPECT_TRUE(refused({.origins = {origin}})) << origin;
  }
  EXPECT_TRUE(refused({.origins = {"*"}, .credentials = true}));
  EXPECT_TRUE(refused({.origins = {"null"}, .credentials = true}));
  EXPECT_FALSE(refused({.origins = {"https://[::1]:8080"}, .credentials = true}));
  EXPECT_FALSE(refused({.origins = {"null"}}));
}

}  // namespace
}  // namespace errand::server
