#include "errand/upstream/forwarder.h"

#include <atomic>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/net/http_server.h"
#include "errand/net/router.h"
#include "errand/net/test_client.h"
#include "errand/outbound/http_client_test_server.h"

namespace errand::upstream {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using outbound::TestServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Connection = TestServer::Connection;

constexpr const char* kPost = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
constexpr const char* kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A server whose path /graphql is a Forwarder to an upstream that does what a test says.
class ForwarderTest : public testing::Test {
 protected:
  ~ForwarderTest() override {
    if (!http_) return;
    asio::co_spawn(threads_.context(), http_->stop(1h), asio::use_future).get();
    forwarder_->stop();
    http_.reset();
    threads_.join();
  }

  void start(const std::string& url, Forwarder::Options options = {}) {
    options.url = url;
    forwarder_ = Forwarder::create(std::move(options), {}, &metrics_).value();
    router_.add(net::Route{
        .methods = {"GET", "POST", "OPTIONS", "PUT"},
        .path = "/graphql",
        .handler = [this](net::HttpRequest request) -> asio::awaitable<net::HttpResponse> {
          auto answered = co_await forwarder_->forward(
              std::move(request),
              {.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
               .request_id = "r1"});
          if (answered) co_return *std::move(answered);
          const Error& error = answered.error().error;
          co_return net::HttpResponse::text(
              answered.error().status, std::string(to_string(error.code)) + " " + error.message);
        }});
    http_ = *net::HttpServer::listen(threads_.context().get_executor(), {}, router_, {}, nullptr);
    http_->start();
  }

  net::TestClient::Response send(const std::string& request_line, const std::string& headers = "",
                                 const std::string& body = "") {
    net::TestClient client(http_->port());
    client.send(request_line + " HTTP/1.1\r\nHost: front.example\r\n" + headers +
                (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                "\r\n" + body);
    return client.read_response(!request_line.starts_with("HEAD"));
  }

  telemetry::Metrics metrics_;
  net::TestThreads threads_;
  net::Router router_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<net::HttpServer> http_;
};

/// Answers each request with what it got.
void echo(Connection& connection) {
  while (const auto request = connection.read()) connection.answer(request->head + request->body);
}

TEST_F(ForwarderTest, PassesARequestOnAsItIs) {
  const TestServer upstream(echo);
  start(upstream.url("/api?tenant=1"));
  const std::string body("--x\r\n\0\xFF binary\r\n--x--", 21);
  const auto response = send("POST /graphql?a=%20b&c",
                             "Content-Type: multipart/form-data; boundary=x\r\nCookie: s=1\r\n"
                             "Authorization: Bearer jwt\r\nConnection: keep-alive, X-Hop\r\n"
                             "X-Hop: 1\r\nX-Request-Id: mine\r\n",
                             body);
  EXPECT_EQ(response.status, 200U);
  EXPECT_TRUE(response.body.starts_with("POST /api?tenant=1&a=%20b&c HTTP/1.1\r\nHost: 127.0.0.1"))
      << response.body;
  EXPECT_TRUE(response.body.ends_with("\r\n\r\n" + body));
  EXPECT_THAT(
      response.body,
      AllOf(HasSubstr("\r\nCookie: s=1\r\n"), HasSubstr("\r\nAuthorization: Bearer jwt\r\n"),
            HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"),
            HasSubstr("\r\nX-Forwarded-Host: front.example\r\n"),
            HasSubstr("\r\ntraceparent: 00-0af7"), HasSubstr("\r\nX-Request-Id: mine\r\n")));
  EXPECT_THAT(response.body, AllOf(Not(HasSubstr("X-Hop")), Not(HasSubstr("errand")),
                                   Not(HasSubstr("Expect")), Not(HasSubstr("\r\nAccept:"))));
}

TEST_F(ForwarderTest, PassesEachMethodOn) {
  const TestServer upstream([](Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->head.starts_with("HEAD")) {
        connection.send("HTTP/1.1 200 OK\r\nX-Head: 1\r\nContent-Length: 500\r\n\r\n");
      } else {
        connection.answer(request->head.substr(0, request->head.find(' ')) + request->body);
      }
    }
  });
  start(upstream.url());
  EXPECT_EQ(send("GET /graphql?query={a}").body, "GET");
  EXPECT_EQ(send("OPTIONS /graphql", "Origin: https://a.example\r\n").body, "OPTIONS");
  EXPECT_EQ(send("PUT /graphql", "", "x").body, "PUTx");
  EXPECT_TRUE(send("HEAD /graphql").has("X-Head: 1"));
}

