#include "errand/net/http_server.h"

#include <atomic>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/deadline.h"
#include "errand/net/gzip.h"
#include "errand/net/test_client.h"

namespace errand::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;
using testing::EndsWith;
using testing::HasSubstr;

/// /echo gives back method, query and body; /wait waits until it is cancelled; /hold waits for
/// release(); /throw throws; /stream writes three pieces, /stream/crowd from several coroutines,
/// /stream/wait one and waits, /stream/hold one and waits for release(), /stream/throw one and
/// throws, /stream/flood as many as are taken.
class TestHandler final : public HttpHandler {
 public:
  asio::awaitable<HttpResponse> handle(HttpRequest request) override {
    if (request.path == "/wait") co_await wait();
    if (request.path == "/hold") {
      waiting_.set_value();
      // Polled, so that the test thread needs no executor.
      while (!released_) co_await async::sleep_for(1ms);
      co_return HttpResponse::text(200, "held");
    }
    if (request.path == "/throw") throw std::runtime_error("broken handler");
    if (request.path == "/big") co_return HttpResponse::text(200, std::string(64 << 20, 'x'));
    if (request.path == "/stream") {
      HttpResponse response;
      response.stream = [](BodyWriter& writer) -> asio::awaitable<void> {
        for (const char* piece : {"one", "two", "three"}) {
          const bool taken = co_await writer.write(piece);
          if (!taken) co_return;
        }
      };
      co_return response;
    }
    if (request.path.starts_with("/stream/")) co_return stream(request.path.substr(8));
    if (request.path == "/header") {
      HttpResponse response = HttpResponse::text(200, "ok");
      response.headers.add("X-Evil", "a\r\nX-Forged: b");
      co_return response;
    }
    co_return HttpResponse::text(200, request.method + "|" + request.query + "|" + request.body);
  }

  std::variant<WebSocketAccept, HttpResponse> upgrade(const HttpRequest&) override {
    return HttpResponse::text(400, "no WebSockets here");
  }

  bool half_close_cancels(const HttpRequest& request) const override {
    return request.query == "gone";
  }

  std::promise<void> waiting_;
  std::promise<void> cancelled_;
  std::atomic<bool> released_ = false;

 private:
  asio::awaitable<void> wait() {
    waiting_.set_value();
    struct Guard {
      std::promise<void>& cancelled;
      ~Guard() { cancelled.set_value(); }
    } guard{cancelled_};
    co_await async::sleep_for(1h);
  }

  HttpResponse stream(std::string how) {
    HttpResponse response;
    response.endless = how == "wait";
    response.stream = [this, how](BodyWriter& writer) -> asio::awaitable<void> {
      if (how == "crowd") {
        co_await (write_twice(writer, "a") && write_twice(writer, "b") && write_twice(writer, "c"));
        co_return;
      }
      bool taken = co_await writer.write("first");
      if (how == "throw") throw std::runtime_error("broken stream");
      if (how == "wait") co_await wait();
      if (how == "hold") {
        waiting_.set_value();
        while (!released_) co_await async::sleep_for(1ms);
        co_await writer.write("last");
      }
      while (how == "flood" && taken) taken = co_await writer.write(std::string(1 << 20, 'x'));
      if (how == "flood") cancelled_.set_value();
    };
    return response;
  }

  static asio::awaitable<void> write_twice(BodyWriter& writer, std::string piece) {
    co_await writer.write(std::string(1 << 20, piece[0]));
    co_await writer.write(std::move(piece));
  }
};

class HttpServerTest : public testing::Test {
 protected:
  ~HttpServerTest() override {
    if (server_) stop(1h);
    server_.reset();
    threads_.join();
  }

  std::uint16_t start(HttpServer::Options options = {}) {
    options.port = 0;
    auto server = HttpServer::listen(threads_.context().get_executor(), options, handler_,
                                     telemetry::Log(), &metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    server_->start();
    return server_->port();
  }

  void stop(Milliseconds grace) {
    asio::co_spawn(threads_.context(), server_->stop(grace), asio::use_future).get();
  }

  static std::string get(std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }

  TestThreads threads_;
  TestHandler handler_;
  telemetry::Metrics metrics_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, KeepsAConnectionForSeveralRequests) {
  TestClient client(start());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    const auto response = client.read_response();
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.body, "POST|a=1|hi");
    EXPECT_TRUE(response.has("Date: "));
    EXPECT_FALSE(response.has("Connection: close"));
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  TestClient client(start());
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/echo?" + std::to_string(i));
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.read_response().body, "GET|" + std::to_string(i) + "|");
  }
}

