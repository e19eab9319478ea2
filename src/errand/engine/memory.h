#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/engine/engine.h"
#include "errand/engine/estimate_book.h"
#include "errand/engine/head_window.h"
#include "errand/engine/lease_table.h"
#include "errand/engine/limit_book.h"
#include "errand/engine/request.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"
#include "errand/store/reader.h"

namespace errand::engine {

/// JSON text of an input, shared with the dispatch.
using InputPtr = std::shared_ptr<const std::string>;

/// A place in a line: higher priority first, then first in first out.
struct LinePlace {
  int priority = 0;
  LogPosition position{};
  JobId job;

  friend bool operator==(const LinePlace&, const LinePlace&) = default;
  friend std::strong_ordering operator<=>(const LinePlace& a, const LinePlace& b) {
    if (const auto by_priority = b.priority <=> a.priority; by_priority != 0) return by_priority;
    if (const auto by_position = a.position <=> b.position; by_position != 0) return by_position;
    return a.job <=> b.job;
  }
};
/// The place of a PENDING job.
LinePlace line_place(const job::JobState& state);
/// The line of a job.
store::ReadyLine line_of(const job::JobSpec& spec);
inline store::ReadyLine line_of(const job::JobState& state) { return line_of(state.spec); }

using TimerPlace = std::pair<Timestamp, JobId>;

/// A connected worker.
struct Worker {
  RegisterWorker hello;
  std::uint32_t credits = 0;
  bool draining = false;
  Timestamp connected_at{};
  Timestamp last_seen_at{};
  MonotonicTime heard_at;  ///< as last_seen_at, by the clock that leases go by
  /// It has lost a lease and was not heard of for as long: jobs go to others while those have room.
  bool silent = false;

  /// Whether it may run jobs of `line`.
  [[nodiscard]] bool takes(const store::ReadyLine& line) const;
};

/// What the engine knows: a function of what is committed, beside workers, leases and their
/// heartbeats. The planner reads it; it changes by settle() for what was committed and by what is
/// never stored. Not thread-safe.
class Memory {
 public:
  explicit Memory(const Options& options)
      : options(options),
        limits(options.limits),
        estimates(options.estimate_types_max, options.estimate_write_interval),
        leases(options.progress_interval),
        timers(false) {}

  /// A job that is in memory: at the head of its line, or with a lease.
  struct Hot {
    job::StatePtr state;
    InputPtr input;  ///< may be null
  };

  /// Jobs of one queue and tenant.
  struct Counts {
    std::uint64_t pending = 0;
    std::uint64_t waiting = 0;
    std::uint64_t running = 0;
  };

  /// A job went from `before` (null: it is new) to `after`, durably.
  /// @param input  its input, if it is at hand
  void settle(const job::StatePtr& before, const job::StatePtr& after, InputPtr input, Now now);

  /// Reads on where windows run low, and shows the jobs of keys that have room again.
  /// @return the reader's error.
  Result<void> refill(const store::Reader& reader, bool with_lines, Now now);
  /// Whether refill() has more to do at once: free workers wait for what it did not get to.
  [[nodiscard]] bool unread() const;

  // Jobs of one limit_key that may not start must not stand in front of others: once its head is
  // found to be held back, the key is closed. Then its jobs stand in a row of their own, and of
  // them the lines show as many as may start. A key opens when all its jobs are shown.

  /// PENDING jobs of one line with one limit_key.
  struct Key {
    JobTypeName type;
    TenantId tenant;
    std::string limit_key;
    QueueName queue;
    std::string route = {};

    friend auto operator<=>(const Key&, const Key&) = default;
  };
  /// nullopt for a job that no limit by input counts.
  [[nodiscard]] std::optional<Key> key_of(const job::JobState& state) const;
  /// The key is full: hides its jobs.
  void close_key(const Key& key, Now now);
  /// Whether no hidden job of the same limit_key goes before `state`, which is PENDING.
  [[nodiscard]] bool goes_next(const job::JobState& state) const;
  /// Jobs of its limit_key that go before `state`, if the key is closed, and whether that is all.
  struct KeyPlace {
    std::uint64_t place = 0;
    bool exact = true;
  };
  [[nodiscard]] std::optional<KeyPlace> place_in_key(const job::JobState& state) const;
  /// When the rate of a closed key lets another job start.
  [[nodiscard]] std::optional<Timestamp> first_key_opens() const;

  /// A limit has another value from here on.
  void set_limit(const store::LimitSetting& setting);
  /// A limit is new, or has another value from now on.
  void declare_limit(const Limit& limit);

  /// Forgets all jobs and reads anew.
  Result<void> recover(const store::Reader& reader, Now now);

