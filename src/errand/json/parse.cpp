#include "errand/json/parse.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <fmt/format.h>

namespace errand::json {

namespace {

namespace bj = boost::json;

/// Builds a value from the parser's events. Boost 1.81 rounds a double with many digits up to one
/// unit in the last place away from the nearest; from_chars does not.
struct Handler {
  Handler() {}  // NOLINT(modernize-use-equals-default): so that `first` is not filled with zeros

  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  using ErrorCode = bj::error_code;
  using View = bj::string_view;

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }
  bool on_object_end(std::size_t count, ErrorCode&) {
    stack.push_object(count);
    return true;
  }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_array_end(std::size_t count, ErrorCode&) {
    stack.push_array(count);
    return true;
  }
  bool on_key_part(View part, std::size_t, ErrorCode&) {
    stack.push_chars(part);
    return true;
  }
  bool on_key(View part, std::size_t, ErrorCode&) {
    stack.push_key(part);
    return true;
  }
  bool on_string_part(View part, std::size_t, ErrorCode&) {
    stack.push_chars(part);
    return true;
  }
  bool on_string(View part, std::size_t, ErrorCode&) {
    stack.push_string(part);
    return true;
  }
  bool on_number_part(View part, ErrorCode&) {
    number.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t value, View, ErrorCode&) {
    number.clear();
    stack.push_int64(value);
    return true;
  }
  bool on_uint64(std::uint64_t value, View, ErrorCode&) {
    number.clear();
    stack.push_uint64(value);
    return true;
  }
  bool on_double(double value, View part, ErrorCode& error) {
    number.append(part.data(), part.size());
    const char* end = number.data() + number.size();
    if (std::from_chars(number.data(), end, value).ec == std::errc::result_out_of_range) {
      // Too small is zero; too large has no value.
      if (std::isinf(value) || std::abs(value) >= 1) {
        error = bj::error::exponent_overflow;
        return false;
      }
      value = 0;
    }
    number.clear();
    stack.push_double(value);
    return true;
  }
  bool on_bool(bool value, ErrorCode&) {
    stack.push_bool(value);
    return true;
  }
  bool on_null(ErrorCode&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(View, ErrorCode&) { return true; }
  bool on_comment(View, ErrorCode&) { return true; }

  /// Values of a small text while they are put together; those of a larger one go to the heap.
  std::array<unsigned char, 2048> first;
  bj::value_stack stack{{}, first.data(), first.size()};
  std::string number;
};

std::string describe(const bj::error_code& error, std::size_t depth_max) {
  if (error == bj::error::too_deep) return fmt::format("nested deeper than {}", depth_max);
  if (error == bj::error::incomplete) return "the text ends too early";
  if (error == bj::error::extra_data) return "more text after the end of the value";
  if (error == bj::error::exponent_overflow) return "the number is too large";
  return error.message();
}

}  // namespace

Result<bj::value> parse(std::string_view text, const ParseLimits& limits, bj::storage_ptr storage) {
  if (text.size() > limits.bytes_max) {
    return fail(ErrorCode::kPayloadTooLarge,
                fmt::format("the JSON text has {} bytes, at most {} are taken", text.size(),
                            limits.bytes_max));
  }
  bj::parse_options options;
  options.max_depth = limits.depth_max;
  options.allow_invalid_utf8 = !limits.check_utf8;
  bj::basic_parser<Handler> parser(options);
  parser.handler().stack.reset(std::move(storage));
  bj::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = bj::error::extra_data;
  if (!error) return parser.handler().stack.release();

  const std::string_view before = text.substr(0, read);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("not valid JSON at line {}, column {}: {}", line, read - line_start + 1,
                          describe(error, limits.depth_max)));
}

}  // namespace errand::json
