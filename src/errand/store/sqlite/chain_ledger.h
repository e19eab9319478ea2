#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "errand/base/clock.h"
#include "errand/base/error.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/crypto/digest.h"
#include "errand/store/event_chain.h"
#include "errand/store/sqlite/connection.h"

namespace errand::store::sqlite {

/// Keeps the chain of events in a database, on the writer's connection and within its transactions:
/// links, heads, the seal, and a checkpoint before the first commit of each day. Not thread-safe.
///
/// A transaction begins with begin(), changes what it likes, ends with seal(), and is kept by
/// committed() once it is durable; else the next begin() forgets it.
class ChainLedger {
 public:
  /// @return kConfigInvalid: the chain was sealed with another key, or changed since.
  static Result<ChainLedger> open(Connection& connection, const EventChain& chain);

  void begin() {
    next_ = state_;
    closing_.reset();
  }
  void committed() {
    state_ = next_;
    if (closing_) closed_ = std::exchange(closing_, std::nullopt);
  }

  /// Writes a checkpoint over what was there before this transaction, if its `time` is on a later
  /// day (UTC) than the last commit.
  std::expected<void, Error> close_day(Connection& connection, Timestamp time, std::uint64_t epoch,
                                       std::uint32_t shard);

  /// Link of the last event of `job`; zeros if it has none.
  std::expected<ChainLink, Error> head_of(Connection& connection, std::string_view job);
  [[nodiscard]] ChainLink next(const ChainLink& before, const ChainedEvent& event) const {
    return chain_.next(before, event);
  }
  /// The head of `job` moves on from `head`, zeros where it has none, of the event `from`.
  void move_head(std::string_view job, std::uint64_t from, const ChainLink& head, std::uint64_t to,
                 const ChainLink& new_head);
  /// The job goes; `head` is zeros where it has none.
  void remove(std::string_view job, std::uint64_t sequence, const ChainLink& head);

  /// Writes the seal over all of this. `time` is the commit's, nullopt for one without events.
  std::expected<void, Error> seal(Connection& connection, LogPosition last_position,
                                  std::optional<Timestamp> time);

  /// The checkpoint that became durable since the last call.
  std::optional<AuditCheckpoint> take_checkpoint() { return std::exchange(closed_, std::nullopt); }

 private:
  explicit ChainLedger(const EventChain& chain) : chain_(chain) {}

  EventChain chain_;
  ChainState state_;                        ///< what is durable
  ChainState next_;                         ///< what the transaction makes of it
  std::optional<AuditCheckpoint> closing_;  ///< the transaction's
  std::optional<AuditCheckpoint> closed_;   ///< durable, not taken
  Statement head_, seal_, insert_checkpoint_;
};

/// What the database holds of the chain's state, but for ChainState::heads, and its seal; nullopt
/// where no chain has begun.
struct StoredChain {
  ChainState state;
  ChainSeal seal;
};
Result<std::optional<StoredChain>> read_chain(Connection& connection);

/// A column's bytes as a digest; zeros for any other length.
crypto::Digest to_digest(std::span<const std::uint8_t> bytes);

}  // namespace errand::store::sqlite
