#include "errand/outbound/http_client.h"

#include <atomic>
#include <cstdio>
#include <future>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "errand/outbound/http_client_test_server.h"

namespace errand::outbound {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using Connection = TestServer::Connection;

std::shared_ptr<const AddressGuard> guard(AddressGuard::Options options) {
  return std::make_shared<const AddressGuard>(AddressGuard::create(options).value());
}

/// Lets requests through to servers on loopback.
std::shared_ptr<const AddressGuard> loopback(std::initializer_list<const TestServer*> servers) {
  AddressGuard::Options options{.allow = {"127.0.0.0/8", "::1"}, .ports = {}, .allow_http = true};
  for (const TestServer* server : servers) options.ports.push_back(server->port());
  return guard(options);
}

/// Answers each request with `body`.
std::function<void(Connection&)> answering(std::string body) {
  return [body = std::move(body)](Connection& connection) {
    while (connection.read()) connection.answer(body);
  };
}

/// Sends `bytes` after each request's head and ends the connection.
std::function<void(Connection&)> sending(std::string bytes) {
  return [bytes = std::move(bytes)](Connection& connection) {
    if (connection.read()) connection.send(bytes);
  };
}

void hang(Connection& connection) { connection.wait_for_end(); }

class HttpClientTest : public testing::Test {
 protected:
  HttpClient& client(std::initializer_list<const TestServer*> servers,
                     const HttpClient::Options& options = {}) {
    client_ = HttpClient::create(options, loopback(servers), &metrics_).value();
    return *client_;
  }

  static HttpRequest get(std::string url) {
    return {.url = std::move(url), .deadline = std::chrono::steady_clock::now() + 1h};
  }

  static std::future<HttpResult> begin(HttpClient& client, HttpRequest request) {
    auto promise = std::make_shared<std::promise<HttpResult>>();
    auto future = promise->get_future();
    client.fetch(std::move(request),
                 [promise](HttpResult result) { promise->set_value(std::move(result)); });
    return future;
  }

  static HttpResult fetch(HttpClient& client, HttpRequest request) {
    return begin(client, std::move(request)).get();
  }

  /// What one server that does `serve` makes of a plain request.
  HttpResult result_of(std::function<void(Connection&)> serve) {
    const TestServer server(std::move(serve));
    return fetch(client({&server}), get(server.url()));
  }

  static HttpFailure failure(const HttpResult& result) {
    EXPECT_FALSE(result) << "status " << (result ? result->status : 0);
    return result ? HttpFailure::kInvalid : result.error().failure;
  }

  asio::io_context context_;  // outlives the client, which posts to it
  telemetry::Metrics metrics_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsARequestAndHandsOverItsResponse) {
  std::promise<TestServer::Request> seen;
  const TestServer server([&seen](Connection& connection) {
    seen.set_value(*connection.read());
    connection.answer("made", "X-Two: a\r\nx-two:  b \r\n", 201);
  });
  HttpRequest request = get(server.url("/jobs?a=%20b"));
  request.method = "PUT";
  request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", "k1"}, {"X-No", ""}};
  request.body = R"({"a": 1})";
  const HttpResult result = fetch(client({&server}), std::move(request));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 201U);
  EXPECT_EQ(result->body, "made");
  EXPECT_EQ(result->headers.joined("X-TWO"), "a, b");
  EXPECT_EQ(result->peer, "127.0.0.1");
  EXPECT_FALSE(result->truncated);
  const auto got = seen.get_future().get();
  EXPECT_EQ(got.body, R"({"a": 1})");
  EXPECT_TRUE(got.head.starts_with("PUT /jobs?a=%20b HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(got.head, AllOf(HasSubstr("\r\nContent-Type: application/json\r\n"),
                              HasSubstr("\r\nIdempotency-Key: k1\r\n"), HasSubstr("\r\nX-No:\r\n"),
                              HasSubstr("\r\nUser-Agent: errand\r\n")));
  for (const char* header : {"Accept-Encoding", "Expect", "Cookie", "Authorization"}) {
    EXPECT_FALSE(got.has(header)) << got.head;
  }
}

