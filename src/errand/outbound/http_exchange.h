#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "errand/base/error.h"
#include "errand/net/http_message.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/circuit_breaker.h"

namespace errand::outbound {

/// What a response is handed to while it comes in, instead of HttpResponse::body. Called on the
/// client's thread, which it must not block; never again once the request has its result.
class HttpSink {
 public:
  enum class Take : std::uint8_t {
    kTaken,
    kWait,  ///< no room: the same piece comes again after `resume`, and the target is made to wait
    kStop,  ///< ends the request with HttpFailure::kCanceled
  };

  virtual ~HttpSink() = default;

  /// The final response's head, before any of its body.
  /// @param resume  has pieces come again after kWait. May be called at any time, from any thread
  /// @return false ends the request, as kStop does
  virtual bool on_head(unsigned status, const net::HttpHeaders& headers,
                       std::function<void()> resume) = 0;

  /// A piece of the body, as long as the call.
  virtual Take on_data(std::string_view piece) = 0;
};

/// What to do with a response body over HttpRequest::response_bytes_max. Reading stops there either
/// way, and the connection is closed.
enum class WhenTooLarge : std::uint8_t {
  kFail,      ///< HttpFailure::kTooLarge: for bodies that are worth nothing in part
  kTruncate,  ///< the first bytes, with HttpResponse::truncated: for those that people read
};

/// Below what common servers keep an idle connection open for (Node.js 5 s, others a minute).
inline constexpr std::chrono::seconds kIdleMaxOfOnce{3};

/// One request. Owns its text.
struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< see parse_target_url()
  /// Sent in this order. Those that frame the message or belong to the connection, such as Host,
  /// Content-Length or Connection, are the client's to write; with one of them the request is
  /// kInvalid. None is added but Host, Accept, User-Agent and Content-Length.
  net::HttpHeaders headers;
  std::string body;
  /// Adds neither Accept nor User-Agent: for the request of somebody else that is passed on.
  bool plain = false;
  /// For a request that does not bear to be sent twice: where the target closed a kept connection
  /// in the moment of its use, it ends with kCutOff. So that this is rare, it is not sent on a
  /// connection that was idle for longer than kIdleMaxOfOnce.
  bool once = false;

  /// When all must have come, waiting for its turn included.
  std::chrono::steady_clock::time_point deadline;
  /// For resolving, connecting and the handshake of TLS.
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t response_bytes_max = 1 << 20;  ///< of the body, as sent: it is never unpacked
  WhenTooLarge when_too_large = WhenTooLarge::kFail;

  /// A stop ends the request soon with kCanceled, wherever it is.
  std::stop_token stop = {};
  /// Where it may go, if not where HttpClient says.
  std::shared_ptr<const AddressGuard> guard = nullptr;
  /// Gets the response's body piece by piece.
  std::shared_ptr<HttpSink> sink = nullptr;
};

/// A response of any status, redirects and errors included.
struct HttpResponse {
  unsigned status = 0;
  net::HttpHeaders headers;
  std::string body;  ///< empty with a sink
  bool truncated = false;
  std::string peer;                       ///< address that answered: "192.0.2.1"
  std::chrono::milliseconds duration{0};  ///< from fetch() on
};

/// Why there is no response.
enum class HttpFailure : std::uint8_t {
  kInvalid,   ///< the request cannot be sent as it is: URL, method, header
  kRefused,   ///< by the AddressGuard
  kFull,      ///< too many requests wait; nothing was tried
  kResolve,   ///< the host's name has no address
  kConnect,   ///< nobody took the connection
  kTls,       ///< handshake or certificate
  kTimedOut,  ///< deadline or connect timeout
  kCutOff,    ///< the connection ended before the response did
  kProtocol,  ///< what came is no HTTP response
  kTooLarge,  ///< its head, or its body with WhenTooLarge::kFail
  kCanceled,  ///< by the stop token, the sink, or the end of the client
};

/// Short name for metrics and logs: "resolve", "timed_out".
std::string_view to_string(HttpFailure failure) noexcept;

struct HttpError {
  HttpFailure failure = HttpFailure::kProtocol;
  std::string message;  ///< for people; names the host, but neither path nor query
  /// The target may have seen the request. False is certain.
  bool sent = false;
  /// It came to be its turn: a name was resolved or a connection asked for, at least.
  bool tried = false;
};

/// The public error of `error`.
Error to_error(const HttpError& error);

using HttpResult = std::expected<HttpResponse, HttpError>;

/// What `result` says about its target's health: failures of network, TLS or protocol, a deadline
/// that passed and the statuses 429 and 5xx are failures. Other statuses are not: it answers, if
/// only that it does not want that request. What was never sent or canceled by us says nothing.
CircuitBreaker::Outcome breaker_outcome(const HttpResult& result);

}  // namespace errand::outbound
