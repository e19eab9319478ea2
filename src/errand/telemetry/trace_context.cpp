#include "errand/telemetry/trace_context.h"

#include <algorithm>
#include <span>

namespace errand::telemetry {

namespace {

constexpr char kHex[] = "0123456789abcdef";

/// Lower-case hexadecimal only, as section 3.2.2 asks. False for anything else.
bool read_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  const auto digit = [](char c) noexcept -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 0x0F]);
  }
}

bool all_zero(std::span<const std::uint8_t> bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

template <std::size_t N>
void fill_non_zero(std::array<std::uint8_t, N>& id, Random& random) {
  do {
    random.fill(id);
  } while (all_zero(id));
}

}  // namespace

std::optional<TraceContext> TraceContext::parse(std::string_view traceparent) noexcept {
  // version "-" trace-id "-" parent-id "-" flags: 2 + 1 + 32 + 1 + 16 + 1 + 2.
  constexpr std::size_t kLength = 55;
  if (traceparent.size() < kLength) return std::nullopt;
  if (traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-') {
    return std::nullopt;
  }
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceContext context;
  if (!read_hex(traceparent.substr(0, 2), version) || version[0] == 0xFF ||
      !read_hex(traceparent.substr(3, 32), context.trace_id) ||
      !read_hex(traceparent.substr(36, 16), context.span_id) ||
      !read_hex(traceparent.substr(53, 2), flags)) {
    return std::nullopt;
  }
  if (traceparent.size() > kLength && (version[0] == 0 || traceparent[kLength] != '-')) {
    return std::nullopt;
  }
  if (all_zero(context.trace_id) || all_zero(context.span_id)) return std::nullopt;
  // Of the flags only "sampled" is defined; unknown ones are not passed on (section 3.2.2.5).
  context.flags = flags[0] & 0x01;
  return context;
}

TraceContext TraceContext::start(Random& random) {
  TraceContext context;
  fill_non_zero(context.trace_id, random);
  fill_non_zero(context.span_id, random);
  context.flags = 0x01;
  return context;
}

TraceContext TraceContext::child(Random& random) const {
  TraceContext context = *this;
  fill_non_zero(context.span_id, random);
  return context;
}

std::string TraceContext::traceparent() const {
  std::string text = "00-";
  text.reserve(55);
  append_hex(text, trace_id);
  text.push_back('-');
  append_hex(text, span_id);
  text.push_back('-');
  append_hex(text, {&flags, 1});
  return text;
}

std::string TraceContext::trace_id_text() const {
  std::string text;
  append_hex(text, trace_id);
  return text;
}

}  // namespace errand::telemetry