TEST_F(HttpClientTest, SendsEachMethodWithItsFraming) {
  const TestServer server([](Connection& connection) {
    while (const auto request = connection.read()) {
      const bool head = request->head.starts_with("HEAD");
      const std::string text = request->head.substr(0, request->head.find(' ')) + "|" +
                               request->body + "|" +
                               (request->has("Content-Length: 0\r\n") ? "empty" : "") +
                               (request->has("Content-Type") ? "typed" : "");
      if (head) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
      } else {
        connection.answer(text);
      }
    }
  });
  HttpClient& c = client({&server});
  const auto send = [&](std::string method, std::string body) {
    HttpRequest request = get(server.url());
    request.method = std::move(method);
    request.body = std::move(body);
    request.response_bytes_max = 4 << 20;
    const auto result = fetch(c, std::move(request));
    return result ? result->body : result.error().message;
  };
  EXPECT_EQ(send("GET", ""), "GET||");
  EXPECT_EQ(send("GET", "x"), "GET|x|");
  EXPECT_EQ(send("HEAD", ""), "");
  EXPECT_EQ(send("POST", ""), "POST||empty");
  EXPECT_EQ(send("POST", std::string("a\0b", 3)), std::string("POST|a\0b|", 9));
  EXPECT_EQ(send("DELETE", ""), "DELETE||empty");
  EXPECT_EQ(send("QUERY", "{}"), "QUERY|{}|");
  EXPECT_EQ(send("POST", std::string(3 << 20, 'x')).size(), (3U << 20) + 6);
}

TEST_F(HttpClientTest, KeepsConnections) {
  const TestServer server(answering("ok"));
  HttpClient& c = client({&server});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(fetch(c, get(server.url("/" + std::to_string(i)))));
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ReplacesAConnectionThatTheTargetClosed) {
  const TestServer server([](Connection& connection) {
    if (connection.read()) connection.answer("ok");
  });
  HttpClient& c = client({&server});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(fetch(c, get(server.url())));
}

TEST_F(HttpClientTest, SendsARequestOnceMoreWhenItsKeptConnectionEndsUnanswered) {
  std::atomic<int> requests = 0;
  const TestServer server([&requests](Connection& connection) {
    while (connection.read()) {
      if (++requests == 2) return;
      connection.answer("ok");
    }
  });
  HttpClient& c = client({&server});
  EXPECT_TRUE(fetch(c, get(server.url())));
  EXPECT_TRUE(fetch(c, get(server.url())));
  EXPECT_EQ(requests, 3);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, NeverSendsARequestTwiceThatIsToBeSentOnce) {
  std::atomic<int> requests = 0;
  const TestServer server([&requests](Connection& connection) {
    while (connection.read()) {
      if (++requests == 2) return;
      connection.answer("ok");
    }
  });
  HttpClient& c = client({&server});
  HttpRequest request = get(server.url());
  request.method = "POST";
  request.body = "{}";
  request.once = true;
  EXPECT_TRUE(fetch(c, request));
  const HttpResult second = fetch(c, request);
  EXPECT_EQ(failure(second), HttpFailure::kCutOff);
  EXPECT_TRUE(second.error().sent);
  EXPECT_THAT(second.error().message, HasSubstr("not to be sent twice"));
  EXPECT_EQ(requests, 2);
  EXPECT_TRUE(fetch(c, request));
  EXPECT_EQ(requests, 3);
}

TEST_F(HttpClientTest, AddsNothingToAPlainRequest) {
  const TestServer server([](Connection& connection) {
    while (const auto request = connection.read()) connection.answer(request->head);
  });
  HttpClient& c = client({&server});
  HttpRequest request = get(server.url("/graphql"));
  request.plain = true;
  EXPECT_EQ(fetch(c, request)->body, "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:" +
                                         std::to_string(server.port()) + "\r\n\r\n");
  request.method = "OPTIONS";
  request.headers = {{"Accept", "a/b"}, {"User-Agent", "mine"}};
  const HttpResult options = fetch(c, request);
  EXPECT_TRUE(options->body.starts_with("OPTIONS /graphql HTTP/1.1\r\n"));
  EXPECT_THAT(options->body,
              AllOf(HasSubstr("\r\nAccept: a/b\r\n"), HasSubstr("\r\nUser-Agent: mine\r\n"),
                    Not(HasSubstr("errand")), Not(HasSubstr("Content-Length"))));
}

TEST_F(HttpClientTest, DoesNotFollowRedirects) {
  std::atomic<int> requests = 0;
  const TestServer server([&requests](Connection& connection) {
    while (connection.read()) {
      ++requests;
      connection.answer("", "Location: /elsewhere\r\nSet-Cookie: a=b\r\n", 302);
    }
  });
  HttpClient& c = client({&server});
  for (int i = 1; i <= 2; ++i) {
    const HttpResult result = fetch(c, get(server.url()));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 302U);
    EXPECT_EQ(requests, i);
  }
}

