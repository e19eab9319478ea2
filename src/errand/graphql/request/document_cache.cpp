#include "errand/graphql/request/document_cache.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace errand::graphql::request {
namespace {

/// What the list and the index add to a document, roughly.
constexpr std::size_t kSlotBytes = 160;
/// Documents that are weighed again for each one that comes.
constexpr std::size_t kWeighedAgain = 4;
/// Shards are not smaller than this, so that each has room for documents of every size.
constexpr std::size_t kShardBytesMin = 4 << 20;
constexpr std::size_t kShardsMax = 16;

}  // namespace

/// A cache of its own, with its own lock.
class DocumentCache::Shard {
 public:
  explicit Shard(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  Entry find(std::string_view key) {
    Slots evicted;  // freed after the lock
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) {
      ++statistics_.misses;
      return nullptr;
    }
    ++statistics_.hits;
    slots_.splice(slots_.begin(), slots_, found->second);
    Entry document = found->second->document;
    weigh_again(*found->second);
    evict_beyond_bound(evicted);
    return document;
  }

  void put(std::string own_key, Entry document) {
    const std::size_t bytes = weight_of(*document, own_key);
    if (bytes > bytes_max_ / 4) return;
    Slots evicted;  // freed after the lock
    Slots fresh;
    fresh.push_front({std::move(own_key), std::move(document), bytes});
    const std::lock_guard lock(mutex_);
    if (!by_key_.emplace(fresh.front().key(), fresh.begin()).second) return;
    // Those that came last have been executed since.
    std::size_t count = 0;
    for (auto slot = slots_.begin(); slot != slots_.end() && count < kWeighedAgain; ++slot) {
      weigh_again(*slot);
      ++count;
    }
    slots_.splice(slots_.begin(), fresh);
    statistics_.bytes += bytes;
    evict_beyond_bound(evicted);
  }

  void add_to(CacheStatistics& sum) const {
    const std::lock_guard lock(mutex_);
    sum.hits += statistics_.hits;
    sum.misses += statistics_.misses;
    sum.evictions += statistics_.evictions;
    sum.documents += slots_.size();
    sum.bytes += statistics_.bytes;
  }

 private:
  struct Slot {
    std::string own_key;  ///< empty: the document's text is the key
    Entry document;
    std::size_t bytes;

    [[nodiscard]] std::string_view key() const {
      return own_key.empty() ? document->text() : own_key;
    }
  };
  using Slots = std::list<Slot>;  // most recently used first

  static std::size_t weight_of(const LoadedDocument& document, const std::string& own_key) {
    return document.memory_bytes() + own_key.capacity() + kSlotBytes;
  }

  /// A document grows with its plans, after it was put here.
  void weigh_again(Slot& slot) {
    const std::size_t bytes = weight_of(*slot.document, slot.own_key);
    statistics_.bytes += bytes - slot.bytes;
    slot.bytes = bytes;
  }

  /// Moves the least recently used slots to `evicted` until the rest is within the bound.
  void evict_beyond_bound(Slots& evicted) {
    while (statistics_.bytes > bytes_max_) {
      const auto last = std::prev(slots_.end());
      by_key_.erase(last->key());
      statistics_.bytes -= last->bytes;
      ++statistics_.evictions;
      evicted.splice(evicted.begin(), slots_, last);
    }
  }

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Slots slots_;
  std::unordered_map<std::string_view, Slots::iterator> by_key_;  // keys lie in the slots
  CacheStatistics statistics_;
};

DocumentCache::DocumentCache(std::size_t bytes_max) {
  const std::size_t count = std::clamp<std::size_t>(bytes_max / kShardBytesMin, 1, kShardsMax);
  for (std::size_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<Shard>(bytes_max / count));
  }
}

DocumentCache::~DocumentCache() = default;

DocumentCache::Shard& DocumentCache::shard_of(std::string_view key) const {
  return *shards_[std::hash<std::string_view>()(key) % shards_.size()];
}

DocumentCache::Entry DocumentCache::find(std::string_view key) { return shard_of(key).find(key); }

void DocumentCache::put(Entry document) {
  Shard& shard = shard_of(document->text());
  shard.put({}, std::move(document));
}

void DocumentCache::put(std::string key, Entry document) {
  Shard& shard = shard_of(key);
  shard.put(std::move(key), std::move(document));
}

CacheStatistics DocumentCache::statistics() const {
  CacheStatistics result;
  for (const auto& shard : shards_) shard->add_to(result);
  return result;
}

}  // namespace errand::graphql::request
