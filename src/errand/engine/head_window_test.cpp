#include "errand/engine/head_window.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace errand::engine {
namespace {

/// A window over a row of numbers that is kept beside it, as the store keeps it.
RC_GTEST_PROP(HeadWindow, IsAlwaysTheFirstPlacesOfTheRow, ()) {
  std::set<int> row = *rc::gen::container<std::set<int>>(rc::gen::inRange(0, 100));
  HeadWindow<int> window(row.empty());
  const int steps = *rc::gen::inRange(0, 100);
  for (int i = 0; i < steps; ++i) {
    const int value = *rc::gen::inRange(0, 100);
    switch (*rc::gen::inRange(0, 3)) {
      case 0: {
        if (!row.insert(value).second) break;
        std::vector<int> evicted;
        const auto max = static_cast<std::size_t>(*rc::gen::inRange(1, 10));
        RC_ASSERT(window.add(value, max, evicted) == window.places().contains(value));
        for (const int gone : evicted) RC_ASSERT(!window.places().contains(gone));
        break;
      }
      case 1:
        row.erase(value);
        window.remove(value);
        break;
      default: {
        if (window.complete()) break;
        const auto limit = static_cast<std::size_t>(*rc::gen::inRange(1, 6));
        auto it = window.horizon() ? row.upper_bound(*window.horizon()) : row.begin();
        std::vector<int> next;
        for (; it != row.end() && next.size() < limit; ++it) next.push_back(*it);
        window.refill(next, next.size() < limit ? std::nullopt : std::optional(next.back()));
      }
    }
    // Exactly the places of the row that the window says it covers.
    std::set<int> covered;
    for (const int each : row) {
      if (window.covers(each)) covered.insert(each);
    }
    RC_ASSERT(window.places() == covered);
    if (window.complete()) RC_ASSERT(window.places() == row);
  }
}

}  // namespace
}  // namespace errand::engine
