#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>

#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/net/web_socket.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/target_url.h"

namespace errand::upstream {

/// A WebSocket (RFC 6455) that this process opened, over TCP or TLS. Belongs to one strand; read()
/// to one coroutine, write() and close() to another.
class ClientSocket {
 public:
  virtual ~ClientSocket() = default;

  /// The next message, a text.
  /// @return why there is none, for good: kUnavailable where the connection is over,
  ///         kPayloadTooLarge, kProtocolError, kDeadlineExceeded without a sign of life
  virtual boost::asio::awaitable<Result<std::string>> read() = 0;

  /// Sends one text.
  /// @return false once the connection is over
  virtual boost::asio::awaitable<bool> write(std::string text) = 0;

  /// Says why it ends and waits for the other side to say so too, while another coroutine reads.
  virtual boost::asio::awaitable<void> close(net::WebSocketClose why) = 0;

  /// Ends the connection at once.
  virtual void cut() = 0;

  /// What the other side's close frame said; code 0 without one.
  [[nodiscard]] virtual net::WebSocketClose closed_by_peer() const = 0;
};

/// Opens WebSockets to one URL, whose host and port alone it connects to. Certificates are
/// verified, TLS is 1.2 or newer. Immutable, hence safe to share between threads.
class SocketConnector {
 public:
  struct Options {
    outbound::TargetUrl url;  ///< https stands for wss, http for ws
    std::string ca_file;      ///< certificates to trust instead of the system's; empty: those
    std::size_t message_bytes_max = 16 << 20;  ///< of what comes
    std::chrono::milliseconds idle_timeout{
        60'000};  ///< without a sign of life; pings at half of it
    std::chrono::milliseconds close_timeout{2'000};
  };

  /// @return kConfigInvalid for certificates that cannot be read
  static Result<std::unique_ptr<SocketConnector>> create(Options options);

  /// Why there is no connection.
  struct Refusal {
    unsigned status = 0;  ///< of HTTP, where the handshake was answered so; else 0
    std::string text;     ///< for the log
  };

  /// On a strand. Cancelled, or after `deadline`, it gives up.
  /// @param headers      of the handshake, besides its own
  /// @param query        put behind the URL's; may be empty
  /// @param subprotocol  asked for; the other side has to agree
  boost::asio::awaitable<std::expected<std::shared_ptr<ClientSocket>, Refusal>> connect(
      net::HttpHeaders headers, std::string query, std::string subprotocol,
      std::chrono::steady_clock::time_point deadline) const;

 private:
  SocketConnector(Options options, std::shared_ptr<const outbound::AddressGuard> guard,
                  std::shared_ptr<boost::asio::ssl::context> tls);

  Options options_;
  std::shared_ptr<const outbound::AddressGuard> guard_;
  std::shared_ptr<boost::asio::ssl::context> tls_;  ///< null without TLS
};

}  // namespace errand::upstream
