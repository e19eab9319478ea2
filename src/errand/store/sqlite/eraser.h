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
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/chain_ledger.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/store.h"

namespace errand::store::sqlite {

/// Deletes jobs with all that belongs to them, on the writer's connection and within its
/// transactions. Not thread-safe.
///
/// A job of very many events goes at once, and what a transaction has no room for of its events
/// waits in the table pruned_jobs for the next ones: below Reader::pruned_position() nobody reads
/// them.
class Eraser {
 public:
  Result<void> prepare(Connection& connection);

  /// When prune() next has something to do; nullopt: never, as things stand.
  Result<std::optional<Timestamp>> next(Connection& connection);

  /// One round of Store::prune(). `epoch` is the writer's; `ledger` may be null.
  Result<Pruned> prune(Connection& connection, Timestamp now, const PruneLimits& limits,
                       std::uint64_t epoch, ChainLedger* ledger);

  /// Erases an ended job and makes tombstones of its idempotency keys.
  /// @return kConflict if it is missing or has not ended.
  std::expected<void, Error> forget(Connection& connection, const JobId& job, std::uint64_t epoch,
                                    ChainLedger* ledger);

 private:
  /// What is to be known of a job to delete it.
  struct Doomed {
    std::int64_t number = 0;
    std::string id, tenant, queue, type, contract_hash, status;
    std::int64_t shard = 0;
    std::int64_t position = 0;
    std::size_t events = 0;
    std::size_t bytes = 0;  ///< of input and result
    bool has_key = false;
    ChainLink head{};
  };

  static Result<Doomed> read_doomed(const Statement& row);
  Result<std::vector<Doomed>> expired(Connection& connection, Timestamp now,
                                      const PruneLimits& limits);
  /// Goes on with the events of a job that is gone. @return how many were deleted.
  Result<std::size_t> go_on(Connection& connection, std::size_t events_max);
  /// Deletes the row, its payloads and its count; leaves events and keys.
  std::expected<void, Error> erase(Connection& connection, const Doomed& job, std::uint64_t epoch,
                                   ChainLedger* ledger);
  std::expected<void, Error> delete_events(Connection& connection, const std::string& job);

  Statement next_, expired_, by_id_, delete_job_, delete_payloads_, delete_events_, first_events_,
      count_, floor_, internal_floor_, rest_, more_rest_, delete_rest_, delete_keys_, mark_keys_;
};

}  // namespace errand::store::sqlite
