#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
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
#include "errand/engine/head_window.h"
#include "errand/engine/lease_table.h"
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
store::ReadyLine line_of(const job::JobState& state);

using TimerPlace = std::pair<Timestamp, JobId>;

/// A connected worker.
struct Worker {
  RegisterWorker hello;
  std::uint32_t credits = 0;

  /// Whether it may run jobs of `line`.
  [[nodiscard]] bool takes(const store::ReadyLine& line) const;
};

/// What the engine knows: a function of what is committed, beside workers, leases and their
/// heartbeats. The planner reads it; it changes by settle() for what was committed and by what is
/// never stored. Not thread-safe.
class Memory {
 public:
  explicit Memory(const Options& options)
      : options(options), leases(options.progress_interval), timers(false) {}

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

  /// Reads on where windows run low. @return the reader's error.
  Result<void> refill(const store::Reader& reader, bool with_lines);

  /// Forgets all jobs and reads anew.
  Result<void> recover(const store::Reader& reader, Now now);

  [[nodiscard]] const Hot* hot(const JobId& job) const;
  /// Jobs of a queue that count against its length limit.
  [[nodiscard]] std::uint64_t queue_length(const QueueName& queue) const;
  [[nodiscard]] std::size_t input_bytes() const { return input_bytes_; }
  [[nodiscard]] std::size_t head_jobs() const { return head_jobs_; }
  [[nodiscard]] bool any_credits() const;

  const Options options;
  LogPosition last_position{};
  std::map<store::ReadyLine, HeadWindow<LinePlace>> lines;
  LeaseTable leases;
  HeadWindow<TimerPlace> timers;
  std::map<WorkerId, Worker> workers;
  std::map<std::pair<QueueName, TenantId>, Counts> counts;
  std::set<std::pair<QueueName, TenantId>> pauses;          ///< an empty tenant: all of them
  std::set<std::pair<JobTypeName, std::string>> contracts;  ///< stored ones, by hash
  std::unordered_map<TenantId, std::uint64_t> last_served;  ///< turn of the last start
  std::uint64_t turn = 0;
  WorkerId last_worker;  ///< that was given a job

 private:
  void count(const job::JobState& state, bool add);
  void enter_line(const job::StatePtr& state, InputPtr input);
  void leave_line(const job::JobState& state);
  void drop_input(Hot& hot);
  void forget(const JobId& job);
  [[nodiscard]] std::size_t line_max() const;
  void set_lease(const job::JobState& state, Now now, bool recovered);
  Result<void> refill_line(const store::ReadyLine& line, HeadWindow<LinePlace>& window,
                           const store::Reader& reader);

  std::unordered_map<JobId, Hot> hot_;
  std::unordered_map<QueueName, std::uint64_t> queue_length_;
  std::size_t input_bytes_ = 0;
  std::size_t head_jobs_ = 0;
};

}  // namespace errand::engine
