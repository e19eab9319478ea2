#include "errand/upstream/forwarded_headers.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "errand/telemetry/trace_context.h"

namespace errand::upstream {

namespace {

/// Whether the header belongs to one connection or frames its messages.
bool is_of_connection(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kNames{
      "connection", "content-length",      "expect",           "http2-settings",
      "keep-alive", "proxy-authorization", "proxy-connection", "te",
      "trailer",    "transfer-encoding",   "upgrade"};
  return std::ranges::any_of(
      kNames, [name](std::string_view other) { return net::equals_ignoring_case(name, other); });
}

bool is_of_handshake(std::string_view name) {
  constexpr std::string_view kPrefix = "sec-websocket-";
  return net::equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix);
}

/// "192.0.2.1" of "192.0.2.1:51234", "2001:db8::1" of "[2001:db8::1]:51234".
std::string_view address_of(std::string_view peer) {
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  return peer;
}

template <class Keeps>
net::HttpHeaders end_to_end(const net::HttpHeaders& headers, const Keeps& keeps) {
  const std::string named = headers.joined("Connection");
  net::HttpHeaders out;
  for (const auto& [name, value] : headers.fields()) {
    if (is_of_connection(name) || net::has_token(named, name) || !keeps(name)) continue;
    out.add(name, value);
  }
  return out;
}

template <class Keeps>
net::HttpHeaders to_upstream(const net::HttpRequest& request, const Cause& cause,
                             const Keeps& keeps) {
  net::HttpHeaders out = end_to_end(request.headers, [&keeps](std::string_view name) {
    return !net::equals_ignoring_case(name, "host") && keeps(name);
  });
  if (const std::string_view client = address_of(request.peer); !client.empty()) {
    std::string chain = out.joined("X-Forwarded-For");
    if (!chain.empty()) chain += ", ";
    out.set("X-Forwarded-For", chain.append(client));
  }
  // This server has no TLS of its own: where a client used it, the proxy that ended it says so.
  if (!out.find("X-Forwarded-Proto")) out.add("X-Forwarded-Proto", "http");
  if (const auto host = request.header("Host"); host && !out.find("X-Forwarded-Host")) {
    out.add("X-Forwarded-Host", *host);
  }
  const auto trace = out.find("traceparent");
  if (!trace || !telemetry::TraceContext::parse(*trace)) out.set("traceparent", cause.traceparent);
  if (!out.find("X-Request-Id")) out.add("X-Request-Id", cause.request_id);
  return out;
}

bool is_hex_digit(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

}  // namespace

net::HttpHeaders request_headers(const net::HttpRequest& request, const Cause& cause) {
  return to_upstream(request, cause, [](std::string_view) { return true; });
}

net::HttpHeaders upgrade_headers(const net::HttpRequest& request, const Cause& cause) {
  return to_upstream(request, cause, [](std::string_view name) { return !is_of_handshake(name); });
}

net::HttpHeaders response_headers(const net::HttpHeaders& headers) {
  return end_to_end(headers, [](std::string_view) { return true; });
}

std::string with_query(std::string target, std::string_view query) {
  if (query.empty()) return target;
  target += target.contains('?') ? '&' : '?';
  for (std::size_t i = 0; i < query.size(); ++i) {
    const char c = query[i];
    const bool escape = c == '%' && i + 2 < query.size() && is_hex_digit(query[i + 1]) &&
                        is_hex_digit(query[i + 2]);
    if (escape || std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-._~!$&'()*+,;=:@/?").contains(c)) {
      target += c;
    } else {
      fmt::format_to(std::back_inserter(target), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return target;
}

}  // namespace errand::upstream