  [[nodiscard]] const Hot* hot(const JobId& job) const;
  /// Jobs of a queue that count against its length limit.
  [[nodiscard]] std::uint64_t queue_length(const QueueName& queue) const;
  /// A fair guess at when a full queue has room again: how far apart its jobs left the line lately,
  /// in whole seconds from 1 s to 1 min.
  [[nodiscard]] Milliseconds departure_interval(const QueueName& queue, MonotonicTime now) const;
  [[nodiscard]] std::size_t input_bytes() const { return input_bytes_; }
  [[nodiscard]] std::size_t head_jobs() const { return head_jobs_; }
  [[nodiscard]] bool any_credits() const;

  const Options options;
  LimitBook limits;
  EstimateBook estimates;
  LogPosition last_position{};
  std::map<store::ReadyLine, HeadWindow<LinePlace>> lines;
  LeaseTable leases;
  HeadWindow<TimerPlace> timers;
  std::map<WorkerId, Worker> workers;
  std::map<std::pair<QueueName, TenantId>, Counts> counts;
  std::set<std::pair<QueueName, TenantId>> pauses;          ///< an empty tenant: all of them
  std::set<std::pair<JobTypeName, std::string>> contracts;  ///< stored ones, by hash
  /// Turn of the last start. Deliveries of a tenant take nothing from the share of its users.
  std::unordered_map<TenantId, std::uint64_t> last_served;
  std::unordered_map<TenantId, std::uint64_t> last_served_internal;
  std::uint64_t turn = 0;
  std::optional<Timestamp> line_opens;  ///< when a rate lets the next job of some line start
  WorkerId last_worker;                 ///< that was given a job

 private:
  void count(const job::JobState& state, bool add);
  void enter_line(const job::StatePtr& state, InputPtr input);
  void leave_line(const job::JobState& state);
  void hold(const job::StatePtr& state, InputPtr input);
  void release(const JobId& job);
  void drop_input(Hot& hot);
  void forget(const JobId& job);
  [[nodiscard]] std::size_t line_max() const;
  void set_lease(const job::JobState& state, Now now, bool recovered);
  Result<void> recover_limits(const store::Reader& reader, Now now);
  /// Where new lines have come, the older ones hold more than their share.
  void shorten_lines();
  /// @param wanted  places that free workers could take now
  Result<void> refill_line(const store::ReadyLine& line, HeadWindow<LinePlace>& window,
                           std::size_t wanted, const store::Reader& reader);

  struct KeyRow {
    std::set<LinePlace> shown;  ///< its places in the window of its line
    /// Of a closed key: its first places; of them the first that may start are shown, where the
    /// line's window covers them.
    std::optional<HeadWindow<LinePlace>> own;
    std::optional<Timestamp> opens;  ///< its place in key_timers_
  };
  static store::ReadyLine line_of_key(const Key& key) {
    return {key.queue, key.tenant, key.type, key.route};
  }
  /// Places that each closed key may hide in memory; 0 where there are very many.
  [[nodiscard]] std::size_t hidden_max() const;
  [[nodiscard]] std::size_t own_max(std::size_t shown) const;
  KeyRow* find_row(const std::optional<Key>& key);
  void drop_row_if_idle(const Key& key);
  void evict(const std::vector<LinePlace>& places);
  void forget_hidden(const Key& key, KeyRow& row, const std::vector<LinePlace>& places);
  void stir(const job::JobState& state);
  void stir_all();
  Result<void> refill_keys(const store::Reader& reader, Now now);
  Result<void> refill_key(const Key& key, KeyRow& row, const store::Reader& reader, Now now);
  void show_key(const Key& key, KeyRow& row, Now now);
  /// The first jobs of a closed key that may start.
  [[nodiscard]] std::set<LinePlace> startable(const Key& key, const KeyRow& row, Now now);
  void set_key_timer(const Key& key, KeyRow& row, Now now);

  std::map<Key, KeyRow> keys_;  ///< those with jobs in a window, and closed ones
  std::set<Key> stirred_;       ///< closed keys that may have room again
  std::set<std::pair<Timestamp, Key>> key_timers_;
  Timestamp last_wall_{};  ///< of the last refill
  bool unread_ = false;

  std::unordered_map<JobId, Hot> hot_;
  struct QueueLoad {
    std::uint64_t length = 0;          ///< jobs that count against its limit
    std::deque<MonotonicTime> left{};  ///< when the last ones left the line
  };
  std::unordered_map<QueueName, QueueLoad> queue_load_;
  std::size_t input_bytes_ = 0;
  std::size_t head_jobs_ = 0;
};

}  // namespace errand::engine
