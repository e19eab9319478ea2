#include "errand/upstream/client_socket.h"

#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <openssl/ssl.h>

#include "errand/async/deadline.h"
#include "errand/base/utf8.h"
#include "errand/outbound/ip_address.h"
#include "errand/upstream/forwarder.h"

namespace errand::upstream {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = boost::asio::ssl;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using TlsStream = ssl::stream<tcp::socket>;
using Connected = std::expected<std::shared_ptr<ClientSocket>, SocketConnector::Refusal>;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
/// Longest text of a close frame (RFC 6455, 5.5).
constexpr std::size_t kReasonBytesMax = 123;

std::unexpected<SocketConnector::Refusal> refuse(std::string text, unsigned status = 0) {
  return std::unexpected(SocketConnector::Refusal{.status = status, .text = std::move(text)});
}

/// As the header Host has it: without the scheme's own port.
std::string authority(const outbound::TargetUrl& url) {
  const std::string host = url.host.contains(':') ? "[" + url.host + "]" : url.host;
  const std::uint16_t usual = url.scheme == "https" ? 443 : 80;
  return url.port == usual ? host : host + ":" + std::to_string(url.port);
}

template <class Stream>
class BeastClientSocket final : public ClientSocket {
 public:
  template <class... Arguments>
  explicit BeastClientSocket(const SocketConnector::Options& options, Arguments&&... arguments)
      : stream_(std::forward<Arguments>(arguments)...) {
    stream_.set_option(websocket::stream_base::timeout{.handshake_timeout = options.close_timeout,
                                                       .idle_timeout = options.idle_timeout,
                                                       .keep_alive_pings = true});
    stream_.read_message_max(options.message_bytes_max);
    stream_.auto_fragment(false);
    stream_.text(true);
  }

  websocket::stream<Stream, false>& stream() { return stream_; }

  asio::awaitable<Result<std::string>> read() override {
    beast::flat_buffer buffer;
    const auto [ec, bytes] = co_await stream_.async_read(buffer, kTuple);
    static_cast<void>(bytes);
    if (ec) co_return std::unexpected(failure(ec));
    if (!stream_.got_text()) co_return fail(ErrorCode::kProtocolError, "A message is binary.");
    const auto data = buffer.data();
    co_return std::string(static_cast<const char*>(data.data()), data.size());
  }

  asio::awaitable<bool> write(std::string text) override {
    const auto [ec, bytes] = co_await stream_.async_write(asio::buffer(text), kTuple);
    static_cast<void>(bytes);
    co_return !ec;
  }

  asio::awaitable<void> close(net::WebSocketClose why) override {
    websocket::close_reason reason;
    reason.code = why.code;
    const std::string_view text = cut_utf8(why.reason, kReasonBytesMax);
    reason.reason = beast::string_view(text.data(), text.size());
    co_await stream_.async_close(reason, kTuple);
  }

  void cut() override {
    error_code ignored;
    beast::get_lowest_layer(stream_).close(ignored);
  }

  [[nodiscard]] net::WebSocketClose closed_by_peer() const override { return closed_; }

 private:
  Error failure(const error_code& ec) {
    if (ec == websocket::error::closed) {
      const auto& reason = stream_.reason();
      closed_ = {.code = reason.code,
                 .reason = std::string(reason.reason.data(), reason.reason.size())};
      return {ErrorCode::kUnavailable, "It was closed."};
    }
    if (ec == websocket::error::message_too_big) {
      return {ErrorCode::kPayloadTooLarge, "A message was larger than is passed on."};
    }
    if (ec == beast::error::timeout) {
      return {ErrorCode::kDeadlineExceeded, "There was no sign of life."};
    }
    if (ec == websocket::condition::protocol_violation ||
        ec == websocket::error::bad_frame_payload) {
      return {ErrorCode::kProtocolError, "A frame was malformed."};
    }
    return {ErrorCode::kUnavailable, "The connection broke."};
  }

