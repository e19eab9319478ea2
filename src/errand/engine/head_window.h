#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "errand/base/assert.h"

namespace errand::engine {

/// The first places of an ordered row whose whole lies in the store.
///
/// Either complete (every place is here) or cut off at the horizon: every place up to it is here,
/// what lies beyond is in the store alone. Kept true by add() and remove() for each committed
/// change, and brought forward by refill(). Not thread-safe.
template <class Place>
class HeadWindow {
 public:
  /// `complete`: the row is empty in the store too. Otherwise nothing of it is known yet.
  explicit HeadWindow(bool complete) : complete_(complete) {}

  /// The places `first`, which are all up to `horizon`; nullopt: all there are.
  HeadWindow(std::set<Place> first, std::optional<Place> horizon)
      : places_(std::move(first)), horizon_(std::move(horizon)), complete_(!horizon_) {}

  /// Whether a place like this would be here if it existed.
  [[nodiscard]] bool covers(const Place& place) const {
    return complete_ || (horizon_ && !(*horizon_ < place));
  }

  /// A place was committed. Keeps at most `max` (>= 1) and appends to `evicted` what had to go.
  /// @return whether it is here now.
  bool add(const Place& place, std::size_t max, std::vector<Place>& evicted) {
    if (!covers(place)) return false;
    places_.insert(place);
    trim(max, evicted);
    if (places_.contains(place)) return true;
    std::erase(evicted, place);
    return false;
  }

  /// Keeps at most `max` (>= 1) and appends to `evicted` what had to go.
  void trim(std::size_t max, std::vector<Place>& evicted) {
    while (places_.size() > max) {
      const auto last = std::prev(places_.end());
      evicted.push_back(*last);
      places_.erase(last);
      complete_ = false;
      horizon_ = *std::prev(places_.end());
    }
  }

  /// A place was taken away. Nothing happens if it is beyond the horizon.
  void remove(const Place& place) { places_.erase(place); }

  /// The next places after the horizon, up to the new `horizon`; nullopt: there are no more.
  void refill(std::span<const Place> next, std::optional<Place> horizon) {
    ERRAND_ASSERT(!complete_);
    places_.insert(next.begin(), next.end());
    complete_ = !horizon;
    horizon_ = std::move(horizon);
  }

  [[nodiscard]] bool complete() const { return complete_; }
  /// The last place that is known; nullopt if complete, or if nothing is known yet.
  [[nodiscard]] const std::optional<Place>& horizon() const { return horizon_; }
  [[nodiscard]] const std::set<Place>& places() const { return places_; }

 private:
  std::set<Place> places_;
  std::optional<Place> horizon_;
  bool complete_;
};

}  // namespace errand::engine
