#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace errand::net {

/// Whether `a` and `b` are equal but for the case of ASCII letters.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// `text` without blanks and tabs (OWS of RFC 9110, 5.6.3) at both ends.
std::string_view trim(std::string_view text) noexcept;

/// Whether `text` is a token (RFC 9110, 5.6.2), as names of methods and header fields are.
bool is_token(std::string_view text) noexcept;

/// Calls `visit` for each element of a comma-separated list (RFC 9110, 5.6.1), trimmed. Empty ones
/// are left out. For lists whose elements hold no quoted strings.
template <class Visit>
void for_each_element(std::string_view list, const Visit& visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (const std::string_view element = trim(list.substr(0, comma)); !element.empty()) {
      visit(element);
    }
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

/// Whether a comma-separated list holds `token`, in any case.
bool has_token(std::string_view list, std::string_view token) noexcept;

/// qvalue of RFC 9110, 12.4.2, in thousandths: "0.25" is 250.
std::optional<int> parse_weight(std::string_view text) noexcept;

/// HTTP header fields in the order they came. Names compare without regard to case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields)
      : fields_(fields) {}

  void add(std::string_view name, std::string_view value);
  /// Replaces every field of that name by one.
  void set(std::string_view name, std::string_view value);

  /// Adds `token` to a field that is a comma-separated list, unless it is there.
  void add_to_list(std::string_view name, std::string_view token);

  /// Value of the first field of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// Values of all fields of that name, joined by ", " as RFC 9110, 5.3 says; "" when none.
  [[nodiscard]] std::string joined(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const noexcept {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// One parameter of a query string, percent-decoded.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;

/// Decodes `application/x-www-form-urlencoded` ("a=1&b=x%20y", "+" is a blank).
/// @return nullopt for a broken percent escape or text that is not UTF-8.
std::optional<QueryParameters> parse_query(std::string_view query);

/// A request that was read whole. Owns its text.
struct HttpRequest {
  std::string method;  ///< as sent, "POST"
  std::string path;    ///< target up to the "?", as sent
  std::string query;   ///< target after the "?", not decoded
  HttpHeaders headers;
  std::string body;
  std::string peer;  ///< "127.0.0.1:51234"

  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return headers.find(name);
  }
  /// The token of `Authorization: Bearer <token>`; nullopt when missing or of another scheme.
  [[nodiscard]] std::optional<std::string_view> bearer_token() const noexcept;
};

/// The token of "Bearer <token>" (RFC 6750, 2.1); nullopt for anything else.
std::optional<std::string_view> parse_bearer(std::string_view authorization) noexcept;

/// Writes the body of a streamed response piece by piece. Several coroutines of the connection's
/// strand may write side by side: each piece goes out whole, none is kept but those being written.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Sends one piece; returns when the connection took it, so that a source is read no faster than
  /// its client reads. A client that does not take a piece within
  /// HttpServer::Options::write_timeout is cut. False once the client is gone: then the stream
  /// ends. Throws `operation_aborted` when the waiting coroutine is cancelled: by a client that
  /// left, by the server's stop.
  virtual boost::asio::awaitable<bool> write(std::string piece) = 0;
};

/// Writes the pieces of a body; the response ends when it returns. After an exception the
/// connection is cut without the last chunk, so that the body does not look whole. Runs on the
/// connection's strand and is cancelled when the client leaves; `writer` lives as long as it runs.
using BodyStream = std::function<boost::asio::awaitable<void>(BodyWriter& writer)>;

/// Thrown by a BodyStream whose source broke off, which is nothing that someone must act on.
class BrokenBody : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A response. Content-Length, Transfer-Encoding and Connection are the server's to add, and Date
/// where it is missing.
struct HttpResponse {
  unsigned status = 200;
  HttpHeaders headers;
  std::string body;
  /// Instead of `body`: bytes that outlive the server, such as an embedded file. Not copied.
  std::string_view static_body;
  /// Instead of a body: written in chunks as it comes (SSE). The head goes out before the first.
  BodyStream stream;
  /// `stream` has no end of its own: when the server stops it is cut at once, whereas others have
  /// the grace to come to their end.
  bool endless = false;
  /// Somebody else's response that is passed on: its body is not packed.
  bool as_is = false;
  /// Close the connection afterwards.
  bool close = false;

  static HttpResponse text(unsigned status, std::string body);
  static HttpResponse json(unsigned status, std::string body);
};

/// The registered phrase of `status` (RFC 9110, 15), "" when unknown.
std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace errand::net