  websocket::stream<Stream, false> stream_;
  net::WebSocketClose closed_{.code = 0, .reason = ""};
};

/// What is said in the handshake.
struct Handshake {
  std::string host;
  std::string target;
  net::HttpHeaders headers;
  std::string subprotocol;
};

/// The handshake of HTTP, on a connection that is there.
template <class Stream>
asio::awaitable<Connected> shake_hands(std::shared_ptr<BeastClientSocket<Stream>> socket,
                                       const Handshake* handshake) {
  auto& stream = socket->stream();
  stream.set_option(
      websocket::stream_base::decorator([handshake](websocket::request_type& request) {
        for (const auto& [name, value] : handshake->headers.fields()) request.insert(name, value);
        request.set(beast::http::field::sec_websocket_protocol, handshake->subprotocol);
      }));
  websocket::response_type response;
  const auto [ec] =
      co_await stream.async_handshake(response, handshake->host, handshake->target, kTuple);
  // It names what is the caller's.
  stream.set_option(websocket::stream_base::decorator([](websocket::request_type&) {}));
  if (ec == websocket::error::upgrade_declined) {
    co_return refuse("the handshake was answered with " + std::to_string(response.result_int()),
                     response.result_int());
  }
  if (ec) co_return refuse("the handshake failed: " + ec.message());
  const auto agreed = response[beast::http::field::sec_websocket_protocol];
  if (std::string_view(agreed.data(), agreed.size()) != handshake->subprotocol) {
    co_return refuse("the subprotocol " + handshake->subprotocol + " was not agreed to");
  }
  co_return std::static_pointer_cast<ClientSocket>(socket);
}

/// The first address of `url` that lets itself be connected to.
asio::awaitable<std::expected<tcp::socket, SocketConnector::Refusal>> connect_tcp(
    const outbound::TargetUrl* url, const outbound::AddressGuard* guard) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto [resolve_error, found] = co_await resolver.async_resolve(
      url->host, std::to_string(url->port), tcp::resolver::numeric_service, kTuple);
  if (resolve_error) co_return refuse("its name does not resolve: " + resolve_error.message());
  std::string why = "its name has no address";
  for (const auto& entry : found) {
    const auto endpoint = entry.endpoint();
    const auto address = outbound::IpAddress::from_socket(*endpoint.data());
    if (!address) continue;
    if (const auto allowed = guard->check_address(url->host, *address); !allowed) {
      why = allowed.error().message;
      continue;
    }
    tcp::socket socket(executor);
    const auto [ec] = co_await socket.async_connect(endpoint, kTuple);
    if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
    if (!ec) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      co_return std::move(socket);
    }
    why = "it takes no connection: " + ec.message();
  }
  co_return refuse(why);
}

asio::awaitable<Connected> open(const SocketConnector::Options* options,
                                const outbound::AddressGuard* guard,
                                std::shared_ptr<ssl::context> tls, const Handshake* handshake) {
  const outbound::TargetUrl& url = options->url;
  auto tcp_socket = co_await connect_tcp(&url, guard);
  if (!tcp_socket) co_return std::unexpected(std::move(tcp_socket.error()));
  if (!tls) {
    co_return co_await shake_hands(
        std::make_shared<BeastClientSocket<tcp::socket>>(*options, *std::move(tcp_socket)),
        handshake);
  }
  auto socket =
      std::make_shared<BeastClientSocket<TlsStream>>(*options, *std::move(tcp_socket), *tls);
  TlsStream& stream = socket->stream().next_layer();
  // Names alone: RFC 6066, 3 has no addresses there.
  if (!url.address) SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  stream.set_verify_callback(ssl::host_name_verification(url.host));
  const auto [ec] = co_await stream.async_handshake(ssl::stream_base::client, kTuple);
  if (ec) co_return refuse("no secure connection: " + ec.message());
  co_return co_await shake_hands(std::move(socket), handshake);
}

}  // namespace

Result<std::unique_ptr<SocketConnector>> SocketConnector::create(Options options) {
  auto guard = guard_for(options.url);
  if (!guard) return fail(ErrorCode::kConfigInvalid, guard.error().message);
  std::shared_ptr<ssl::context> tls;
  if (options.url.scheme == "https") {
    tls = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
    tls->set_verify_mode(ssl::verify_peer);
    error_code ec;
    if (options.ca_file.empty()) {
      tls->set_default_verify_paths(ec);
    } else {
      tls->load_verify_file(options.ca_file, ec);
    }
    if (ec) {
      return fail(ErrorCode::kConfigInvalid, "The certificates to trust cannot be read (" +
                                                 options.ca_file + "): " + ec.message());
    }
  }
  return std::unique_ptr<SocketConnector>(
      new SocketConnector(std::move(options), *std::move(guard), std::move(tls)));
}

SocketConnector::SocketConnector(Options options,
                                 std::shared_ptr<const outbound::AddressGuard> guard,
                                 std::shared_ptr<ssl::context> tls)
    : options_(std::move(options)), guard_(std::move(guard)), tls_(std::move(tls)) {}

asio::awaitable<Connected> SocketConnector::connect(
    net::HttpHeaders headers, std::string query, std::string subprotocol,
    std::chrono::steady_clock::time_point deadline) const {
  const Handshake handshake{.host = authority(options_.url),
                            .target = with_query(options_.url.path_and_query, query),
                            .headers = std::move(headers),
                            .subprotocol = std::move(subprotocol)};
  auto connected =
      co_await async::with_deadline(deadline, open(&options_, guard_.get(), tls_, &handshake));
  if (!connected) co_return refuse("it could not be reached in time");
  co_return *std::move(connected);
}

}  // namespace errand::upstream
