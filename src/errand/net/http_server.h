#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/net/web_socket.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::net {

/// Serves one WebSocket until it returns; then the socket is closed (1000, or 1011 after an
/// exception). Runs on the connection's strand.
using WebSocketHandler = std::function<boost::asio::awaitable<void>(
    std::shared_ptr<WebSocket> socket, HttpRequest request)>;

/// How to accept a WebSocket upgrade.
struct WebSocketAccept {
  /// Subprotocols served, best first. The first that the client offers is chosen. When the client
  /// offers none of them the handshake is accepted without one and closed with `refusal`, so that
  /// browsers, which hide a failed handshake's status, learn why.
  std::vector<std::string> subprotocols;
  WebSocketClose refusal{.code = 4406, .reason = "Subprotocol not acceptable"};
  WebSocketOptions options;
  WebSocketHandler handler;
};

/// What the server calls for requests. Thread-safe: connections call it from several threads.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// Answers one request. Runs on the connection's strand and is cancelled when the client's
  /// connection breaks or the server's grace is over. An exception is answered with 500.
  virtual boost::asio::awaitable<HttpResponse> handle(HttpRequest request) = 0;

  /// Decides on a WebSocket upgrade: how to accept it, or a response that refuses it.
  virtual std::variant<WebSocketAccept, HttpResponse> upgrade(const HttpRequest& request) = 0;

  /// Whether a client that shuts down its sending side while `request` is handled counts as gone.
  /// False lets the answer come within Options::half_close_grace; true suits requests that wait
  /// long, such as polls, which should not take work for a client that left.
  virtual bool half_close_cancels(const HttpRequest& request) const {
    static_cast<void>(request);
    return false;
  }

  /// Shapes the answer to a request that was refused before handle(): malformed, too large, too
  /// slow. `text` says what is wrong. The default is text/plain.
  virtual HttpResponse refuse(unsigned status, std::string text) {
    return HttpResponse::text(status, std::move(text));
  }
};

/// An HTTP/1.1 server with keep-alive and pipelining, bounded in every direction. Knows nothing of
/// what it serves. Each connection runs on a strand of its own.
///
/// Thread-safe. stop() must have returned before it goes.
class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";  ///< IPv4 or IPv6 literal
    std::uint16_t port = 0;             ///< 0: any free one

    std::size_t header_bytes_max = 32 * 1024;  ///< start line included; else 431
    std::size_t header_fields_max = 100;       ///< else 431
    std::size_t body_bytes_max = 1 << 20;      ///< else 413
    std::size_t connections_max = 10'000;      ///< further ones get 503 and are closed
    /// Text of at least so many bytes is sent as gzip to clients that take it; 0: never.
    std::size_t gzip_bytes_min = 1'024;

    /// From the first byte of a request to the end of its head; else 408 (slow loris).
    Milliseconds header_timeout{10'000};
    /// From the head to the end of the body; else 408.
    Milliseconds body_timeout{30'000};
    /// Between requests on a kept connection; then it is closed silently.
    Milliseconds idle_timeout{75'000};
    /// For the client to take a response, or one piece of a streamed one.
    Milliseconds write_timeout{30'000};
    /// For the answer to a client that sends no more (half-closed). Most of them left, which does
    /// not show; then the handler is cancelled.
    Milliseconds half_close_grace{5'000};
  };

  /// Binds and listens; accepting begins with start().
  /// @param executor  of an io_context; strands are made from it
  /// @param handler   outlives the server
  /// @param metrics   may be null; else outlives the server
  /// @return kAddressInUse for a busy port, kForbidden for one this user may not bind,
  ///         kInvalidArgument for an address that is none of this machine's; each says the remedy.
  static Result<std::unique_ptr<HttpServer>> listen(boost::asio::any_io_executor executor,
                                                    const Options& options, HttpHandler& handler,
                                                    telemetry::Log log,
                                                    telemetry::Metrics* metrics);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port in use, also when any was asked for.
  [[nodiscard]] std::uint16_t port() const;
  /// "127.0.0.1:8080", "[::1]:8080".
  [[nodiscard]] std::string address() const;

  void start();

  /// Stops accepting and lets what runs come to its end: idle connections close at once, requests
  /// in flight are answered with `Connection: close`, WebSockets are closed with 1001. What is not
  /// done after `grace` is cut off. Returns when no connection is left.
  boost::asio::awaitable<void> stop(Milliseconds grace);

  [[nodiscard]] std::size_t connections() const;

  class Impl;

 private:
  explicit HttpServer(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace errand::net
