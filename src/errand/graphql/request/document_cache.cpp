#include "errand/graphql/request/document_cache.h"

#include <utility>

namespace errand::graphql::request {
namespace {

/// What the list and the index add to a document, roughly.
constexpr std::size_t kSlotBytes = 160;

std::size_t weight_of(const DocumentCache::Entry& document) {
  return document->memory_bytes() + kSlotBytes;
}

std::string_view text_of(const DocumentCache::Entry& document) {
  return document->document().source().body;
}

}  // namespace

DocumentCache::Entry DocumentCache::find(std::string_view text) {
  Slots evicted;  // freed after the lock
  const std::lock_guard lock(mutex_);
  const auto found = by_text_.find(text);
  if (found == by_text_.end()) {
    ++statistics_.misses;
    return nullptr;
  }
  ++statistics_.hits;
  slots_.splice(slots_.begin(), slots_, found->second);
  Slot& slot = *found->second;
  // A document grows with its plans.
  const std::size_t bytes = weight_of(slot.document);
  if (bytes != slot.bytes) {
    statistics_.bytes += bytes - slot.bytes;
    slot.bytes = bytes;
    evict_beyond_bound(evicted);
  }
  return slot.document;
}

void DocumentCache::put(Entry document) {
  const std::size_t bytes = weight_of(document);
  if (bytes > bytes_max_ / 4) return;
  Slots evicted;  // freed after the lock
  const std::lock_guard lock(mutex_);
  if (by_text_.contains(text_of(document))) return;
  slots_.push_front({std::move(document), bytes});
  by_text_.emplace(text_of(slots_.front().document), slots_.begin());
  statistics_.bytes += bytes;
  evict_beyond_bound(evicted);
}

void DocumentCache::evict_beyond_bound(Slots& evicted) {
  while (statistics_.bytes > bytes_max_) {
    const auto last = std::prev(slots_.end());
    by_text_.erase(text_of(last->document));
    statistics_.bytes -= last->bytes;
    ++statistics_.evictions;
    evicted.splice(evicted.begin(), slots_, last);
  }
}

CacheStatistics DocumentCache::statistics() const {
  const std::lock_guard lock(mutex_);
  CacheStatistics result = statistics_;
  result.documents = slots_.size();
  return result;
}

}  // namespace errand::graphql::request
