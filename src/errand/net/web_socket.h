#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::net {

/// Bounds of one WebSocket.
struct WebSocketOptions {
  std::size_t message_bytes_max = 1 << 20;  ///< longer ones close with 1009
  std::size_t queue_messages_max = 256;     ///< outgoing messages that wait
  std::size_t queue_bytes_max = 1 << 20;    ///< outgoing bytes that wait; one may be longer
  /// A peer that takes longer for what is being written (a queue's worth at most) reads too slowly:
  /// it is closed with 1013.
  Milliseconds write_timeout{30'000};
  /// A connection without a sign of life for so long is closed; a ping is sent at half of it.
  Milliseconds idle_timeout{60'000};
  /// How long the closing handshake, the last writes included, may take.
  Milliseconds close_timeout{5'000};
};

/// Why a WebSocket closes or has closed (RFC 6455, 7.4).
struct WebSocketClose {
  std::uint16_t code = 1000;
  std::string reason;  ///< at most 123 bytes on the wire; cut at a character's border
};

/// One accepted WebSocket connection (RFC 6455). Fragments, masks, pings, UTF-8 checks (1007) and
/// the size bound (1009) are handled inside.
///
/// read() belongs to one coroutine, on executor(). send() and close() are thread-safe. Messages go
/// out in the order of send(), several in one packet where they wait together.
class WebSocket {
 public:
  struct Message {
    std::string data;
    bool text = true;  ///< false: binary
  };

  virtual ~WebSocket() = default;

  /// The next message. The error is final and says why there is none: kUnavailable when the peer
  /// closed or vanished or this side closed, kDeadlineExceeded after the idle timeout,
  /// kPayloadTooLarge, kProtocolError, kCancelled when the server stops.
  virtual boost::asio::awaitable<Result<Message>> read() = 0;

  /// Puts a text message into the outgoing queue.
  /// @return false when the queue is full (then nothing is queued; the caller decides, usually
  ///         close()) or the socket is closing.
  virtual bool send(std::string text) = 0;

  /// As send(), but waits until there is room, so that a source is read no faster than its client
  /// does. On executor() only.
  /// @return false when the socket is closing.
  virtual boost::asio::awaitable<bool> send_when_room(std::string text) = 0;

  /// Whether the outgoing queue has room for a message of `bytes`.
  [[nodiscard]] virtual bool has_room(std::size_t bytes) const = 0;

  /// Starts to close: messages in the queue still go out, then a close frame. The first call wins.
  virtual void close(WebSocketClose why) = 0;

  /// As close(), but drops what waits in the queue: for a peer that reads too slowly.
  virtual void close_now(WebSocketClose why) = 0;

  /// What the peer's close frame said, once there was one.
  [[nodiscard]] virtual std::optional<WebSocketClose> closed_by_peer() const = 0;

  /// Chosen subprotocol, "" when none.
  [[nodiscard]] virtual const std::string& subprotocol() const = 0;

  /// The connection's strand.
  [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;
};

}  // namespace errand::net
