// Any bytes after a WebSocket handshake: what the server sends back are whole, unmasked frames
// (RFC 6455, 5.2), text in UTF-8, and nothing after a close frame.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "fuzz/loopback_server.h"

#include "errand/base/assert.h"
#include "errand/base/utf8.h"

namespace {

using namespace errand;

constexpr std::string_view kHandshake =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Sends each message back; "bye" closes.
class Echo final : public net::HttpHandler {
 public:
  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest) override {
    co_return net::HttpResponse::text(404, "WebSockets only");
  }

  std::variant<net::WebSocketAccept, net::HttpResponse> upgrade(const net::HttpRequest&) override {
    net::WebSocketAccept accept;
    accept.options.message_bytes_max = 1024;
    accept.options.queue_bytes_max = 4096;
    accept.options.close_timeout = Milliseconds{100};
    accept.handler = [](std::shared_ptr<net::WebSocket> socket,
                        net::HttpRequest) -> boost::asio::awaitable<void> {
      while (auto message = co_await socket->read()) {
        if (message->text) ERRAND_ASSERT(is_valid_utf8(message->data));
        ERRAND_ASSERT(message->data.size() <= 1024);
        if (message->data == "bye") socket->close({4400, "as you wish"});
        if (message->text) socket->send(std::move(message->data));
      }
    };
    return accept;
  }
};

/// Takes the first frame off `bytes`.
/// @return its first byte (FIN, opcode) and payload; opcode 0xF where the rest is no whole frame.
std::pair<std::uint8_t, std::string_view> take_frame(std::string_view& bytes) {
  constexpr std::pair<std::uint8_t, std::string_view> kNone{0x0F, {}};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return kNone;
  const std::uint8_t first = byte(0);
  ERRAND_ASSERT((byte(1) & 0x80) == 0);
  std::size_t length = byte(1);
  std::size_t head = 2;
  // No echo is long enough for a length of eight bytes.
  ERRAND_ASSERT(length < 127);
  if (length == 126) {
    if (bytes.size() < 4) return kNone;
    length = std::size_t{byte(2)} << 8 | byte(3);
    head = 4;
  }
  if (bytes.size() < head + length) return kNone;
  const std::string_view payload = bytes.substr(head, length);
  bytes.remove_prefix(head + length);
  return {first, payload};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Echo echo;
  static fuzz::LoopbackServer server(echo);
  const std::string received =
      server.exchange(kHandshake, {reinterpret_cast<const char*>(data), size}, "\r\n\r\n");

  ERRAND_ASSERT(received.starts_with("HTTP/1.1 101 "));
  const std::size_t head = received.find("\r\n\r\n");
  ERRAND_ASSERT(head != std::string::npos);
  std::string_view rest = std::string_view(received).substr(head + 4);
  while (!rest.empty()) {
    const auto [first, payload] = take_frame(rest);
    const int opcode = first & 0x0F;
    if (opcode == 0x0F) break;  // cut off with the connection
    ERRAND_ASSERT((first & 0xF0) == 0x80);
    ERRAND_ASSERT(opcode == 1 || opcode == 8 || opcode == 9 || opcode == 10);
    if (opcode == 1) ERRAND_ASSERT(is_valid_utf8(payload));
    if (opcode == 8) ERRAND_ASSERT(rest.empty());
  }
  return 0;
}
