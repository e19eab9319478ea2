#pragma once

#include <memory>
#include <optional>

#include "errand/store/store.h"

namespace errand::store {

/// Keeps everything in memory, and fails as told: for tests and the simulation.
///
/// Stands for the disk as well: what a store that crashed would find again is what crash() leaves.
/// Thread-safe as the interface asks; the faults are set by the writer's thread.
class MemoryStore final : public Store {
 public:
  /// How the next commit ends.
  enum class Fault : std::uint8_t {
    kNone,
    kRefuse,          ///< kRefused; nothing is written
    kUnknownWritten,  ///< kUnknown, and the batch is there
    kUnknownLost,     ///< kUnknown, and the batch is not there
  };

  MemoryStore();
  ~MemoryStore() override;

  [[nodiscard]] std::expected<void, CommitError> commit(const Batch& batch) override;
  [[nodiscard]] Result<void> reopen() override;
  [[nodiscard]] std::uint64_t epoch() const override;
  [[nodiscard]] LogPosition last_position() const override;
  [[nodiscard]] Uuid last_batch_id() const override;
  [[nodiscard]] Result<Pruned> prune(Timestamp now, const PruneLimits& limits) override;
  [[nodiscard]] Result<std::size_t> prune_idempotency(Timestamp now, std::size_t limit) override;
  [[nodiscard]] Result<std::size_t> prune_records(Timestamp now, std::size_t limit) override;
  [[nodiscard]] const Reader& reader() const override;

  /// The next commit ends so, once; `code` is that of its error.
  void fail_next_commit(Fault fault, ErrorCode code = ErrorCode::kUnavailable);

  /// The next `times` calls of reopen() fail with kUnavailable.
  void fail_next_reopens(int times);

  /// From now on commits are acknowledged but not durable: crash() loses them. A disk that lies,
  /// for showing that a check finds it. `false` makes what is there durable.
  void lose_syncs(bool lose);

  /// What a crash and a restart do: what was not durable is gone, and a new epoch begins.
  void crash();

 private:
  class Data;

  std::unique_ptr<Data> data_;
  std::unique_ptr<Data> durable_;  ///< only while syncs are lost
  Fault fault_ = Fault::kNone;
  ErrorCode fault_code_ = ErrorCode::kUnavailable;
  int reopen_failures_ = 0;
  bool broken_ = false;  ///< after an unknown outcome, until reopen()
};

}  // namespace errand::store
