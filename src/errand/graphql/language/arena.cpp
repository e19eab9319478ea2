#include "errand/graphql/language/arena.h"

#include <algorithm>

namespace errand::graphql::language {

void Arena::add_block(std::size_t at_least) {
  // Doubling keeps the number of blocks small, the cap keeps the unused rest small.
  const std::size_t size = std::max(at_least, std::clamp(bytes_, kBlockBytesMin, kBlockBytesMax));
  blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
  next_ = blocks_.back().get();
  end_ = next_ + size;
  bytes_ += size;
}

}  // namespace errand::graphql::language
