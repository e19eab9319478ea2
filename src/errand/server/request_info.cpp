#include "errand/server/request_info.h"

#include <algorithm>

#include "errand/base/uuid.h"

namespace errand::server {

namespace {

bool is_printable_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7E; });
}

std::optional<std::string> read_id(const net::HttpHeaders& headers, std::string_view name) {
  const auto value = headers.find(name);
  if (!value || value->empty() || value->size() > kIdBytesMax || !is_printable_ascii(*value)) {
    return std::nullopt;
  }
  return std::string(*value);
}

std::string joined_cookies(const net::HttpHeaders& headers) {
  std::string all;
  for (const auto& [name, value] : headers.fields()) {
    if (value.empty() || !net::equals_ignoring_case(name, "cookie")) continue;
    if (!all.empty()) all += "; ";
    all += value;
  }
  return all;
}

}  // namespace

ForwardedHeaders read_forwarded_headers(const net::HttpHeaders& headers,
                                        std::span<const std::string> names) {
  ForwardedHeaders found;
  for (const std::string& name : names) {
    std::string value = name == "cookie" ? joined_cookies(headers) : headers.joined(name);
    if (!value.empty()) found.emplace_back(name, std::move(value));
  }
  return found;
}

RequestInfo read_request_info(const net::HttpHeaders& headers, const Clock& clock, Random& random,
                              std::span<const std::string> forward) {
  RequestInfo info;
  const auto parent = headers.find("traceparent").and_then([](std::string_view text) {
    return telemetry::TraceContext::parse(text);
  });
  info.trace = parent ? parent->child(random) : telemetry::TraceContext::start(random);
  auto request_id = read_id(headers, "x-request-id");
  auto correlation_id = read_id(headers, "x-correlation-id");
  info.request_id = request_id ? *request_id : Uuid::v7(clock.now().wall, random).str();
  info.correlation_id = correlation_id ? std::move(*correlation_id) : info.request_id;
  info.last_event_id = read_id(headers, "Last-Event-ID").value_or("");
  if (const auto key = headers.find("Idempotency-Key")) info.idempotency_key = std::string(*key);
  info.forwarded_headers = read_forwarded_headers(headers, forward);
  return info;
}

}  // namespace errand::server