TEST_F(ForwarderTest, PassesAResponseBackAsItIs) {
  const TestServer upstream([](Connection& connection) {
    while (connection.read()) {
      connection.answer("packed",
                        "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Encoding: br\r\n"
                        "Content-Type: application/json\r\nDate: then\r\n"
                        "Keep-Alive: timeout=5\r\nX-Request-Id: theirs\r\n",
                        418);
    }
  });
  start(upstream.url());
  const auto response = send("POST /graphql", "Accept-Encoding: br\r\n", "{}");
  EXPECT_EQ(response.status, 418U);
  EXPECT_EQ(response.body, "packed");
  EXPECT_THAT(response.head,
              AllOf(HasSubstr("Set-Cookie: a=1\r\n"), HasSubstr("Set-Cookie: b=2\r\n"),
                    HasSubstr("Content-Encoding: br\r\n"), HasSubstr("Date: then\r\n"),
                    HasSubstr("Content-Length: 6\r\n"), Not(HasSubstr("Keep-Alive"))));
}

TEST_F(ForwarderTest, DoesNotPackWhatTheUpstreamDidNot) {
  const TestServer upstream([](Connection& connection) {
    while (connection.read()) {
      connection.answer(std::string(5'000, 'x'), "Content-Type: application/json\r\n");
    }
  });
  start(upstream.url());
  const auto response = send("POST /graphql", "Accept-Encoding: gzip\r\n", "{}");
  EXPECT_EQ(response.body, std::string(5'000, 'x'));
  EXPECT_THAT(response.head, Not(HasSubstr("Content-Encoding")));
}

TEST_F(ForwarderTest, AnswersWithoutABodyWhereTheUpstreamHasNone) {
  const TestServer upstream([](Connection& connection) {
    while (connection.read()) connection.send("HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n");
  });
  start(upstream.url());
  const auto response = send("OPTIONS /graphql");
  EXPECT_EQ(response.status, 204U);
  EXPECT_THAT(response.head, AllOf(HasSubstr("X-A: 1"), Not(HasSubstr("Transfer-Encoding"))));
}

TEST_F(ForwarderTest, HandsAStreamOverAsItComes) {
  std::promise<void> first_read;
  const TestServer upstream([&first_read](Connection& connection) {
    if (!connection.read()) return;
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n");
    first_read.get_future().wait();
    connection.send("7\r\nsecond\n\r\n0\r\n\r\n");
    connection.wait_for_end();
  });
  start(upstream.url());
  net::TestClient client(http_->port());
  client.send(kPost);
  EXPECT_TRUE(client.read_response().has("Content-Type: text/event-stream"));
  EXPECT_EQ(client.read_chunk(), "first\n");
  first_read.set_value();
  EXPECT_EQ(client.read_chunk(), "second\n");
  EXPECT_EQ(client.read_chunk(), "");
}

TEST_F(ForwarderTest, HandsALargeBodyOverWholeAndInOrder) {
  std::string large;
  for (int i = 0; large.size() < (8U << 20); ++i) large += std::to_string(i) + ",";
  const TestServer upstream([&large](Connection& connection) {
    while (connection.read()) connection.answer(large);
  });
  start(upstream.url(), {.buffer_bytes = 64 << 10});
  net::TestClient client(http_->port());
  client.send(kPost);
  client.read_response();
  std::string got;
  for (std::string piece = client.read_chunk(); !piece.empty(); piece = client.read_chunk()) {
    got += piece;
  }
  EXPECT_EQ(got.size(), large.size());
  EXPECT_TRUE(got == large);
}

TEST_F(ForwarderTest, MakesTheUpstreamWaitForASlowClient) {
  std::promise<std::size_t> stuck_at;
  const TestServer upstream([&stuck_at](Connection& connection) {
    if (!connection.read()) return;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    const timeval patience{.tv_sec = 1, .tv_usec = 0};
    ::setsockopt(connection.socket(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const std::string piece(64 << 10, 'x');
    std::size_t sent = 0;
    while (sent < 100'000'000 && connection.send(piece)) sent += piece.size();
    stuck_at.set_value(sent);
  });
  start(upstream.url());
  net::TestClient client(http_->port());
  client.send(kPost);
  client.read_response();
  EXPECT_LT(stuck_at.get_future().get(), 60'000'000U);
  client.reset();
}

TEST_F(ForwarderTest, EndsTheRequestOfAClientThatLeaves) {
  std::promise<void> began;
  std::promise<void> ended;
  const TestServer upstream([&](Connection& connection) {
    if (!connection.read()) return;
    began.set_value();
    connection.wait_for_end();
    ended.set_value();
  });
  start(upstream.url());
  net::TestClient client(http_->port());
  client.send(kPost);
  began.get_future().wait();
  client.reset();
  ended.get_future().wait();
}

TEST_F(ForwarderTest, EndsTheStreamOfAClientThatLeaves) {
  std::promise<void> ended;
  const TestServer upstream([&](Connection& connection) {
    if (!connection.read()) return;
    connection.send(kChunkedHead + std::string("2\r\nab\r\n"));
    connection.wait_for_end();
    ended.set_value();
  });
  start(upstream.url());
  net::TestClient client(http_->port());
  client.send(kPost);
  client.read_response();
  EXPECT_EQ(client.read_chunk(), "ab");
  client.reset();
  ended.get_future().wait();
}

TEST_F(ForwarderTest, CutsABodyThatBreaksOffSoThatItDoesNotLookWhole) {
  std::promise<void> read;
  const TestServer upstream([&read](Connection& connection) {
    if (!connection.read()) return;
    connection.send(kChunkedHead + std::string("2\r\nab\r\n"));
    read.get_future().wait();
  });
  start(upstream.url());
  net::TestClient client(http_->port());
  client.send(kPost);
  client.read_response();
  EXPECT_EQ(client.read_chunk(), "ab");
  read.set_value();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ForwarderTest, SaysThatTheUpstreamCannotBeReachedWithoutSayingWhereItIs) {
  std::string url;
  {
    const TestServer gone(echo);
    url = gone.url();
  }
  start(url);
  const auto response = send("POST /graphql", "", "{}");
  EXPECT_EQ(response.status, 502U);
  EXPECT_EQ(response.body, "UNAVAILABLE The server behind this one cannot be reached.");
  EXPECT_THAT(metrics_.render(),
              HasSubstr("errand_upstream_requests_total{outcome=\"connect\"} 1"));
}

TEST_F(ForwarderTest, SaysThatTheUpstreamIsTooSlow) {
  const TestServer upstream([](Connection& connection) { connection.wait_for_end(); });
  start(upstream.url(), {.timeout = 50ms});
  const auto response = send("POST /graphql", "", "{}");
  EXPECT_EQ(response.status, 504U);
  EXPECT_THAT(response.body, HasSubstr("DEADLINE_EXCEEDED"));
}

TEST_F(ForwarderTest, CutsAStreamOnWhichNothingComes) {
  const TestServer upstream([](Connection& connection) {
    if (!connection.read()) return;
    connection.send(kChunkedHead + std::string("2\r\nab\r\n"));
    connection.wait_for_end();
  });
  start(upstream.url(), {.idle_timeout = 50ms});
  net::TestClient client(http_->port());
  client.send(kPost);
  client.read_response();
  EXPECT_EQ(client.read_chunk(), "ab");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ForwarderTest, SendsAMutationOnceWhereItsConnectionEnds) {
  std::atomic<int> requests = 0;
  const TestServer upstream([&requests](Connection& connection) {
    while (connection.read()) {
      if (++requests == 2) return;
      connection.answer("ok");
    }
  });
  start(upstream.url());
  EXPECT_EQ(send("POST /graphql", "", "{}").status, 200U);
  const auto second = send("POST /graphql", "", "{}");
  EXPECT_EQ(second.status, 502U);
  EXPECT_THAT(second.body, HasSubstr("whether it ran the operation is not known"));
  EXPECT_EQ(requests, 2);
}

TEST_F(ForwarderTest, RefusesMoreRequestsThanMayBeUnderWay) {
  std::promise<void> began;
  std::promise<void> go_on;
  const TestServer upstream([&](Connection& connection) {
    if (!connection.read()) return;
    began.set_value();
    go_on.get_future().wait();
    connection.answer("ok");
  });
  start(upstream.url(), {.requests_max = 1});
  net::TestClient first(http_->port());
  first.send("GET /graphql HTTP/1.1\r\nHost: x\r\n\r\n");
  began.get_future().wait();
  const auto refused = send("GET /graphql");
  EXPECT_EQ(refused.status, 503U);
  EXPECT_THAT(refused.body, HasSubstr("RESOURCE_EXHAUSTED"));
  go_on.set_value();
  EXPECT_EQ(first.read_response().body, "ok");
}

TEST_F(ForwarderTest, FollowsNoRedirect) {
  const TestServer upstream([](Connection& connection) {
    while (connection.read()) connection.answer("", "Location: http://169.254.169.254/\r\n", 307);
  });
  start(upstream.url());
  const auto response = send("POST /graphql", "", "{}");
  EXPECT_EQ(response.status, 307U);
  EXPECT_TRUE(response.has("Location: http://169.254.169.254/"));
}

TEST(ForwarderCreate, RefusesAnUrlThatIsNone) {
  const auto forwarder = Forwarder::create({.url = "ftp://x/"}, {}, nullptr);
  ASSERT_FALSE(forwarder);
  EXPECT_EQ(forwarder.error().code, ErrorCode::kConfigInvalid);
}

}  // namespace
}  // namespace errand::upstream
