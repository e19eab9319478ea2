#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/websocket/teardown.hpp>

namespace errand::net {

/// A TCP socket under a WebSocket that reads what still comes before it closes. Closing with bytes
/// unread resets the connection, and the peer may lose the close frame that says why; Beast 1.81
/// stops after the first read (its teardown looks at a count that it never sets).
class DrainingSocket : public boost::asio::ip::tcp::socket {
 public:
  using boost::asio::ip::tcp::socket::socket;
  explicit DrainingSocket(boost::asio::ip::tcp::socket socket)
      : boost::asio::ip::tcp::socket(std::move(socket)) {}
};

/// Ends this side, reads until the peer ends its own, and closes.
class DrainOperation {
 public:
  explicit DrainOperation(DrainingSocket& socket) : socket_(socket) {}

  template <class Self>
  void operator()(Self& self, boost::system::error_code ec = {}, std::size_t bytes = 0) {
    if (buffer_ == nullptr) {
      buffer_ = std::make_unique<Buffer>();
      // Where it fails, so does the read.
      boost::system::error_code ignored;
      socket_.shutdown(boost::asio::socket_base::shutdown_send, ignored);
    }
    drained_ += bytes;
    if (!ec && drained_ < kBytesMax) {
      socket_.async_read_some(boost::asio::buffer(*buffer_), std::move(self));
      return;
    }
    if (ec == boost::asio::error::eof) ec = {};
    boost::system::error_code ignored;
    socket_.close(ignored);
    self.complete(ec);
  }

 private:
  using Buffer = std::array<char, 16 * 1024>;
  /// A peer that goes on sending is cut off. So it is by Beast's timer for closing.
  static constexpr std::size_t kBytesMax = 4 << 20;

  DrainingSocket& socket_;
  std::unique_ptr<Buffer> buffer_;
  std::size_t drained_ = 0;
};

/// Beast's customization point (boost::beast::websocket::async_teardown), found by the socket's
/// type.
template <class Handler>
void async_teardown(boost::beast::role_type, DrainingSocket& socket, Handler&& handler) {
  boost::asio::async_compose<std::decay_t<Handler>, void(boost::system::error_code)>(
      DrainOperation(socket), handler, socket);
}

}  // namespace errand::net
