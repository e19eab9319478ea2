#include "errand/net/web_socket.h"

#include <atomic>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/deadline.h"
#include "errand/net/http_server.h"
#include "errand/net/test_client.h"

namespace errand::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using namespace std::chrono_literals;

/// Echoes messages; some words make it do other things.
class EchoHandler final : public HttpHandler {
 public:
  WebSocketOptions options;
  std::promise<Result<WebSocket::Message>> last_read;
  std::promise<std::shared_ptr<WebSocket>> socket;
  std::atomic<bool> full = false;
  bool last_reads_kept = true;

  asio::awaitable<HttpResponse> handle(HttpRequest) override {
    co_return HttpResponse::text(404, "WebSockets only");
  }

  std::variant<WebSocketAccept, HttpResponse> upgrade(const HttpRequest& request) override {
    if (request.path == "/forbidden") return HttpResponse::text(403, "not for you");
    return WebSocketAccept{
        .subprotocols = {"echo.v2", "echo.v1"},
        .options = options,
        .handler = [this](std::shared_ptr<WebSocket> ws, HttpRequest) -> asio::awaitable<void> {
          co_await echo(std::move(ws));
        }};
  }

 private:
  asio::awaitable<void> echo(std::shared_ptr<WebSocket> ws) {
    while (true) {
      auto message = co_await ws->read();
      if (!message) {
        if (last_reads_kept) last_read.set_value(message);
        co_return;
      }
      if (message->data == "share") {
        socket.set_value(ws);
      } else if (message->data == "bye") {
        ws->send("going");
        ws->close({4400, "reason " + std::string(200, 'x')});
      } else if (message->data == "end") {
        ws->close({4400, "as you wish"});
      } else if (message->data == "throw") {
        throw std::runtime_error("broken");
      } else if (message->data == "return") {
        co_return;
      } else if (message->data == "flood") {
        while (ws->send(std::string(1'000, 'f'))) {
        }
        full = true;
        ws->close_now({4429, "You read too slowly"});
      } else if (message->data == "burst") {
        for (int i = 0; i < 100; ++i) ws->send(std::to_string(i));
      } else if (message->data == "log") {
        for (int i = 0; i < 1'000; ++i) {
          const bool sent = co_await ws->send_when_room(std::to_string(i));
          if (!sent) co_return;
        }
      } else if (message->data == "endless") {
        while (co_await ws->send_when_room(std::string(100'000, 'e'))) {
        }
      } else {
        ws->send((message->text ? "" : "binary ") + message->data);
      }
    }
  }
};

class WebSocketTest : public testing::Test {
 protected:
  using Client = websocket::stream<asio::ip::tcp::socket>;

  ~WebSocketTest() override {
    if (server_) stop(1h);
    server_.reset();
    threads_.join();
  }

  void start() {
    server_ = *HttpServer::listen(threads_.context().get_executor(), {}, handler_, telemetry::Log(),
                                  nullptr);
    server_->start();
  }

  void stop(Milliseconds grace) {
    asio::co_spawn(threads_.context(), server_->stop(grace), asio::use_future).get();
  }

  std::unique_ptr<Client> connect(const std::string& protocol = "echo.v1") {
    auto client = std::make_unique<Client>(client_context_);
    client->next_layer().connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    client->set_option(websocket::stream_base::decorator([protocol](websocket::request_type& r) {
      if (!protocol.empty()) r.set(beast::http::field::sec_websocket_protocol, protocol);
    }));
    client->handshake(response_, "127.0.0.1", "/");
    return client;
  }

  static std::string read(Client& client) {
    beast::flat_buffer buffer;
    client.read(buffer);
    return beast::buffers_to_string(buffer.data());
  }

  /// Reads to the end and gives the close code; 0 when the connection just ended.
  static std::uint16_t read_close(Client& client, std::string* reason = nullptr) {
    beast::error_code ec;
    while (!ec) {
      beast::flat_buffer buffer;
      client.read(buffer, ec);
    }
    if (reason != nullptr) *reason = client.reason().reason.c_str();
    return ec == websocket::error::closed ? client.reason().code : 0;
  }

  TestThreads threads_;
  asio::io_context client_context_;
  EchoHandler handler_;
  std::unique_ptr<HttpServer> server_;
  websocket::response_type response_;
};

TEST_F(WebSocketTest, ExchangesMessages) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("hello")));
  EXPECT_EQ(read(*client), "hello");
  client->binary(true);
  client->write(asio::buffer(std::string("hello")));
  EXPECT_EQ(read(*client), "binary hello");
  client->close(websocket::close_code::normal);
  const auto last = handler_.last_read.get_future().get();
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kUnavailable);
}

