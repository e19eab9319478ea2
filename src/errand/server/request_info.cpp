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

}  // namespace

Result<std::string> parse_idempotency_key(std::string_view field) {
  const auto invalid = [](const char* why) {
    return fail(ErrorCode::kIdempotencyKeyInvalid, std::string("The Idempotency-Key ") + why);
  };
  std::string key;
  if (field.starts_with('"')) {
    // sf-string of RFC 8941, 3.3.3.
    std::size_t at = 1;
    bool closed = false;
    for (; at < field.size(); ++at) {
      char c = field[at];
      if (c == '"') {
        closed = true;
        break;
      }
      if (c == '\\') {
        if (++at == field.size() || (field[at] != '"' && field[at] != '\\')) {
          return invalid("has a broken escape.");
        }
        c = field[at];
      }
      key.push_back(c);
    }
    if (!closed) return invalid("has no closing quote.");
    // Parameters of the structured field mean nothing here.
    if (at + 1 < field.size() && field[at + 1] != ';') {
      return invalid("goes on after its closing quote.");
    }
  } else {
    key = field;
  }
  if (key.empty()) return invalid("is empty.");
  if (key.size() > kIdBytesMax) return invalid("is longer than 255 characters.");
  if (!is_printable_ascii(key)) return invalid("has characters beyond printable ASCII.");
  return key;
}

RequestInfo read_request_info(const net::HttpHeaders& headers, const Clock& clock, Random& random) {
  RequestInfo info;
  const auto parent = headers.find("traceparent").and_then([](std::string_view text) {
    return telemetry::TraceContext::parse(text);
  });
  info.trace = parent ? parent->child(random) : telemetry::TraceContext::start(random);
  auto request_id = read_id(headers, "x-request-id");
  auto correlation_id = read_id(headers, "x-correlation-id");
  info.request_id = request_id ? *request_id : Uuid::v7(clock.now().wall, random).str();
  info.correlation_id = correlation_id ? std::move(*correlation_id) : info.request_id;
  return info;
}

}  // namespace errand::server
