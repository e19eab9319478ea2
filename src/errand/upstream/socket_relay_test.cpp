#include "errand/upstream/socket_relay.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/net/http_server.h"
#include "errand/net/router.h"
#include "errand/net/test_client.h"

namespace errand::upstream {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;
using Socket = std::shared_ptr<net::WebSocket>;

constexpr const char* kInit = R"({"type":"connection_init","payload":{"token":"jwt"}})";
constexpr const char* kAck = R"({"type":"connection_ack","payload":null})";

std::string subscribe_message(const std::string& id) {
  return R"({ "id":")" + id + R"(","type":"subscribe","payload":{"query":"subscription{a}"}})";
}
std::string next_message(const std::string& id) {
  return R"({"type":"next",  "id":")" + id + R"(","payload":{"data":{"a":1.0}}})";
}
std::string complete_message(const std::string& id) {
  return R"({"type":"complete","id":")" + id + "\"}";
}

/// What coroutines tell the test, which waits for it.
class Lines {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::string next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !lines_.empty(); });
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;
};

/// A relay whose client is the test, to an upstream that does with each connection what a test
/// says.
class SocketRelayTest : public testing::Test {
 protected:
  using Serve = std::function<asio::awaitable<void>(Socket)>;

  ~SocketRelayTest() override {
    if (relay_) close();
    relay_.reset();
    if (http_) asio::co_spawn(threads_.context(), http_->stop(1h), asio::use_future).get();
    http_.reset();
    threads_.join();
  }

  void listen(Serve serve) {
    router_.add(net::WebSocketRoute{.path = "/graphql",
                                    .upgrade = [this, serve](const net::HttpRequest& request)
                                        -> std::variant<net::WebSocketAccept, net::HttpResponse> {
                                      ++connections_;
                                      cookie_ = request.headers.joined("Cookie");
                                      query_ = request.query;
                                      if (refusal_ != 0)
                                        return net::HttpResponse::text(refusal_, "no");
                                      return net::WebSocketAccept{
                                          .subprotocols = {"graphql-transport-ws"},
                                          .options = {.message_bytes_max = 16 << 20,
                                                      .queue_bytes_max = 16 << 20},
                                          .handler = [serve](Socket socket, net::HttpRequest) {
                                            return serve(std::move(socket));
                                          }};
                                    }});
    http_ = *net::HttpServer::listen(threads_.context().get_executor(), {}, router_, {}, nullptr);
    http_->start();
  }

  void start(SocketRelay::Options options = {}) {
    start_at("http://127.0.0.1:" + std::to_string(http_->port()) + "/graphql", options);
  }

  void start_at(const std::string& url, SocketRelay::Options options = {}) {
    connector_ = SocketConnector::create(
                     {.url = outbound::parse_target_url(url).value(), .message_bytes_max = 1 << 20})
                     .value();
    relay_ = std::make_shared<SocketRelay>(
        options, *connector_,
        SocketRelay::Client{
            .strand = strand_,
            .headers = {{"Cookie", "s=1"}},
            .query = "a=1",
            .connection_init = kInit,
            .send = [this](std::string message) -> asio::awaitable<bool> {
              seen_.add(std::move(message));
              co_return true;
            },
            .ended = [this](std::string_view id) { seen_.add("ended " + std::string(id)); },
            .failed = [this](std::string id, Error why) -> asio::awaitable<void> {
              seen_.add("failed " + id + " " + std::string(to_string(why.code)) + " " +
                        why.message);
              co_return;
            }},
        telemetry::Log(), &metrics_);
  }

  template <class Function>
  void on_strand(Function function) {
    const auto run = [](Function f) -> asio::awaitable<void> {
      f();
      co_return;
    };
    asio::co_spawn(strand_, run(std::move(function)), asio::use_future).get();
  }

  void subscribe(const std::string& id) {
    on_strand([this, id] { EXPECT_TRUE(relay_->subscribe(id, subscribe_message(id))); });
  }

  void close() { asio::co_spawn(strand_, relay_->close(), asio::use_future).get(); }

