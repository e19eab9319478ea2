#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/error.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/base/uuid.h"
#include "errand/store/batch.h"
#include "errand/store/reader.h"

namespace errand::store {

/// Why a commit was not acknowledged.
struct CommitError {
  enum class Outcome : std::uint8_t {
    kRefused,  ///< nothing was written and nothing will appear later; the store goes on working
    kUnknown,  ///< may or may not be durable: reopen(), then compare last_batch_id()
  };

  Outcome outcome = Outcome::kRefused;
  Error error;  ///< kStoreFull, kStoreReadOnly, kUnavailable, kStoreCorrupt or kConflict
};

/// What one pruning deletes at most, so that it is short: it takes the place of a commit. One job
/// always passes, its events in several prunings where they are many.
struct PruneLimits {
  std::size_t jobs_max = 200;         ///< >= 1
  std::size_t events_max = 2'000;     ///< >= 1
  std::size_t bytes_max = 4UL << 20;  ///< of inputs and results
};

/// What one pruning did.
struct Pruned {
  std::size_t jobs = 0;
  std::size_t events = 0;
  std::vector<JobId> gone = {};  ///< the jobs
  /// When the next one has something to do: in the past if the limits cut this one short; nullopt:
  /// never, as things stand.
  std::optional<Timestamp> next;
};

/// The one writer of a store. Belongs to one thread at a time, the lane's; reader() alone may be
/// used from others.
///
/// Protocol (DESIGN 7): commit() is atomic and durable once it returns a value. After kUnknown
/// every further commit() is refused until reopen() succeeds; last_batch_id() then says whether the
/// batch is there, for good: reopen() makes sure that what it left out cannot come back after a
/// crash.
class Store {
 public:
  virtual ~Store() = default;

  /// Writes `batch` durably, all or nothing.
  ///
  /// Refused with kConflict: the epoch is not epoch() (another writer took over), a position or
  /// sequence leaves a gap or comes twice (I5), an idempotency key is still bound to another job
  /// (I2), or a job to be forgotten is missing or has not ended.
  [[nodiscard]] virtual std::expected<void, CommitError> commit(const Batch& batch) = 0;

  /// Closes what may be broken and opens it again under a new epoch.
  [[nodiscard]] virtual Result<void> reopen() = 0;

  /// This writer's epoch: grows each time a writer opens the store.
  [[nodiscard]] virtual std::uint64_t epoch() const = 0;

  /// Empty, or the random id that this store got when a backup was put in its place: after that,
  /// log positions and fencing tokens come again that others may hold from before.
  [[nodiscard]] virtual std::string lineage() const { return {}; }

  /// Position of the last event that is durable; 0 before the first.
  [[nodiscard]] virtual LogPosition last_position() const = 0;

  /// Id of the last durable batch, also over a restart; nil before the first.
  [[nodiscard]] virtual Uuid last_batch_id() const = 0;

  /// Deletes jobs whose JobState::expires_at is `now` or before, soonest first, with their events
  /// and payloads, durably. What is live or not yet expired is never touched. Their idempotency
  /// records go as well, unless they live longer. Deleted events raise Reader::pruned_position().
  ///
  /// Whatever its outcome, the store can go on: what was deleted is gone whole, or is all there.
  [[nodiscard]] virtual Result<Pruned> prune(Timestamp now, const PruneLimits& limits) = 0;

  /// Deletes idempotency records that ended before `now` and whose job was pruned or forgotten, at
  /// most `limit`.
  /// @return how many were deleted.
  [[nodiscard]] virtual Result<std::size_t> prune_idempotency(Timestamp now, std::size_t limit) = 0;

  /// Deletes records that ended at `now` or before, at most `limit`.
  /// @return how many were deleted.
  [[nodiscard]] virtual Result<std::size_t> prune_records(Timestamp now, std::size_t limit) = 0;

  /// Thread-safe; lives as long as the store, over reopen() too.
  [[nodiscard]] virtual const Reader& reader() const = 0;
};

}  // namespace errand::store
