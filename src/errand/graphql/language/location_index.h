#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "errand/graphql/language/source.h"

namespace errand::graphql::language {

/// Finds many locations in one source: after one pass over the text each costs constant time, where
/// Source::location() costs the length of the text before it. Refers to the source; not thread-safe
/// before its first use is over.
class LocationIndex {
 public:
  explicit LocationIndex(const Source& source) : source_(&source) {}

  /// As Source::location().
  [[nodiscard]] Location location(std::size_t offset);

 private:
  struct Checkpoint {
    std::size_t offset;
    Location location;
  };

  static constexpr std::size_t kStep = 1024;

  void build();

  const Source* source_;
  std::vector<Checkpoint> checkpoints_;  ///< empty until built
};

}  // namespace errand::graphql::language
