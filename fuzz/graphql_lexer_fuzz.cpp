// Any bytes are cut into tokens that lie one after the other in the text, or end in one error
// inside it. What a token spells makes the same token by itself.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "errand/base/assert.h"
#include "errand/base/utf8.h"
#include "errand/graphql/language/lexer.h"

namespace {

using namespace errand::graphql::language;

/// Reads `text` to its end or to its error with `next`, and holds each token against its
/// neighbours.
template <class Next>
void check_tokens(std::string_view text, const Next& next) {
  Arena arena;
  Lexer lexer(text, arena);
  std::size_t end = 0;
  for (;;) {
    const Token token = next(lexer);
    if (token.kind == TokenKind::kInvalid) {
      ERRAND_ASSERT(lexer.failure().has_value());
      ERRAND_ASSERT(lexer.failure()->offset <= text.size());
      ERRAND_ASSERT(!lexer.failure()->message.empty());
      ERRAND_ASSERT(next(lexer).kind == TokenKind::kInvalid);
      return;
    }
    ERRAND_ASSERT(token.start >= end && token.end >= token.start && token.end <= text.size());
    end = token.end;
    if (token.kind == TokenKind::kEndOfFile) {
      ERRAND_ASSERT(next(lexer).kind == TokenKind::kEndOfFile);
      return;
    }
    ERRAND_ASSERT(token.end > token.start);
    ERRAND_ASSERT(errand::is_valid_utf8(token.value));

    Lexer alone(text.substr(token.start, token.end - token.start), arena);
    const Token again = next(alone);
    ERRAND_ASSERT(again.kind == token.kind && again.value == token.value);
    ERRAND_ASSERT(next(alone).kind == TokenKind::kEndOfFile);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_tokens(text, [](Lexer& lexer) { return lexer.next(); });
  check_tokens(text, [](Lexer& lexer) { return lexer.next_of_coordinate(); });
  return 0;
}
