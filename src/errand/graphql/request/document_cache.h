#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "errand/graphql/execution/executable_document.h"

namespace errand::graphql::request {

/// Counters of a document cache since its start.
struct CacheStatistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::size_t documents = 0;  ///< now inside
  std::size_t bytes = 0;      ///< their weight
};

/// Parsed and validated documents by their text, so that a known document is neither parsed nor
/// validated again. Bounded by weight in bytes; the least recently used one goes first. Holds only
/// valid documents: an invalid one is not worth its place.
///
/// Thread-safe. Entries stay alive for those who use them after they were evicted.
class DocumentCache {
 public:
  using Entry = std::shared_ptr<const execution::ExecutableDocument>;

  /// @param bytes_max  weight of all entries together; 0 caches nothing
  explicit DocumentCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// The document whose source is exactly `text`; nullptr where it is not known.
  Entry find(std::string_view text);

  /// Adds a document under its source text. One that is heavier than a quarter of the whole cache
  /// is left out, so that it cannot sweep all others away.
  void put(Entry document);

  [[nodiscard]] CacheStatistics statistics() const;

 private:
  struct Slot {
    Entry document;
    std::size_t bytes;
  };
  using Slots = std::list<Slot>;  // most recently used first

  /// Moves the least recently used slots to `evicted` until the rest is within the bound.
  void evict_beyond_bound(Slots& evicted);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Slots slots_;
  std::unordered_map<std::string_view, Slots::iterator> by_text_;  // keys lie in the documents
  CacheStatistics statistics_;
};

}  // namespace errand::graphql::request
