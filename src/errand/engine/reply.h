#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/engine/limit.h"
#include "errand/engine/request.h"
#include "errand/job/route.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"

namespace errand::engine {

/// Names a request, by the choice of whoever submits it. The engine only hands it back.
enum class Ticket : std::uint64_t {};

/// The job as the batch left it.
struct JobReply {
  job::StatePtr state;    ///< never null
  bool replayed = false;  ///< an enqueue that made no job: its key, or its double, was known
};

struct Done {};

enum class HoldState : std::uint8_t { kRunning, kCanceling, kLeaseLost, kJobEnded };

/// Why a worker is to stop.
enum class StopReason : std::uint8_t { kCancel, kDeadline, kKill, kTimeout, kLeaseLost };
std::string_view to_string(StopReason reason) noexcept;  ///< "CANCEL", "DEADLINE", ...

struct HeartbeatReply {
  struct Hold {
    JobId job;
    FencingToken token{};
    HoldState state = HoldState::kRunning;
    Milliseconds lease{0};                    ///< left; kRunning and kCanceling
    std::optional<Milliseconds> deadline;     ///< left of the job; kRunning, where it has one
    StopReason reason = StopReason::kCancel;  ///< kCanceling
    Milliseconds grace{0};                    ///< left; kCanceling
  };
  std::vector<Hold> holds;
};

/// What holds a job back now.
enum class WaitKind : std::uint8_t {
  kNone,          ///< it runs or has ended
  kScheduled,     ///< its time has not come: until
  kRetryBackoff,  ///< waits after a failed attempt: until
  kQueuePaused,
  kConcurrencyLimit,  ///< as many as `limit` allows run already
  kRateLimit,         ///< as many as `limit` allows have started in its time: until
  kNoWorker,          ///< no connected worker takes this queue and type
  kPlaceInLine,       ///< all fitting workers are busy; `place` says how many go first
  kSuspended,         ///< WAITING for a signal, a timer or its children
};
std::string_view to_string(WaitKind kind) noexcept;  ///< "NONE", "SCHEDULED", ...

struct Explanation {
  job::StatePtr state;  ///< never null
  WaitKind kind = WaitKind::kNone;
  std::optional<Timestamp> until;  ///< kScheduled, kRetryBackoff, kRateLimit
  std::string limit;               ///< kConcurrencyLimit, kRateLimit: id of the limit
  bool of_key = false;             ///< the limit counts by input: others of the same key are ahead
  std::uint64_t place = 0;         ///< kPlaceInLine, kNoWorker: jobs of its line ahead of it
  bool place_is_exact = true;      ///< false: at least `place`
  std::uint32_t workers = 0;       ///< connected workers that fit
};

struct WorkerList {
  struct Worker {
    WorkerId id;
    std::optional<TenantId> tenant;
    std::vector<QueueName> queues;
    std::vector<JobTypeName> types;
    std::string build;
    SubjectId subject;
    job::Selectors selectors;
    std::string name;
    std::string sdk;
    WorkerWay way = WorkerWay::kPull;
    std::map<std::string, std::string> labels;
    std::uint32_t slots = 0;
    std::uint32_t credits = 0;  ///< free slots that it announced
    std::uint32_t running = 0;  ///< leases that it holds
    bool draining = false;
    Timestamp connected_at{};
    Timestamp last_seen_at{};  ///< when it last said something
  };
  std::vector<Worker> workers;
};

struct QueueList {
  struct Queue {
    QueueName queue;
    bool paused = false;        ///< for the asked tenant, or for all
    std::uint64_t pending = 0;  ///< PENDING
    std::uint64_t waiting = 0;  ///< SCHEDULED, RETRYING, WAITING, COMPENSATING
    std::uint64_t running = 0;  ///< RUNNING, CANCELING
    std::uint32_t workers = 0;  ///< connected ones that take it
    /// Slots of workers that it could use now: its jobs that are ready or running, within its
    /// concurrency limit; while it is paused, those that run.
    std::uint64_t slots_wanted = 0;
  };
  std::vector<Queue> queues;
};

struct LimitList {
  struct Entry {
    Limit declared;
    std::optional<std::uint64_t> value;          ///< as it holds; nullopt: none
    Milliseconds per{0};                         ///< as it holds; rates alone
    std::optional<store::LimitSetting> setting;  ///< an operator's, where there is one
  };
  std::vector<Entry> limits;
};

/// What WriteRecords made, in its order.
struct RecordsReply {
  std::vector<store::Record> records;  ///< revision 0: it is not there any more
};

using Reply = std::variant<JobReply, Done, HeartbeatReply, Explanation, WorkerList, QueueList,
                           LimitList, RecordsReply>;

struct Answer {
  Ticket ticket{};
  Result<Reply> reply = Done{};
  /// It tells of the engine's memory alone, which stays as it is when the batch is refused.
  bool memory_only = false;
};

/// A job for a worker. May come again after a crash of the connection; the token tells.
struct Dispatch {
  WorkerId worker;
  job::StatePtr state;  ///< RUNNING; state->token fences this attempt
  /// JSON text; null: not in memory, load PayloadKind::kInput from the store.
  std::shared_ptr<const std::string> input;
  Milliseconds lease{0};                 ///< until the first heartbeat must have come
  Milliseconds timeout{0};               ///< of this attempt
  std::optional<Milliseconds> deadline;  ///< left of the job
};

/// Tells a worker to stop. With kCancel and kDeadline it may still report within `grace`.
struct StopNotice {
  WorkerId worker;  ///< may have gone
  JobId job;
  FencingToken token{};
  StopReason reason = StopReason::kCancel;
  Milliseconds grace{0};
};

/// Tells a worker that it gets no further job.
struct DrainNotice {
  WorkerId worker;  ///< may have gone
};

using Action = std::variant<Dispatch, StopNotice, DrainNotice>;

}  // namespace errand::engine
