#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace errand {

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates,
/// nothing above U+10FFFF.
bool is_valid_utf8(std::string_view text) noexcept;

/// One decoded code point; `length` is 0 where the bytes are not well-formed UTF-8.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;
};

/// Decodes the code point at the start of `text`.
CodePoint decode_utf8(std::string_view text) noexcept;

/// The beginning of `text`, which is UTF-8, of at most `bytes_max` bytes; no character is cut.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) noexcept;

/// Appends `code_point` (a Unicode scalar value) to `out`.
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace errand