TEST_F(HttpServerTest, ReadsARequestThatComesByteByByte) {
  TestClient client(start());
  for (const char c :
       std::string_view("\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")) {
    client.send(std::string_view(&c, 1));
  }
  EXPECT_EQ(client.read_response().body, "POST||abcde");
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsksFor) {
  TestClient client(start());
  client.send("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.read_response().has("Connection: close"));
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  TestClient client(start());
  client.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read_response().has("Connection: close"));
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  TestClient client(start());
  client.send("HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n" + get("/echo"));
  EXPECT_TRUE(client.read_response(false).has("Content-Length: 6"));
  EXPECT_EQ(client.read_response().body, "GET||");
}

TEST_F(HttpServerTest, StreamsInChunksAndKeepsTheConnection) {
  TestClient client(start());
  client.send(get("/stream") + "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto head = client.read_response();
  EXPECT_TRUE(head.has("Transfer-Encoding: chunked"));
  EXPECT_THAT(client.read_to_end(),
              testing::AllOf(HasSubstr("3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"),
                             EndsWith("GET||")));
}

TEST_F(HttpServerTest, SendsThePiecesOfSeveralWritersWhole) {
  TestClient client(start());
  client.send("GET /stream/crowd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200U);
  const std::string all = client.read_to_end();
  for (const char c : {'a', 'b', 'c'}) {
    EXPECT_THAT(all, HasSubstr("100000\r\n" + std::string(1 << 20, c) + "\r\n"));
    EXPECT_THAT(all, HasSubstr(std::string("\r\n1\r\n") + c + "\r\n"));
  }
  EXPECT_THAT(all, EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, SendsNoBodyOfAStreamToHead) {
  TestClient client(start());
  client.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + get("/echo"));
  EXPECT_TRUE(client.read_response(false).has("Transfer-Encoding: chunked"));
  EXPECT_EQ(client.read_response().body, "GET||");
}

TEST_F(HttpServerTest, LeavesAStreamThatFailedWithoutItsEnd) {
  TestClient client(start());
  client.send(get("/stream/throw"));
  EXPECT_EQ(client.read_response().status, 200U);
  EXPECT_EQ(client.read_to_end(), "5\r\nfirst\r\n");
}

TEST_F(HttpServerTest, CancelsAStreamWhenTheClientLeaves) {
  TestClient client(start());
  client.send(get("/stream/wait"));
  handler_.waiting_.get_future().wait();
  client.reset();
  handler_.cancelled_.get_future().wait();
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotTakeItsStream) {
  TestClient client(start({.write_timeout = 50ms}));
  client.send(get("/stream/flood"));
  handler_.cancelled_.get_future().wait();
  while (server_->connections() != 0) std::this_thread::yield();
  EXPECT_THAT(client.read_to_end(), testing::Not(EndsWith("0\r\n\r\n")));
}

TEST_F(HttpServerTest, StreamsToHttp10UntilTheEnd) {
  TestClient client(start());
  client.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(client.read_response().has("chunked"));
  EXPECT_EQ(client.read_to_end(), "onetwothree");
}

TEST_F(HttpServerTest, SendsContinueWhenAsked) {
  TestClient client(start());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100U);
  client.send("hi");
  EXPECT_EQ(client.read_response().body, "POST||hi");
}

TEST_F(HttpServerTest, AnswersAHalfClosedClient) {
  TestClient client(start());
  client.send(get("/hold"));
  handler_.waiting_.get_future().wait();
  client.shutdown_send();
  handler_.released_ = true;
  EXPECT_EQ(client.read_response().body, "held");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, CancelsTheHandlerWhenTheConnectionBreaks) {
  TestClient client(start());
  client.send(get("/wait"));
  handler_.waiting_.get_future().wait();
  client.reset();
  handler_.cancelled_.get_future().wait();
}

TEST_F(HttpServerTest, CancelsTheHandlerOfAClientThatStaysHalfClosed) {
  TestClient client(start({.half_close_grace = 1ms}));
  client.send(get("/wait"));
  handler_.waiting_.get_future().wait();
  client.shutdown_send();
  handler_.cancelled_.get_future().wait();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, PacksLongTextForWhoTakesGzip) {
  TestClient client(start({.gzip_bytes_min = 100}));
  const auto echo = [&client](const std::string& method, const std::string& encodings) {
    client.send(method + " /echo?" + std::string(500, 'x') +
                " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: " + encodings + "\r\n\r\n");
    return client.read_response(method != "HEAD");
  };
  const auto packed = echo("GET", "gzip");
  EXPECT_TRUE(packed.has("Content-Encoding: gzip"));
  EXPECT_TRUE(packed.has("Vary: Accept-Encoding"));
  EXPECT_EQ(gunzip(packed.body).value(), "GET|" + std::string(500, 'x') + "|");
  EXPECT_TRUE(echo("HEAD", "gzip").has("Content-Encoding: gzip"));
  const auto plain = echo("GET", "identity");
  EXPECT_FALSE(plain.has("Content-Encoding"));
  EXPECT_EQ(plain.body, "GET|" + std::string(500, 'x') + "|");
}

TEST_F(HttpServerTest, CancelsALongWaitWhenTheClientHalfCloses) {
  TestClient client(start());
  client.send(get("/wait?gone"));
  handler_.waiting_.get_future().wait();
  client.shutdown_send();
  handler_.cancelled_.get_future().wait();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, AnswersAFailingHandlerWith500AndGoesOn) {
  TestClient client(start());
  client.send(get("/throw"));
  EXPECT_EQ(client.read_response().status, 500U);
  client.send(get("/echo"));
  EXPECT_EQ(client.read_response().status, 200U);
}

TEST_F(HttpServerTest, KeepsResponseHeadersFromBeingForged) {
  TestClient client(start());
  client.send(get("/header"));
  EXPECT_TRUE(client.read_response().has("X-Evil: aX-Forged: b\r\n"));
}

TEST_F(HttpServerTest, CountsItsRequests) {
  TestClient client(start());
  client.send(get("/echo"));
  client.read_response();
  EXPECT_THAT(metrics_.render(),
              HasSubstr("errand_http_requests_total{code=\"200\",method=\"GET\"} 1"));
}

struct BadRequest {
  const char* name;
  std::string bytes;
  unsigned status;
};

class BadRequests : public HttpServerTest, public testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequests, AreAnsweredAndClosed) {
  TestClient client(start({.header_bytes_max = 2'000,
                           .header_fields_max = 20,
                           .body_bytes_max = 1'000,
                           .header_timeout = 50ms,
                           .body_timeout = 50ms}));
  client.try_send(GetParam().bytes);
  const auto response = client.read_response();
  EXPECT_EQ(response.status, GetParam().status) << response.body;
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_FALSE(response.body.empty());
  EXPECT_EQ(client.read_to_end(), "");
}