TEST_F(HttpClientTest, KeepsNoCookies) {
  std::atomic<bool> cookie = false;
  const TestServer server([&cookie](Connection& connection) {
    while (const auto request = connection.read()) {
      cookie = cookie || request->has("Cookie");
      connection.answer("", "Set-Cookie: a=b\r\n");
    }
  });
  HttpClient& c = client({&server});
  EXPECT_TRUE(fetch(c, get(server.url())));
  EXPECT_TRUE(fetch(c, get(server.url())));
  EXPECT_FALSE(cookie);
}

TEST_F(HttpClientTest, LeavesPackedBodiesPacked) {
  static constexpr char kPacked[] = "\x1f\x8b\x08\0\0\0\0\0\0\3\x4b\xce,H\5\0";
  const std::string packed(kPacked, sizeof kPacked - 1);
  const HttpResult result = result_of([&packed](Connection& connection) {
    if (connection.read()) connection.answer(packed, "Content-Encoding: gzip\r\n");
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, packed);
}

TEST_F(HttpClientTest, RefusesPackedTransfers) {
  EXPECT_EQ(failure(result_of(sending("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
                                      "5\r\n\x1f\x8b\x08\x08\x08\r\n0\r\n\r\n"))),
            HttpFailure::kProtocol);
}

TEST_F(HttpClientTest, ReadsChunksAndInterimResponses) {
  const HttpResult result = result_of(
      sending("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX: 1\r\n"
              "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
              "T: 1\r\n\r\n"));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->status, 200U);
  EXPECT_EQ(result->body, "abcde");
  EXPECT_EQ(result->headers.count("x-early"), 0U);
  EXPECT_EQ(result->headers.count("t"), 0U);
  EXPECT_EQ(result->headers.joined("x"), "1");
}

TEST_F(HttpClientTest, TakesNoMoreThanWasAnnounced) {
  const TestServer server([](Connection& connection) {
    while (connection.read()) {
      connection.send(
          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
          "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    }
  });
  HttpClient& c = client({&server});
  for (int i = 0; i < 3; ++i) {
    const HttpResult result = fetch(c, get(server.url()));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->body, "hello");
  }
}

TEST_F(HttpClientTest, TellsResponsesThatAreCutOff) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    const HttpResult result = result_of(sending(bytes));
    EXPECT_EQ(failure(result), HttpFailure::kCutOff) << bytes;
    EXPECT_TRUE(!result && result.error().sent);
  }
}

TEST_F(HttpClientTest, TellsWhatIsNoHttp) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    const HttpResult result = result_of(sending(bytes));
    EXPECT_THAT(failure(result), AnyOf(HttpFailure::kProtocol, HttpFailure::kCutOff)) << bytes;
  }
}