  /// Greets as the protocol wants it.
  static asio::awaitable<void> acknowledge(Socket socket) {
    const auto init = co_await socket->read();
    EXPECT_EQ(init.value_or(net::WebSocket::Message{}).data, kInit);
    socket->send(kAck);
  }

  static asio::awaitable<std::string> read(Socket socket) {
    auto message = co_await socket->read();
    if (message) co_return message->data;
    const auto closed = socket->closed_by_peer();
    co_return "closed " + std::to_string(closed ? closed->code : 0);
  }

  net::TestThreads threads_;
  telemetry::Metrics metrics_;
  asio::any_io_executor strand_ = asio::make_strand(threads_.context());
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<SocketConnector> connector_;
  std::shared_ptr<SocketRelay> relay_;
  Lines seen_;      ///< by the client
  Lines upstream_;  ///< by the upstream
  std::atomic<int> connections_ = 0;
  std::atomic<unsigned> refusal_ = 0;
  std::string cookie_;
  std::string query_;
};

TEST_F(SocketRelayTest, PassesMessagesBothWaysAsTheyAre) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    co_await acknowledge(socket);
    upstream_.add(co_await read(socket));
    socket->send(next_message("1"));
    socket->send(complete_message("1"));
    upstream_.add(co_await read(socket));
  });
  start();
  subscribe("1");
  EXPECT_EQ(upstream_.next(), subscribe_message("1"));
  EXPECT_EQ(seen_.next(), next_message("1"));
  EXPECT_EQ(seen_.next(), "ended 1");
  EXPECT_EQ(seen_.next(), complete_message("1"));
  EXPECT_EQ(cookie_, "s=1");
  EXPECT_EQ(query_, "a=1");
  EXPECT_THAT(metrics_.render(), HasSubstr("errand_upstream_websockets 1"));
  close();
  EXPECT_EQ(upstream_.next(), "closed 1000");
  EXPECT_THAT(metrics_.render(), HasSubstr("errand_upstream_websockets 0"));
  EXPECT_THAT(metrics_.render(),
              HasSubstr("errand_upstream_operations_total{outcome=\"completed\"} 1"));
}

TEST_F(SocketRelayTest, CarriesAllOperationsOverOneConnection) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    co_await acknowledge(socket);
    for (int i = 0; i < 3; ++i) upstream_.add(co_await read(socket));
    socket->send(R"({"type":"error","id":"2","payload":[{"message":"no"}]})");
    socket->send(next_message("3"));
    co_await read(socket);
  });
  start();
  for (const char* id : {"1", "2", "3"}) subscribe(id);
  for (const char* id : {"1", "2", "3"}) EXPECT_EQ(upstream_.next(), subscribe_message(id));
  EXPECT_EQ(seen_.next(), "ended 2");
  EXPECT_THAT(seen_.next(), HasSubstr(R"("message":"no")"));
  EXPECT_EQ(seen_.next(), next_message("3"));
  EXPECT_EQ(connections_, 1);
}

TEST_F(SocketRelayTest, TellsTheUpstreamWhatTheClientStoppedAndDropsWhatComesLate) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    co_await acknowledge(socket);
    for (int i = 0; i < 3; ++i) upstream_.add(co_await read(socket));
    socket->send(next_message("1"));
    socket->send(next_message("2"));
    co_await read(socket);
  });
  start();
  subscribe("1");
  subscribe("2");
  EXPECT_EQ(upstream_.next(), subscribe_message("1"));
  EXPECT_EQ(upstream_.next(), subscribe_message("2"));
  on_strand([this] { relay_->complete("1"); });
  EXPECT_EQ(upstream_.next(), R"({"id":"1","type":"complete"})");
  EXPECT_EQ(seen_.next(), next_message("2"));
}