TEST_F(WebSocketTest, ChoosesTheServersBestSubprotocol) {
  start();
  const auto client = connect("other, echo.v1 , echo.v2");
  EXPECT_EQ(response_[beast::http::field::sec_websocket_protocol], "echo.v2");
}

TEST_F(WebSocketTest, ClosesWith4406WhenNoSubprotocolFits) {
  start();
  for (const char* protocol : {"", "other"}) {
    const auto client = connect(protocol);
    EXPECT_EQ(response_.count(beast::http::field::sec_websocket_protocol), 0U);
    std::string reason;
    EXPECT_EQ(read_close(*client, &reason), 4406);
    EXPECT_EQ(reason, "Subprotocol not acceptable");
  }
}

TEST_F(WebSocketTest, SendsWhatWaitsBeforeItCloses) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("bye")));
  EXPECT_EQ(read(*client), "going");
  std::string reason;
  EXPECT_EQ(read_close(*client, &reason), 4400);
  EXPECT_EQ(reason.size(), 123U);
}

TEST_F(WebSocketTest, KeepsTheOrderOfABurst) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("burst")));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(read(*client), std::to_string(i));
}

TEST_F(WebSocketTest, ReadsASourceNoFasterThanItsClient) {
  handler_.options.queue_messages_max = 2;
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("log")));
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(read(*client), std::to_string(i));
}

TEST_F(WebSocketTest, ClosesAPeerThatNeverReads) {
  handler_.options.write_timeout = 50ms;
  handler_.options.close_timeout = 50ms;
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("endless")));
  EXPECT_FALSE(handler_.last_read.get_future().get());
  while (server_->connections() != 0) std::this_thread::yield();
}

TEST_F(WebSocketTest, APeerThatNeverReadsHoldsUpNoOther) {
  handler_.options.close_timeout = 50ms;
  start();
  const auto slow = connect();
  slow->write(asio::buffer(std::string("endless")));
  const auto other = connect();
  for (int i = 0; i < 100; ++i) {
    other->write(asio::buffer(std::to_string(i)));
    EXPECT_EQ(read(*other), std::to_string(i));
  }
  other->write(asio::buffer(std::string("return")));
  EXPECT_EQ(read_close(*other), 1000);
}

TEST_F(WebSocketTest, ClosesWith1011WhenTheHandlerFails) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("throw")));
  EXPECT_EQ(read_close(*client), 1011);
}

TEST_F(WebSocketTest, ClosesWith1000WhenTheHandlerIsDone) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("return")));
  EXPECT_EQ(read_close(*client), 1000);
}

TEST_F(WebSocketTest, ClosesWith1009WhenAMessageIsTooLong) {
  handler_.options.message_bytes_max = 100;
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string(101, 'x')));
  EXPECT_EQ(read_close(*client), 1009);
  EXPECT_EQ(handler_.last_read.get_future().get().error().code, ErrorCode::kPayloadTooLarge);
}

TEST_F(WebSocketTest, SaysWhyAlsoToAPeerThatStillSends) {
  handler_.options.message_bytes_max = 1'000;
  start();
  for (int i = 0; i < 10; ++i) {
    const auto client = connect();
    client->write(asio::buffer(std::string(2'000'000, 'x')));
    EXPECT_EQ(read_close(*client), 1009);
  }
}

TEST_F(WebSocketTest, BoundsTheSumOfFragments) {
  handler_.options.message_bytes_max = 100;
  start();
  const auto client = connect();
  beast::error_code ec;
  for (int i = 0; i < 20 && !ec; ++i) {
    client->write_some(false, asio::buffer(std::string(50, 'x')), ec);
  }
  EXPECT_EQ(read_close(*client), 1009);
}

TEST_F(WebSocketTest, JoinsFragments) {
  start();
  const auto client = connect();
  client->write_some(false, asio::buffer(std::string("hel")));
  client->write_some(false, asio::buffer(std::string("l")));
  client->write_some(true, asio::buffer(std::string("o")));
  EXPECT_EQ(read(*client), "hello");
}

TEST_F(WebSocketTest, ClosesWith1007WhenTextIsNotUtf8) {
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("\xff\xfe")));
  EXPECT_EQ(read_close(*client), 1007);
}