TEST_F(HttpClientTest, StopsReadingABodyThatIsTooLarge) {
  const TestServer server([](Connection& connection) {
    if (!connection.read()) return;
    connection.send("HTTP/1.1 200 OK\r\nX: 1\r\nConnection: close\r\n\r\n");
    while (connection.send(std::string(1'000, 'x'))) {
    }
  });
  HttpClient& c = client({&server});
  HttpRequest request = get(server.url());
  request.response_bytes_max = 100'000;
  const HttpResult failed = fetch(c, request);
  EXPECT_EQ(failure(failed), HttpFailure::kTooLarge);
  EXPECT_THAT(failed.error().message, HasSubstr("100000"));
  request.when_too_large = WhenTooLarge::kTruncate;
  const HttpResult truncated = fetch(c, request);
  ASSERT_TRUE(truncated);
  EXPECT_EQ(truncated->status, 200U);
  EXPECT_EQ(truncated->headers.joined("x"), "1");
  EXPECT_EQ(truncated->body, std::string(100'000, 'x'));
  EXPECT_TRUE(truncated->truncated);
}

TEST_F(HttpClientTest, TakesABodyOfExactlyTheMostBytes) {
  const TestServer server(answering("12345"));
  HttpClient& c = client({&server});
  HttpRequest request = get(server.url());
  request.response_bytes_max = 5;
  EXPECT_EQ(fetch(c, request)->body, "12345");
  request.response_bytes_max = 4;
  EXPECT_EQ(failure(fetch(c, request)), HttpFailure::kTooLarge);
}

TEST_F(HttpClientTest, StopsReadingAHeadWithoutEnd) {
  for (const char* line : {"X-More: and more\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    const HttpResult result = result_of([line](Connection& connection) {
      if (!connection.read()) return;
      if (line[0] == 'X') connection.send("HTTP/1.1 200 OK\r\n");
      while (connection.send(line)) {
      }
    });
    EXPECT_EQ(failure(result), HttpFailure::kTooLarge);
  }
}

TEST_F(HttpClientTest, EndsAtItsDeadline) {
  const TestServer server(hang);
  HttpClient& c = client({&server});
  HttpResult result;
  // A machine that is slow enough does not come to send it in that time.
  for (auto patience = 50ms; patience < 1min; patience *= 2) {
    HttpRequest request = get(server.url());
    request.deadline = std::chrono::steady_clock::now() + patience;
    result = fetch(c, std::move(request));
    ASSERT_EQ(failure(result), HttpFailure::kTimedOut);
    if (result.error().sent) break;
  }
  EXPECT_TRUE(result.error().sent);
  EXPECT_TRUE(result.error().tried);
}

TEST_F(HttpClientTest, EndsAtItsDeadlineWhileTheBodyDrips) {
  const TestServer server([](Connection& connection) {
    if (!connection.read()) return;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (connection.send("x")) std::this_thread::sleep_for(1ms);
  });
  HttpRequest request = get(server.url());
  request.deadline = std::chrono::steady_clock::now() + 50ms;
  EXPECT_EQ(failure(fetch(client({&server}), std::move(request))), HttpFailure::kTimedOut);
}

TEST_F(HttpClientTest, SendsNothingAfterItsDeadline) {
  const TestServer server(answering("ok"));
  HttpRequest request = get(server.url());
  request.deadline = std::chrono::steady_clock::now() - 1s;
  const HttpResult result = fetch(client({&server}), std::move(request));
  EXPECT_EQ(failure(result), HttpFailure::kTimedOut);
  EXPECT_FALSE(result.error().sent);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpClientTest, TellsWhereNobodyListens) {
  std::string url;
  std::shared_ptr<const AddressGuard> open;
  {
    const TestServer server(hang);
    url = server.url();
    open = loopback({&server});
  }
  const auto c = HttpClient::create({}, open, nullptr).value();
  const HttpResult result = fetch(*c, get(url));
  EXPECT_EQ(failure(result), HttpFailure::kConnect);
  EXPECT_FALSE(result.error().sent);
  EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1"));
}

TEST_F(HttpClientTest, TellsNamesWithoutAnAddress) {
  const auto c = HttpClient::create({}, guard({}), nullptr).value();
  HttpRequest request = get("https://no-such-host.invalid/");
  request.deadline = std::chrono::steady_clock::now() + 5s;
  const HttpResult result = fetch(*c, std::move(request));
  // A machine without a name server may take its time.
  EXPECT_THAT(failure(result), AnyOf(HttpFailure::kResolve, HttpFailure::kTimedOut));
  EXPECT_FALSE(result.error().sent);
}

TEST_F(HttpClientTest, ConnectsToNoAddressThatTheGuardRefuses) {
  const TestServer server(answering("secret"));
  const auto c =
      HttpClient::create({}, guard({.ports = {server.port()}, .allow_http = true}), nullptr)
          .value();
  for (const char* host : {"127.0.0.1", "localhost", "a.localhost", "127.1", "2130706433"}) {
    const HttpResult result = fetch(*c, get(server.url("/", host)));
    EXPECT_EQ(failure(result), HttpFailure::kRefused) << host;
    EXPECT_THAT(result.error().message, AllOf(HasSubstr("loopback"), HasSubstr("outbound.allow")));
    EXPECT_FALSE(result.error().sent);
    EXPECT_EQ(to_error(result.error()).code, ErrorCode::kForbidden);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpClientTest, ChecksAConnectionAgainBeforeItIsUsedAgain) {
  std::atomic<int> requests = 0;
  const TestServer server([&requests](Connection& connection) {
    while (connection.read()) {
      ++requests;
      connection.answer("ok");
    }
  });
  HttpClient& c = client({&server});
  EXPECT_TRUE(fetch(c, get(server.url("/", "localhost"))));
  HttpRequest request = get(server.url("/", "localhost"));
  request.guard = guard({.ports = {server.port()}, .allow_http = true});
  const HttpResult result = fetch(c, request);
  EXPECT_EQ(failure(result), HttpFailure::kRefused);
  EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1 of localhost"));
  EXPECT_EQ(requests, 1);
}

TEST_F(HttpClientTest, RefusesRequestsThatCannotBeSent) {
  const TestServer server(answering("ok"));
  HttpClient& c = client({&server});
  const auto refused = [&](HttpRequest request) {
    const HttpResult result = fetch(c, std::move(request));
    EXPECT_EQ(failure(result), HttpFailure::kInvalid);
    return result ? "" : result.error().message;
  };
  for (const char* method : {"", "GET /x HTTP/1.1\r\nX:", "G T", "CONNECT"}) {
    HttpRequest request = get(server.url());
    request.method = method;
    EXPECT_THAT(refused(request), HasSubstr("method"));
  }
  for (const auto& [name, value] :
       {std::pair("X-A", "a\r\nX-B: c"), std::pair("X-A", "a\nb"), std::pair("X A", "a"),
        std::pair("", "a"), std::pair("X-A: b\r\nX-C", "a"), std::pair("Content-length", "5"),
        std::pair("transfer-encoding", "chunked"), std::pair("HOST", "a"),
        std::pair("Connection", "close")}) {
    HttpRequest request = get(server.url());
    request.headers.add(name, value);
    EXPECT_THAT(refused(request), HasSubstr("header"));
  }
  EXPECT_THAT(refused(get("file:///etc/passwd")), HasSubstr("https"));
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpClientTest, EndsARequestThatIsStopped) {
  std::promise<void> closed;
  std::promise<void> reached;
  const TestServer server([&](Connection& connection) {
    if (!connection.read()) return;
    reached.set_value();
    connection.wait_for_end();
    closed.set_value();
  });
  std::stop_source source;
  HttpRequest request = get(server.url());
  request.stop = source.get_token();
  HttpClient& c = client({&server});
  auto future = begin(c, request);
  reached.get_future().wait();
  source.request_stop();
  const HttpResult result = future.get();
  EXPECT_EQ(failure(result), HttpFailure::kCanceled);
  EXPECT_TRUE(result.error().sent);
  closed.get_future().wait();
  // One that was stopped before is not sent.
  const HttpResult again = fetch(c, request);
  EXPECT_EQ(failure(again), HttpFailure::kCanceled);
  EXPECT_FALSE(again.error().sent);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, EndsRequestsThatWaitWhenTheyAreStoppedOrTooLate) {
  std::promise<void> reached;
  const TestServer server([&](Connection& connection) {
    if (!connection.read()) return;
    reached.set_value();
    connection.wait_for_end();
  });
  HttpClient& c = client({&server}, {.in_flight_max = 1});
  std::stop_source first_stop;
  HttpRequest first = get(server.url());
  first.stop = first_stop.get_token();
  auto hanging = begin(c, first);
  reached.get_future().wait();
  std::stop_source second_stop;
  HttpRequest second = get(server.url());
  second.stop = second_stop.get_token();
  auto stopped = begin(c, second);
  HttpRequest third = get(server.url());
  third.deadline = std::chrono::steady_clock::now() + 20ms;
  const HttpResult late = fetch(c, third);
  EXPECT_EQ(failure(late), HttpFailure::kTimedOut);
  EXPECT_FALSE(late.error().sent);
  EXPECT_FALSE(late.error().tried);
  second_stop.request_stop();
  EXPECT_EQ(failure(stopped.get()), HttpFailure::kCanceled);
  first_stop.request_stop();
  EXPECT_EQ(failure(hanging.get()), HttpFailure::kCanceled);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, KeepsItsBoundsUnderManyRequests) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  const TestServer server([&](Connection& connection) {
    while (connection.read()) {
      const int running = ++now;
      int seen = most;
      while (seen < running && !most.compare_exchange_weak(seen, running)) {
      }
      std::this_thread::yield();
      --now;
      connection.answer("ok");
    }
  });
  HttpClient& c = client({&server}, {.in_flight_max = 100, .in_flight_per_origin_max = 8});
  std::vector<std::future<HttpResult>> results;
  for (int i = 0; i < 500; ++i) {
    HttpRequest request = get(server.url("/" + std::to_string(i)));
    request.method = "POST";
    request.body = std::string(1'000, 'x');
    results.push_back(begin(c, std::move(request)));
  }
  for (auto& result : results) EXPECT_EQ(result.get()->body, "ok");
  EXPECT_LE(most, 8);
  EXPECT_LE(server.connections(), 8);
}

TEST_F(HttpClientTest, RefusesWhatIsTooMuch) {
  const TestServer dead(hang);
  const TestServer alive(answering("ok"));
  HttpClient& c = client({&dead, &alive}, {.in_flight_max = 4,
                                           .in_flight_per_origin_max = 2,
                                           .waiting_max = 4,
                                           .waiting_per_origin_max = 3});
  std::vector<std::future<HttpResult>> hanging;
  for (int i = 0; i < 5; ++i) hanging.push_back(begin(c, get(dead.url())));
  const HttpResult refused = fetch(c, get(dead.url()));
  EXPECT_EQ(failure(refused), HttpFailure::kFull);
  EXPECT_FALSE(refused.error().sent);
  EXPECT_EQ(to_error(refused.error()).code, ErrorCode::kResourceExhausted);
  // Others pass those that wait for the dead one.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(fetch(c, get(alive.url())));
  for (const char* host : {"localhost", "a.localhost"}) {
    for (int i = 0; i < 2; ++i) hanging.push_back(begin(c, get(dead.url("/", host))));
  }
  EXPECT_EQ(failure(hanging.back().get()), HttpFailure::kFull);
  hanging.pop_back();
  c.stop();
  for (auto& future : hanging) EXPECT_EQ(failure(future.get()), HttpFailure::kCanceled);
}

TEST_F(HttpClientTest, EndsEverythingWhenItStops) {
  const TestServer server(hang);
  HttpClient& c = client({&server}, {.in_flight_max = 3});
  std::vector<std::future<HttpResult>> results;
  for (int i = 0; i < 10; ++i) results.push_back(begin(c, get(server.url())));
  c.stop();
  for (auto& result : results) EXPECT_EQ(failure(result.get()), HttpFailure::kCanceled);
  EXPECT_EQ(failure(fetch(c, get(server.url()))), HttpFailure::kCanceled);
  c.stop();
}

TEST_F(HttpClientTest, BearsStopsAndEndsAtAnyMoment) {
  const TestServer server([](Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->has("GET /hang")) {
        connection.wait_for_end();
      } else {
        connection.answer("ok");
      }
    }
  });
  HttpClient& c = client({&server}, {.in_flight_max = 10, .waiting_max = 20});
  std::atomic<int> told = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&c, &server, &told, t] {
      for (int i = 0; i < 100; ++i) {
        std::stop_source source;
        HttpRequest request = get(server.url((i + t) % 3 == 0 ? "/hang" : "/"));
        request.stop = source.get_token();
        c.fetch(std::move(request), [&told](const HttpResult&) { ++told; });
        if (i % 2 == 0) std::this_thread::yield();
        source.request_stop();
      }
    });
  }
  threads[0].join();
  c.stop();
  threads[1].join();
  threads[2].join();
  EXPECT_EQ(told, 300);
}

