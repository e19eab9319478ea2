// Any bytes on a connection: the server answers in HTTP or closes, and how the bytes are cut into
// packets changes nothing about the answers, but for how many of them a client gets that ends its
// side early.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "fuzz/loopback_server.h"

#include "errand/base/assert.h"

namespace {

using namespace errand;

/// Gives back what it understood; /stream does so in chunks.
class Echo final : public net::HttpHandler {
 public:
  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest request) override {
    std::string text = request.method + "|" + request.path + "|" + request.query + "|";
    for (const auto& [name, value] : request.headers.fields()) text += name + ":" + value + "|";
    text += request.body;
    if (request.path != "/stream") co_return net::HttpResponse::text(200, std::move(text));
    net::HttpResponse response;
    response.stream =
        [text = std::move(text)](net::BodyWriter& writer) -> boost::asio::awaitable<void> {
      const bool taken = co_await writer.write(text);
      if (taken) co_await writer.write("end");
    };
    co_return response;
  }

  std::variant<net::WebSocketAccept, net::HttpResponse> upgrade(const net::HttpRequest&) override {
    return net::HttpResponse::text(400, "no WebSockets here");
  }
};

/// The answers up to the refusal of what is no HTTP, without what differs from one moment to the
/// next. Which fault of several the refusal names, packets may decide.
std::string comparable(std::string text) {
  const auto erase_all = [&text](std::string_view begin, std::string_view end) {
    for (std::size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
      const std::size_t until = text.find(end, at + begin.size());
      text.erase(at, until == std::string::npos ? until : until + end.size() - at);
    }
  };
  erase_all("\r\nDate: ", "GMT");
  // Whether the connection closes hangs on whether the client's end has been seen.
  erase_all("\r\nConnection: close", "");
  erase_all("\r\nConnection: keep-alive", "");
  // Asked for only where the body has not come with the head.
  erase_all("HTTP/1.1 100 Continue", "\r\n\r\n");
  const std::size_t refusal = std::min(text.find("HTTP/1.1 4"), text.find("HTTP/1.1 5"));
  if (refusal != std::string::npos) text.resize(refusal + std::string_view("HTTP/1.1").size());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Echo echo;
  static fuzz::LoopbackServer server(echo);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  const std::string whole = server.exchange(bytes, {});
  ERRAND_ASSERT(whole.empty() || whole.starts_with("HTTP/1.1 "));
  // Whoever asks for a WebSocket must wait for the answer; whether one did, packets decide.
  if (whole.find("WebSocket") != std::string::npos) return 0;
  // So they do whether the client's end is seen before a later answer, or the rest of a streamed
  // one, which then stays away.
  const std::string a = comparable(whole);
  const std::string b =
      comparable(server.exchange(bytes.substr(0, size / 2), bytes.substr(size / 2)));
  ERRAND_ASSERT(a.starts_with(b) || b.starts_with(a));
  return 0;
}