TEST_F(WebSocketTest, ClosesWith1007WhenTextEndsWithinACharacter) {
  using namespace std::string_literals;
  start();
  const auto client = connect();
  const std::string begun = "\x01\x82\0\0\0\0\xF0\x9F"s;
  const std::string empty_end = "\x80\x80\0\0\0\0"s;
  asio::write(client->next_layer(), asio::buffer(begun + empty_end));
  EXPECT_EQ(read_close(*client), 1007);
}

TEST_F(WebSocketTest, ClosesWith1002OnAnUnmaskedFrame) {
  start();
  const auto client = connect();
  asio::write(client->next_layer(), asio::buffer(std::string("\x81\x05hello")));
  EXPECT_EQ(read_close(*client), 1002);
  EXPECT_EQ(handler_.last_read.get_future().get().error().code, ErrorCode::kProtocolError);
}

TEST_F(WebSocketTest, AnswersPings) {
  start();
  const auto client = connect();
  std::string pong;
  client->control_callback([&pong](websocket::frame_type type, beast::string_view payload) {
    if (type == websocket::frame_type::pong) pong = std::string(payload.data(), payload.size());
  });
  client->ping("abc");
  client->write(asio::buffer(std::string("x")));
  EXPECT_EQ(read(*client), "x");
  EXPECT_EQ(pong, "abc");
}

TEST_F(WebSocketTest, TellsASlowReaderAndLetsGo) {
  handler_.options.queue_messages_max = 1'000'000;
  handler_.options.queue_bytes_max = 64 << 20;
  handler_.options.close_timeout = 100ms;
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("flood")));
  // Nothing is read here; the server must come to its end all the same.
  EXPECT_FALSE(handler_.last_read.get_future().get());
  EXPECT_TRUE(handler_.full);
  while (server_->connections() != 0) std::this_thread::yield();
}

TEST_F(WebSocketTest, NoticesAPeerThatVanished) {
  start();
  const auto client = connect();
  client->next_layer().close();
  EXPECT_EQ(handler_.last_read.get_future().get().error().code, ErrorCode::kUnavailable);
}

TEST_F(WebSocketTest, ClosesAPeerThatGivesNoSignOfLife) {
  handler_.options.idle_timeout = 50ms;
  start();
  const auto client = connect();
  EXPECT_EQ(handler_.last_read.get_future().get().error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(WebSocketTest, IsSentToFromAnyThread) {
  handler_.options.queue_messages_max = 1'000;
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("share")));
  const auto socket = handler_.socket.get_future().get();
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(socket->send(std::to_string(i)));
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(read(*client), std::to_string(i));
}

TEST_F(WebSocketTest, ClosesWith1001WhenTheServerStops) {
  start();
  const auto client = connect();
  auto stopped = asio::co_spawn(threads_.context(), server_->stop(1h), asio::use_future);
  EXPECT_EQ(read_close(*client), 1001);
  stopped.get();
  server_.reset();
}

TEST_F(WebSocketTest, IsCutAtTheEndOfTheGrace) {
  handler_.options.close_timeout = std::chrono::duration_cast<Milliseconds>(1h);
  start();
  const auto client = connect();
  client->write(asio::buffer(std::string("share")));
  handler_.socket.get_future().get();
  stop(1ms);  // the client answers no close frame
  EXPECT_EQ(server_->connections(), 0U);
  server_.reset();
}

// A peer may do so on purpose, and must not hold the connection.
TEST_F(WebSocketTest, LetsGoOfAPeerWhoseFramesCrossTheClose) {
  using namespace std::string_literals;
  const std::string end = "\x81\x83\0\0\0\0end"s;
  const std::string ping = "\x89\x80\0\0\0\0"s;
  const std::string unknown = "\x8F\x80\0\0\0\0"s;
  handler_.options.close_timeout = 50ms;
  handler_.last_reads_kept = false;
  start();
  for (const std::string& crossing :
       {ping, ping + ping, unknown, ping + unknown, ping + ping + unknown, end + ping + unknown}) {
    const auto client = connect();
    asio::write(client->next_layer(), asio::buffer(end + crossing));
    while (server_->connections() > 0) std::this_thread::yield();
  }
}

TEST_F(WebSocketTest, RefusesAnUpgradeWithAResponse) {
  start();
  TestClient client(server_->port());
  client.send(
      "GET /forbidden HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 403U);
}

TEST_F(WebSocketTest, RefusesABrokenHandshake) {
  start();
  TestClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 400U);
}

}  // namespace
}  // namespace errand::net
