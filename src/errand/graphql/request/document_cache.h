#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/graphql/request/loaded_document.h"

namespace errand::graphql::request {

/// Counters of a document cache since its start.
struct CacheStatistics {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0;
  std::size_t documents = 0;  ///< now inside
  std::size_t bytes = 0;      ///< their weight
};

/// Parsed and validated documents by their text, or by another key such as a hash, so that a known
/// document is neither parsed nor validated again. Bounded by weight in bytes; the least recently
/// used one goes first. Holds only valid documents: an invalid one is not worth its place.
///
/// Keys are hashed, and compared in full on a hit, so that no collision gives a wrong document.
/// Thread-safe: a large cache is divided into shards with a lock and a bound each, so threads that
/// look for different documents seldom meet. Entries stay alive for those who use them after they
/// were evicted.
class DocumentCache {
 public:
  using Entry = std::shared_ptr<const LoadedDocument>;

  /// @param bytes_max  weight of all entries together; 0 caches nothing
  explicit DocumentCache(std::size_t bytes_max);
  ~DocumentCache();
  DocumentCache(const DocumentCache&) = delete;
  DocumentCache& operator=(const DocumentCache&) = delete;

  /// The document under exactly `key`; nullptr where it is not known.
  Entry find(std::string_view key);

  /// Adds a document under its source text. One that is heavier than a quarter of its shard is left
  /// out, so that it cannot sweep all others away.
  void put(Entry document);
  /// The same under `key`.
  void put(std::string key, Entry document);

  [[nodiscard]] CacheStatistics statistics() const;

 private:
  class Shard;

  Shard& shard_of(std::string_view key) const;

  std::vector<std::unique_ptr<Shard>> shards_;  // at least one
};

}  // namespace errand::graphql::request