/// Keeps what it gets. Says kWait for pieces while `full`.
class TestSink final : public HttpSink {
 public:
  bool on_head(unsigned status, const net::HttpHeaders& headers,
               std::function<void()> resume) override {
    status_ = status;
    type_ = headers.joined("content-type");
    resume_ = std::move(resume);
    return status != 500;
  }

  Take on_data(std::string_view piece) override {
    if (stop_at_ <= data_.size()) return Take::kStop;
    if (full_) {
      if (!waited_.exchange(true)) waits_.set_value();
      return Take::kWait;
    }
    data_ += piece;
    return Take::kTaken;
  }

  unsigned status_ = 0;
  std::string type_;
  std::function<void()> resume_;
  std::string data_;
  std::size_t stop_at_ = std::string::npos;
  std::atomic<bool> full_ = false;
  std::atomic<bool> waited_ = false;
  std::promise<void> waits_;
};

TEST_F(HttpClientTest, HandsAResponseToASinkAsItComes) {
  const TestServer server([](Connection& connection) {
    while (const auto request = connection.read()) {
      connection.answer("hello", "Content-Type: text/plain\r\n", request->has("/500") ? 500 : 200);
    }
  });
  HttpClient& c = client({&server});
  const auto sink = std::make_shared<TestSink>();
  HttpRequest request = get(server.url());
  request.sink = sink;
  const HttpResult result = fetch(c, request);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, "");
  EXPECT_EQ(sink->status_, 200U);
  EXPECT_EQ(sink->type_, "text/plain");
  EXPECT_EQ(sink->data_, "hello");
  sink->resume_();  // comes too late to matter
  request.url = server.url("/500");
  EXPECT_EQ(failure(fetch(c, request)), HttpFailure::kCanceled);
}

