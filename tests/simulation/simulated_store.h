#pragma once

#include <memory>
#include <string>

#include "errand/base/random.h"
#include "errand/store/store.h"

namespace errand::simulation {

/// A store that fails by chance, and the machine it runs on.
class SimulatedStore {
 public:
  SimulatedStore() = default;
  SimulatedStore(const SimulatedStore&) = delete;
  SimulatedStore& operator=(const SimulatedStore&) = delete;
  virtual ~SimulatedStore() = default;

  /// Until the next crash().
  [[nodiscard]] virtual store::Store& store() = 0;

  /// From now on a commit may fail: refused, its outcome unknown, or the machine ends within it.
  virtual void break_down() = 0;
  virtual void heal() = 0;

  /// Whether the machine ended, so that only crash() may follow.
  [[nodiscard]] virtual bool has_ended() const = 0;

  /// What is wrong with the chain of events, in words; empty: nothing, or there is none.
  [[nodiscard]] virtual std::string find_chain_fault() { return {}; }

  /// The program ends, and perhaps the power with it; then it begins anew.
  virtual void crash() = 0;
};

/// The memory store, which loses nothing in a crash. `random` outlives it, as it does below.
std::unique_ptr<SimulatedStore> make_memory_store(Random& random);

/// The SQLite store on a disk that loses and tears what was not synced.
std::unique_ptr<SimulatedStore> make_sqlite_store(Random& random);

}  // namespace errand::simulation
