#pragma once

#include <cstdint>
#include <string_view>

namespace errand::graphql::language {

/// Lexical tokens (specification, 2.1.6). Comments never become tokens.
enum class TokenKind : std::uint8_t {
  kStartOfFile,
  kEndOfFile,
  kBang,
  kDollar,
  kAmp,
  kParenLeft,
  kParenRight,
  kDot,  ///< only in schema coordinates
  kSpread,
  kColon,
  kEquals,
  kAt,
  kBracketLeft,
  kBracketRight,
  kBraceLeft,
  kPipe,
  kBraceRight,
  kName,
  kInt,
  kFloat,
  kString,
  kBlockString,
  kInvalid,  ///< the text is wrong here: see Lexer::failure()
};

struct Token {
  TokenKind kind = TokenKind::kStartOfFile;
  std::uint32_t start = 0;  ///< byte offset
  std::uint32_t end = 0;
  /// Of names and numbers as written, of strings the value; empty for the rest.
  std::string_view value;
};

/// The kind as error messages show it: `"{"`, `Name`, `<EOF>`.
std::string_view describe(TokenKind kind) noexcept;

}  // namespace errand::graphql::language