std::string many_fields() {
  std::string out = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 30; ++i) out += "A" + std::to_string(i) + ": b\r\n";
  return out + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    HttpServerTest, BadRequests,
    testing::Values(
        BadRequest{"Garbage", "\x16\x03\x01\x02\x01garbage\r\n\r\n", 400},
        BadRequest{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        BadRequest{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        BadRequest{"BadTarget", "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        BadRequest{"BadVersion", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        BadRequest{"SpaceInName", "GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", 400},
        BadRequest{"LengthAndChunks",
                   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   400},
        BadRequest{
            "TwoLengths",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            400},
        BadRequest{"NegativeLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                   400},
        BadRequest{"BadChunk",
                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        BadRequest{"LongTarget", "GET /" + std::string(5'000, 'a'), 414},
        BadRequest{"LongHead", "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(5'000, 'b'), 431},
        BadRequest{"ManyFields", many_fields(), 431},
        BadRequest{"LongBody", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413},
        BadRequest{"LongChunkedBody",
                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n" +
                       std::string(0x1001, 'x') + "\r\n0\r\n\r\n",
                   413},
        BadRequest{"BadExpectation",
                   "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: miracles\r\n\r\n",
                   417},
        BadRequest{"SlowHead", "GET / HTTP/1.1\r\nHo", 408},
        BadRequest{"SlowBody", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 408}),
    [](const auto& info) { return info.param.name; });

TEST_F(HttpServerTest, SaysWhenTheConnectionEndsWithinARequest) {
  const auto port = start();
  for (const char* bytes :
       {"GET / HT", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"}) {
    TestClient client(port);
    client.send(bytes);
    client.shutdown_send();
    EXPECT_EQ(client.read_response().status, 400U);
  }
}

TEST_F(HttpServerTest, ClosesIdleConnectionsSilently) {
  TestClient client(start({.idle_timeout = 20ms}));
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotTakeItsResponse) {
  TestClient client(start({.write_timeout = 50ms}));
  client.send(get("/big"));
  // Counted before it is sent.
  while (metrics_.render().find("errand_http_requests_total") == std::string::npos) {
    std::this_thread::yield();
  }
  // The server gives up on its own; nothing is read here before that.
  while (server_->connections() != 0) std::this_thread::yield();
  EXPECT_LT(client.read_to_end().size(), std::size_t{64} << 20);
}

TEST_F(HttpServerTest, TurnsConnectionsAwayAboveItsLimit) {
  const auto port = start({.connections_max = 1});
  TestClient first(port);
  first.send(get("/echo"));
  EXPECT_EQ(first.read_response().status, 200U);
  TestClient second(port);
  EXPECT_EQ(second.read_response().status, 503U);
  EXPECT_EQ(second.read_to_end(), "");
}

TEST_F(HttpServerTest, SaysHowToMendABusyPort) {
  const auto port = start();
  HttpServer::Options options;
  options.port = port;
  const auto second = HttpServer::listen(threads_.context().get_executor(), options, handler_,
                                         telemetry::Log(), nullptr);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAddressInUse);
  EXPECT_THAT(second.error().message, HasSubstr("choose another port"));
}

TEST_F(HttpServerTest, RefusesAnAddressThatIsNone) {
  HttpServer::Options options;
  for (const char* address : {"localhost", "192.0.2.1"}) {
    options.address = address;
    const auto server = HttpServer::listen(threads_.context().get_executor(), options, handler_,
                                           telemetry::Log(), nullptr);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(HttpServerTest, FinishesWhatIsInFlightBeforeItStops) {
  const auto port = start();
  TestClient idle(port);
  idle.send(get("/echo"));
  idle.read_response();
  TestClient busy(port);
  busy.send(get("/hold"));
  handler_.waiting_.get_future().wait();
  auto stopped = asio::co_spawn(threads_.context(), server_->stop(1h), asio::use_future);
  EXPECT_EQ(idle.read_to_end(), "");  // closed at once
  handler_.released_ = true;
  const auto response = busy.read_response();
  EXPECT_EQ(response.body, "held");
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(busy.read_to_end(), "");
  stopped.get();
  EXPECT_EQ(server_->connections(), 0U);
  server_.reset();
}

TEST_F(HttpServerTest, CutsEndlessStreamsAtOnceWhenItStops) {
  TestClient client(start());
  client.send(get("/stream/wait"));
  handler_.waiting_.get_future().wait();
  stop(1h);
  EXPECT_EQ(client.read_response().status, 200U);
  EXPECT_EQ(client.read_to_end(), "5\r\nfirst\r\n");
  server_.reset();
}

TEST_F(HttpServerTest, LetsOtherStreamsEndBeforeItStops) {
  TestClient client(start());
  client.send(get("/stream/hold"));
  handler_.waiting_.get_future().wait();
  auto stopped = asio::co_spawn(threads_.context(), server_->stop(1h), asio::use_future);
  handler_.released_ = true;
  EXPECT_EQ(client.read_response().status, 200U);
  EXPECT_EQ(client.read_to_end(), "5\r\nfirst\r\n4\r\nlast\r\n0\r\n\r\n");
  stopped.get();
  server_.reset();
}

TEST_F(HttpServerTest, CutsWhatIsNotDoneAfterTheGrace) {
  TestClient client(start());
  client.send(get("/wait"));
  handler_.waiting_.get_future().wait();
  stop(1ms);
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_EQ(client.read_to_end(), "");
  server_.reset();
}

}  // namespace
}  // namespace errand::net