TEST_F(SocketRelayTest, AnswersPings) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    const std::string ping = R"({"type":"ping","payload":{"n":1}})";
    co_await read(socket);
    socket->send(ping);
    upstream_.add(co_await read(socket));
    socket->send(kAck);
    co_await read(socket);
    socket->send(ping);
    upstream_.add(co_await read(socket));
    co_await read(socket);
  });
  start();
  subscribe("1");
  EXPECT_EQ(upstream_.next(), R"({"type":"pong","payload":{"n":1}})");
  EXPECT_EQ(upstream_.next(), R"({"type":"pong","payload":{"n":1}})");
}

TEST_F(SocketRelayTest, FailsTheOperationsOfAClosedConnectionAndOpensAnotherForTheNext) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    co_await acknowledge(socket);
    co_await read(socket);
    if (connections_ == 1) {
      socket->close({4403, "Token expired"});
    } else {
      socket->send(next_message("2"));
    }
    co_await read(socket);
  });
  start();
  subscribe("1");
  EXPECT_EQ(seen_.next(),
            "failed 1 FORBIDDEN The server behind this one closed the WebSocket: 4403 Token "
            "expired");
  subscribe("2");
  EXPECT_EQ(seen_.next(), next_message("2"));
  EXPECT_EQ(connections_, 2);
}

TEST_F(SocketRelayTest, SaysWhatTheHandshakeWasRefusedWith) {
  listen([](Socket) -> asio::awaitable<void> { co_return; });
  refusal_ = 401;
  start();
  subscribe("1");
  EXPECT_EQ(seen_.next(),
            "failed 1 UNAUTHENTICATED The server behind this one refused the WebSocket with "
            "status 401.");
  refusal_ = 404;
  subscribe("2");
  EXPECT_THAT(seen_.next(), HasSubstr("failed 2 UNAVAILABLE"));
}

TEST_F(SocketRelayTest, SaysThatNobodyIsThereWithoutSayingWhere) {
  std::uint16_t port = 0;
  {
    asio::io_context context;
    const asio::ip::tcp::acceptor taken(context, {asio::ip::make_address("127.0.0.1"), 0});
    port = taken.local_endpoint().port();
  }
  start_at("http://127.0.0.1:" + std::to_string(port) + "/graphql");
  subscribe("1");
  EXPECT_EQ(seen_.next(),
            "failed 1 UNAVAILABLE The server behind this one cannot be reached by WebSocket.");
}

TEST_F(SocketRelayTest, WaitsForTheAcknowledgementOnlySoLong) {
  listen([](Socket socket) -> asio::awaitable<void> {
    while (co_await socket->read()) {
    }
  });
  start({.ack_timeout = 50ms});
  subscribe("1");
  EXPECT_THAT(seen_.next(), HasSubstr("failed 1 DEADLINE_EXCEEDED"));
}

TEST_F(SocketRelayTest, FailsOverAMessageThatIsTooLargeOrNone) {
  listen([this](Socket socket) -> asio::awaitable<void> {
    co_await acknowledge(socket);
    co_await read(socket);
    socket->send(connections_ == 1 ? std::string(2 << 20, 'x') : "{}");
    co_await read(socket);
  });
  start();
  subscribe("1");
  EXPECT_THAT(seen_.next(), HasSubstr("A message was larger than is passed on"));
  subscribe("2");
  EXPECT_THAT(seen_.next(), HasSubstr("A message has no type"));
}

TEST_F(SocketRelayTest, RefusesWhatFindsNoRoomToWait) {
  listen([](Socket socket) -> asio::awaitable<void> {
    co_await socket->read();  // and never acknowledges
    co_await socket->read();
  });
  start({.queue_bytes_max = 150});
  on_strand([this] {
    EXPECT_TRUE(relay_->subscribe("1", subscribe_message("1")));
    EXPECT_TRUE(relay_->subscribe("2", subscribe_message("2")));
    const auto third = relay_->subscribe("3", subscribe_message("3"));
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::kResourceExhausted);
    relay_->complete("2");  // makes room
    EXPECT_TRUE(relay_->subscribe("3", subscribe_message("3")));
  });
}

}  // namespace
}  // namespace errand::upstream
