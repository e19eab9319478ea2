#include "errand/graphql/language/location_index.h"

#include <algorithm>
#include <string_view>

namespace errand::graphql::language {
namespace {

/// Moves `location`, that of the byte at `from`, on to that of the byte at `to`.
void advance(std::string_view body, std::size_t from, std::size_t to, Location& location) {
  for (std::size_t i = from; i < to; ++i) {
    const auto byte = static_cast<unsigned char>(body[i]);
    const bool ends_line =
        byte == '\n' || (byte == '\r' && !(i + 1 < body.size() && body[i + 1] == '\n'));
    if (ends_line) {
      ++location.line;
      location.column = 1;
    } else if ((byte & 0xC0) != 0x80) {
      location.column += byte >= 0xF0 ? 2 : 1;
    }
  }
}

}  // namespace

void LocationIndex::build() {
  Location location;
  checkpoints_.push_back({0, location});
  const std::string_view body = source_->body;
  for (std::size_t at = kStep; at < body.size(); at += kStep) {
    advance(body, at - kStep, at, location);
    checkpoints_.push_back({at, location});
  }
}

Location LocationIndex::location(std::size_t offset) {
  if (checkpoints_.empty()) build();
  offset = std::min(offset, source_->body.size());
  const Checkpoint& before = checkpoints_[std::min(offset / kStep, checkpoints_.size() - 1)];
  Location location = before.location;
  advance(source_->body, before.offset, offset, location);
  return location;
}

}  // namespace errand::graphql::language