TEST_F(HttpClientTest, MakesATargetWaitForASinkWithoutRoom) {
  std::atomic<std::size_t> sent = 0;
  std::promise<void> blocked;
  const TestServer server([&](Connection& connection) {
    if (!connection.read()) return;
    const int small = 16 * 1024;
    ::setsockopt(connection.socket(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n");
    for (int i = 0; i < 256; ++i) {
      connection.send(std::string(64 * 1024, static_cast<char>('a' + i % 26)));
      sent += 64 * 1024;
    }
  });
  HttpClient& c = client({&server});
  const auto sink = std::make_shared<TestSink>();
  sink->full_ = true;
  HttpRequest request = get(server.url());
  request.sink = sink;
  request.response_bytes_max = 1 << 30;
  auto future = begin(c, request);
  sink->waits_.get_future().wait();
  EXPECT_EQ(sink->data_, "");
  EXPECT_LT(sent, 16U << 20);
  sink->full_ = false;
  sink->resume_();
  ASSERT_TRUE(future.get());
  EXPECT_EQ(sink->data_.size(), 16U << 20);
  EXPECT_EQ(sink->data_.substr(64 * 1024, 2), "bb");
}

TEST_F(HttpClientTest, EndsAResponseWhoseSinkWantsNoMore) {
  const TestServer server([](Connection& connection) {
    if (!connection.read()) return;
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    while (connection.send("more")) {
    }
  });
  HttpClient& c = client({&server});
  HttpRequest request = get(server.url());
  const auto sink = std::make_shared<TestSink>();
  sink->stop_at_ = 10;
  request.sink = sink;
  EXPECT_EQ(failure(fetch(c, request)), HttpFailure::kCanceled);
  // Also within the call that resumes it.
  const auto waiting = std::make_shared<TestSink>();
  waiting->full_ = true;
  request.sink = waiting;
  auto future = begin(c, request);
  waiting->waits_.get_future().wait();
  waiting->stop_at_ = 0;
  waiting->resume_();
  EXPECT_EQ(failure(future.get()), HttpFailure::kCanceled);
}

TEST_F(HttpClientTest, ResumesACoroutineOnItsOwnThread) {
  const TestServer server(answering("ok"));
  HttpClient& c = client({&server});
  auto future = asio::co_spawn(
      context_,
      [](HttpClient* http, std::string url) -> asio::awaitable<bool> {
        const auto thread = std::this_thread::get_id();
        const HttpResult result = co_await http->fetch(get(std::move(url)));
        co_return result && result->body == "ok" && std::this_thread::get_id() == thread;
      }(&c, server.url()),
      asio::use_future);
  context_.run();
  EXPECT_TRUE(future.get());
}

TEST_F(HttpClientTest, IsCancelledWithItsCoroutine) {
  std::promise<void> reached;
  std::promise<void> closed;
  const TestServer server([&](Connection& connection) {
    if (!connection.read()) return;
    reached.set_value();
    connection.wait_for_end();
    closed.set_value();
  });
  HttpClient& c = client({&server});
  std::optional<HttpResult> result;
  const auto task = [](HttpClient* http, std::string url,
                       std::optional<HttpResult>* out) -> asio::awaitable<void> {
    *out = co_await http->fetch(get(std::move(url)));
  };
  asio::cancellation_signal cancel;
  asio::co_spawn(context_, task(&c, server.url(), &result),
                 asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
  std::thread canceler([&] {
    reached.get_future().wait();
    asio::post(context_, [&cancel] { cancel.emit(asio::cancellation_type::terminal); });
  });
  context_.run();
  canceler.join();
  ASSERT_TRUE(result);
  EXPECT_EQ(failure(*result), HttpFailure::kCanceled);
  closed.get_future().wait();
}

TEST_F(HttpClientTest, IsStoppedByItsTokenInACoroutineToo) {
  const TestServer server(hang);
  HttpClient& c = client({&server});
  std::stop_source source;
  HttpRequest request = get(server.url());
  request.stop = source.get_token();
  auto future = asio::co_spawn(context_, c.fetch(std::move(request)), asio::use_future);
  std::thread stopper([&source] { source.request_stop(); });
  context_.run();
  stopper.join();
  EXPECT_EQ(failure(future.get()), HttpFailure::kCanceled);
}

TEST_F(HttpClientTest, CountsItsRequests) {
  const TestServer server([](Connection& connection) {
    while (connection.read()) connection.answer("", "", 404);
  });
  HttpClient& c = client({&server});
  EXPECT_TRUE(fetch(c, get(server.url())));
  EXPECT_FALSE(fetch(c, get("ftp://a.example/")));
  c.stop();
  EXPECT_THAT(metrics_.render(),
              AllOf(HasSubstr("errand_outbound_requests_total{outcome=\"4xx\"} 1"),
                    HasSubstr("errand_outbound_requests_total{outcome=\"invalid\"} 1"),
                    HasSubstr("errand_outbound_request_duration_seconds_count 2"),
                    HasSubstr("errand_outbound_requests_in_flight 0"),
                    HasSubstr("errand_outbound_requests_waiting 0")));
}

/// A certificate for 127.0.0.1, signed by itself.
class TestCertificate {
 public:
  TestCertificate() {
    X509_set_version(certificate_.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3600);
    X509_set_pubkey(certificate_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(certificate_.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate_.get(), name);
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"),
        &X509_EXTENSION_free);
    X509_add_ext(certificate_.get(), names.get(), -1);
    X509_sign(certificate_.get(), key_.get(), EVP_sha256());
    const int file = ::mkstemp(path_.data());
    std::FILE* stream = ::fdopen(file, "w");
    PEM_write_X509(stream, certificate_.get());
    std::fclose(stream);
    SSL_CTX_use_certificate(context_.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.get(), key_.get());
  }
  ~TestCertificate() { ::unlink(path_.c_str()); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Serves one request over TLS.
  void serve(const Connection& connection) const {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(ssl.get(), connection.socket());
    if (SSL_accept(ssl.get()) != 1) return;
    std::string received;
    while (!received.contains("\r\n\r\n")) {
      char data[4096];
      const int bytes = SSL_read(ssl.get(), data, sizeof data);
      if (bytes <= 0) return;
      received.append(data, static_cast<std::size_t>(bytes));
    }
    const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
    SSL_shutdown(ssl.get());
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate_{X509_new(), &X509_free};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_server_method()),
                                                             &SSL_CTX_free};
  std::string path_ = testing::TempDir() + "errand_outbound_XXXXXX";
};

TEST_F(HttpClientTest, TrustsOnlyWhomItsCertificatesSay) {
  const TestCertificate certificate;
  const TestServer server(
      [&certificate](const Connection& connection) { certificate.serve(connection); });
  const auto url = [&server](std::string_view host) {
    return "https" + server.url("/", host).substr(4);
  };
  const HttpResult unknown = fetch(client({&server}), get(url("127.0.0.1")));
  EXPECT_EQ(failure(unknown), HttpFailure::kTls);
  EXPECT_FALSE(unknown.error().sent);
  HttpClient& c = client({&server}, {.ca_file = certificate.path()});
  const HttpResult known = fetch(c, get(url("127.0.0.1")));
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(known->body, "secret");
  EXPECT_EQ(failure(fetch(c, get(url("localhost")))), HttpFailure::kTls);  // another name
}

TEST_F(HttpClientTest, TellsWhoSpeaksNoTls) {
  const TestServer server([](Connection& connection) { connection.send("hello\r\n\r\n"); });
  EXPECT_EQ(failure(fetch(client({&server}), get("https" + server.url().substr(4)))),
            HttpFailure::kTls);
}

TEST(HttpExchange, TellsTheBreakerWhatConcernsTheTarget) {
  using Outcome = CircuitBreaker::Outcome;
  for (const auto& [status, outcome] :
       {std::pair(200U, Outcome::kSuccess), std::pair(302U, Outcome::kSuccess),
        std::pair(404U, Outcome::kSuccess), std::pair(429U, Outcome::kFailure),
        std::pair(500U, Outcome::kFailure), std::pair(503U, Outcome::kFailure)}) {
    EXPECT_EQ(breaker_outcome(HttpResponse{.status = status}), outcome) << status;
  }
  const auto of = [](HttpFailure failure, bool tried) {
    return breaker_outcome(std::unexpected(HttpError{.failure = failure, .tried = tried}));
  };
  EXPECT_EQ(of(HttpFailure::kConnect, true), Outcome::kFailure);
  EXPECT_EQ(of(HttpFailure::kTimedOut, true), Outcome::kFailure);
  EXPECT_EQ(of(HttpFailure::kTimedOut, false), Outcome::kNeither);
  EXPECT_EQ(of(HttpFailure::kCanceled, true), Outcome::kNeither);
  EXPECT_EQ(of(HttpFailure::kRefused, false), Outcome::kNeither);
}

TEST(HttpClient, NamesABadOption) {
  EXPECT_FALSE(HttpClient::create({.in_flight_max = 0}, guard({}), nullptr));
  EXPECT_FALSE(HttpClient::create({.in_flight_per_origin_max = 0}, guard({}), nullptr));
  EXPECT_FALSE(HttpClient::create({.user_agent = "a\r\nb"}, guard({}), nullptr));
}

}  // namespace
}  // namespace errand::outbound
