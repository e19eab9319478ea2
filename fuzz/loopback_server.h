#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "errand/base/assert.h"
#include "errand/net/http_server.h"

namespace errand::fuzz {

/// net's server and one client after the other, all on the thread of the caller: what the server
/// does with any bytes, from the socket on.
class LoopbackServer {
 public:
  /// @param handler  outlives this
  explicit LoopbackServer(net::HttpHandler& handler) {
    net::HttpServer::Options options;
    options.header_bytes_max = 8 * 1024;
    options.body_bytes_max = 16 * 1024;
    auto server = net::HttpServer::listen(io_.get_executor(), options, handler, telemetry::Log(),
                                          /*metrics=*/nullptr);
    ERRAND_ASSERT(server.has_value());
    server_ = std::move(*server);
    server_->start();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;
  ~LoopbackServer() {
    boost::asio::co_spawn(io_, server_->stop(Milliseconds{0}), rethrow);
    io_.run();
  }

  /// What a client receives that sends `first`, then `second` apart from it (once it has received
  /// `cue`), ends its side and reads until the server ends the other. Returns when the server has
  /// forgotten the connection.
  std::string exchange(std::string_view first, std::string_view second, std::string_view cue = {}) {
    Client client(io_);
    // Not connect(), which a signal of libFuzzer may interrupt.
    bool connected = false;
    client.socket.async_connect({boost::asio::ip::address_v4::loopback(), server_->port()},
                                [&](const boost::system::error_code& ec) {
                                  ERRAND_ASSERT(!ec);
                                  connected = true;
                                });
    while (!connected) io_.run_one();
    client.socket.set_option(Tcp::no_delay(true));
    boost::asio::co_spawn(io_, send(client, first, second, cue), rethrow);
    boost::asio::co_spawn(io_, receive(client), rethrow);
    while (!client.sent || !client.ended) io_.run_one();
    client.socket.close();
    while (server_->connections() > 0) io_.run_one();
    return std::move(client.received);
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  static constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

  static void rethrow(const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
  }

  struct Client {
    explicit Client(boost::asio::io_context& io) : socket(io) {}

    Tcp::socket socket;
    std::string received;
    bool sent = false;
    bool ended = false;
  };

  static boost::asio::awaitable<void> send(Client& client, std::string_view first,
                                           std::string_view second, std::string_view cue) {
    // The server may have closed already, which a write says and nobody minds.
    co_await boost::asio::async_write(client.socket, boost::asio::buffer(first), kTuple);
    do {
      co_await boost::asio::post(client.socket.get_executor(), boost::asio::use_awaitable);
    } while (!client.ended && client.received.find(cue) == std::string::npos);
    co_await boost::asio::async_write(client.socket, boost::asio::buffer(second), kTuple);
    boost::system::error_code ignored;
    client.socket.shutdown(Tcp::socket::shutdown_send, ignored);
    client.sent = true;
  }

  static boost::asio::awaitable<void> receive(Client& client) {
    char data[4096];
    boost::system::error_code ec;
    while (!ec) {
      std::size_t bytes = 0;
      std::tie(ec, bytes) =
          co_await client.socket.async_read_some(boost::asio::buffer(data), kTuple);
      client.received.append(data, bytes);
    }
    client.ended = true;
  }

  boost::asio::io_context io_{1};
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace errand::fuzz
