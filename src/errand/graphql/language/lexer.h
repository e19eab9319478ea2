#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/graphql/language/arena.h"
#include "errand/graphql/language/token.h"

namespace errand::graphql::language {

/// Cuts a GraphQL text into tokens (specification, 2.1): one pass, ASCII by table, values as views
/// into the text unless escapes or indentation force a copy into the arena.
class Lexer {
 public:
  struct Failure {
    std::size_t offset;   ///< byte at which the error is
    std::string message;  ///< without "Syntax Error: "
  };

  /// `body` (below 4 GiB) and `arena` must outlive the lexer and its tokens.
  Lexer(std::string_view body, Arena& arena) : body_(body), arena_(&arena) {}

  /// The next token. At the end kEndOfFile, again and again; after an error kInvalid for good.
  Token next();

  /// The next token of a schema coordinate, which knows neither blanks nor comments.
  Token next_of_coordinate();

  /// The error behind a kInvalid token.
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

 private:
  [[nodiscard]] unsigned char at(std::size_t offset) const noexcept {
    return offset < body_.size() ? static_cast<unsigned char>(body_[offset]) : 0;
  }
  [[nodiscard]] bool has(std::size_t offset, char c) const noexcept {
    return offset < body_.size() && body_[offset] == c;
  }

  Token token(TokenKind kind, std::size_t start, std::size_t end, std::string_view value = {});
  Token fail(std::size_t offset, std::string message);

  bool skip_ignored();
  bool skip_comment();
  Token read_name(std::size_t start);
  Token read_number(std::size_t start);
  bool read_digits(std::size_t& position);
  Token read_string(std::size_t start);
  bool read_escape(std::size_t& position, std::string& value);
  bool read_escaped_unicode(std::size_t& position, std::string& value);
  Token read_block_string(std::size_t start);
  std::string_view block_string_value(std::string_view raw, bool has_escapes);

  [[nodiscard]] int read_hex4(std::size_t offset) const noexcept;
  [[nodiscard]] std::string print_code_point_at(std::size_t offset) const;
  [[nodiscard]] std::string_view slice_units(std::size_t offset, std::size_t units) const noexcept;

  std::string_view body_;
  Arena* arena_;
  std::size_t position_ = 0;
  std::optional<Failure> failure_;
};

/// Whether `text` is a Name (specification, 2.1.9), such as of a type or a field.
bool is_name(std::string_view text) noexcept;

}  // namespace errand::graphql::language
