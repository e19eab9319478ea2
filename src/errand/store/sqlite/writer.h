#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/store/event_chain.h"
#include "errand/store/sqlite/chain_ledger.h"
#include "errand/store/sqlite/connection.h"
#include "errand/store/sqlite/eraser.h"
#include "errand/store/store.h"

namespace errand::store::sqlite {

/// The writing connection with its prepared statements. Not thread-safe.
class Writer {
 public:
  Writer() = default;

  /// Opens the database, brings it to the present layout and begins a new epoch, durably. That
  /// first commit also lands on whatever a commit of unknown outcome left at the end of the
  /// write-ahead log, so that it cannot come back.
  /// Without a `chain` events get no links; a database that has some is refused then.
  static Result<Writer> open(const std::filesystem::path& file, const std::string& vfs,
                             const std::optional<EventChain>& chain);

  std::expected<void, CommitError> commit(const Batch& batch);
  Result<Pruned> prune(Timestamp now, const PruneLimits& limits);
  Result<std::size_t> prune_idempotency(Timestamp now, std::size_t limit);
  Result<std::size_t> prune_records(Timestamp now, std::size_t limit);

  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  [[nodiscard]] const std::string& lineage() const noexcept { return lineage_; }
  [[nodiscard]] LogPosition last_position() const noexcept { return last_position_; }
  [[nodiscard]] Uuid last_batch_id() const noexcept { return last_batch_id_; }
  [[nodiscard]] Connection& connection() noexcept { return connection_; }
  /// The checkpoint that was written since the last call.
  std::optional<AuditCheckpoint> take_checkpoint() {
    return ledger_ ? ledger_->take_checkpoint() : std::nullopt;
  }

 private:
  struct Statements {
    Statement begin, commit, rollback, owner, state, insert_job, update_job, insert_event, payload,
        erase_payload, idempotency, contract, queue, limit, rate_use, prune_rate_uses, estimate,
        drop_estimate, record, drop_record, prune_records, count, prune;
  };

  /// An event that is to be written, with its JSON in texts_.
  struct EventRow {
    const job::Event* event;
    const TenantId* tenant;
    std::size_t begin;
    std::size_t size;
    ChainLink link;
    bool internal;
  };

  Result<void> prepare();
  Result<void> begin_epoch();
  std::expected<void, CommitError> commit_batch(const Batch& batch);
  std::expected<void, Error> write(const Batch& batch);
  std::expected<void, Error> write_job(const Batch& batch, const JobWrite& write);
  /// Adds the events of `write` to rows_. @return the job's new head; zeros without a chain.
  std::expected<ChainLink, Error> link_events(const JobWrite& write, std::string_view id);
  std::expected<void, Error> write_event(const Batch& batch, const EventRow& row);
  std::expected<void, Error> write_limits(const Batch& batch);
  std::expected<void, Error> write_estimates(const Batch& batch);
  std::expected<void, Error> write_records(const Batch& batch);
  std::expected<void, Error> write_counts(const Batch& batch);
  [[nodiscard]] ChainLedger* ledger() noexcept { return ledger_ ? &*ledger_ : nullptr; }
  /// Runs a bound statement to its end and resets it.
  std::expected<void, Error> run(Statement& statement, const char* what);

  Connection connection_;  // before the statements, which end first
  Statements statements_;
  Eraser eraser_;
  std::optional<ChainLedger> ledger_;
  std::uint64_t epoch_ = 0;
  std::string lineage_;
  LogPosition last_position_{};
  Uuid last_batch_id_;
  int failed_code_ = 0;  ///< SQLite's code for the last run() that failed
  // Of one batch; kept to save their allocations.
  std::string text_;   ///< JSON of a snapshot
  std::string texts_;  ///< JSON of all events
  std::vector<EventRow> rows_;
};

}  // namespace errand::store::sqlite
