#pragma once

#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "errand/net/http_server.h"
#include "errand/net/web_socket.h"

namespace errand::net {

/// The server's side of a WebSocket, from the handshake to its end. Private to net.
class AcceptedWebSocket : public WebSocket {
 public:
  /// Answers the handshake of `request`, runs the handler and closes. Never throws.
  virtual boost::asio::awaitable<void> serve(HttpRequest request) = 0;

  /// Cuts the connection and cancels the handler. On the strand only.
  virtual void abort() = 0;
};

/// @param socket  on its strand, with nothing read beyond the request's head
std::shared_ptr<AcceptedWebSocket> make_web_socket(boost::asio::ip::tcp::socket socket,
                                                   WebSocketAccept accept, telemetry::Log log);

}  // namespace errand::net
