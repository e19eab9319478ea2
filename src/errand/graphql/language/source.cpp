#include "errand/graphql/language/source.h"

#include <algorithm>

namespace errand::graphql::language {

Location Source::location(std::size_t offset) const noexcept {
  const std::size_t end = std::min(offset, body.size());
  Location location;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < end; ++i) {
    if (body[i] != '\n' && body[i] != '\r') continue;
    if (body[i] == '\r' && i + 1 < body.size() && body[i + 1] == '\n') {
      if (i + 1 >= end) break;  // between CR and LF: still on the line that they end
      ++i;
    }
    ++location.line;
    line_start = i + 1;
  }
  for (std::size_t i = line_start; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(body[i]);
    // Each lead byte is one unit, that of a four-byte sequence two (a surrogate pair).
    if ((byte & 0xC0) != 0x80) location.column += byte >= 0xF0 ? 2 : 1;
  }
  return location;
}

}  // namespace errand::graphql::language
