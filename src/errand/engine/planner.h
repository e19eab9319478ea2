#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/engine/engine.h"
#include "errand/engine/memory.h"
#include "errand/engine/scratch.h"
#include "errand/job/command.h"
#include "errand/store/reader.h"

namespace errand::engine {

/// Decides one plan: first requests, so that a report in time beats its own timeout, then due
/// timers, then starts. Lives for one call of Engine::plan().
class Planner {
 public:
  Planner(Memory& memory, internal::Scratch& scratch, Plan& plan, Random& random,
          const store::Reader& reader, Now now)
      : memory_(memory),
        scratch_(scratch),
        plan_(plan),
        random_(random),
        reader_(reader),
        now_(now) {}

  /// Decides one request and adds its answer.
  void take(Ticket ticket, Request&& request);
  /// Shows the reactor what has happened since the last call, and decides what it asks for. Belongs
  /// after each step.
  void react();
  /// From here on this part of Options::reactions_max may be caused. Each kind of cause has a part
  /// of its own, so that none keeps the others from happening.
  void allow_reactions(std::size_t parts) {
    const std::size_t most = memory_.options.reactions_max / parts;
    scratch_.reactions_until = scratch_.reactions + (most == 0 ? 1 : most);
  }
  /// Whether that part is used up.
  [[nodiscard]] bool full_of_reactions() const {
    return scratch_.reactions >= scratch_.reactions_until;
  }
  /// Decides what the clocks bring about. @return whether every due timer was dealt with.
  /// @param behind  requests wait that this plan has no room for: a heartbeat may be among them,
  ///                so that leases lapse a whole length later
  bool take_timers(bool behind);
  /// Starts ready jobs on free workers. @return whether there may be more to start at once.
  bool match();
  /// Fills the batch, the answers' snapshots and the actions. The last call.
  void seal();

 private:
  // Requests (planner_requests.cpp). Each gives the reply, or why not.
  Result<Reply> answer(CommandJob& request);
  Result<Reply> answer(ForgetJob& request);
  Result<Reply> answer(RegisterWorker& request);
  Result<Reply> answer(AddCredits& request);
  Result<Reply> answer(DrainWorker& request);
  Result<Reply> answer(UnregisterWorker& request);
  Result<Reply> answer(Heartbeat& request);
  void seen(const WorkerId& worker);
  Result<Reply> answer(PauseQueue& request);
  Result<Reply> answer(SetLimit& request);
  Result<Reply> answer(WriteRecords& request);
  Result<Reply> answer(DeclareLimits& request);
  Result<Reply> answer(ListLimits& request);
  Result<Reply> answer(ExplainJob& request);
  Result<Reply> answer(ListWorkers& request);
  Result<Reply> answer(ListQueues& request);
  Result<bool> take_progress(Draft& draft, const CommandJob& request);
  void explain_place(const job::JobState& state, Explanation& explanation) const;

  // New jobs (planner_enqueue.cpp): key, what they are unique by, room in the queue.
  Result<Reply> answer(EnqueueJob& request);
  struct Made {
    JobId job;
    bool replayed = false;
  };
  enum class Room : std::uint8_t {
    kLimited,  ///< as the queue's length allows
    kAlways,   ///< there is; others see to it that few are there
  };
  Result<Made> enqueue(EnqueueJob& request, Room room = Room::kLimited);
  Result<std::optional<JobId>> replayed(const store::IdempotencyScope& scope,
                                        const std::string& fingerprint);
  /// Jobs that have the unique_key of `spec`, as the plan leaves them.
  Result<std::vector<const job::JobState*>> doubles(const job::JobSpec& spec);
  /// Deals with the double of an enqueue. @return the job to answer with; nullopt to make the new.
  Result<std::optional<JobId>> resolve_double(const EnqueueJob& request);
  Result<void> replace(const JobId& other, const EnqueueJob& request);
  /// A job that is unique must not come to life beside its double.
  Result<void> check_alone(const job::JobState& state, const job::Command& command);
  void remember(EnqueueJob& request, const store::IdempotencyScope& scope, const JobId& job);
  [[nodiscard]] std::optional<Error> too_many_lines(const job::JobSpec& spec) const;
  [[nodiscard]] std::optional<Error> queue_full(const QueueName& queue) const;

  // Reactions (planner_reactions.cpp).
  void react_to(const JobId& id);
  /// Whether what has to be caught up with is not yet.
  [[nodiscard]] bool is_behind(const EnqueueJob& instead) const;
  void catch_up(EnqueueJob instead, const JobId& cause, LogPosition position,
                const EnqueueJob& reaction);
  void refuse(EnqueueJob&& request, const JobId& cause, LogPosition position, Error why);

  // Timers (planner_timers.cpp).
  bool take_lease_timer(const JobId& id, Milliseconds patience);
  /// A lease of the worker was lost. It may have forgotten that job alone.
  void note_silence(const WorkerId& worker);
  bool take_job_timers(const JobId& id);

  // Starts (planner_matching.cpp).
  bool start(const JobId& id, const RegisterWorker& worker);
  /// What the plan so far makes of a job at the head of a line.
  [[nodiscard]] const job::JobState& head_state(const JobId& id) const;

  // Shared (planner.cpp).
  /// The draft of a job, from here, memory or the store. @return kNotFound, or the reader's error.
  Result<Draft*> load(const JobId& id);
  /// Who stands behind a command. The default is the system itself: timers.
  struct Origin {
    job::Actor actor = {};
    std::string_view traceparent = {};     ///< empty: the job's own
    std::string_view correlation_id = {};  ///< of a new job
  };
  /// Puts `command` to the draft. @return whether events came of it.
  Result<bool> run(Draft& draft, const JobId& id, const job::Command& command,
                   const Origin& origin);
  /// What the batch teaches about durations.
  void learn();
  void flush_progress(Draft& draft, const JobId& id);
  [[nodiscard]] const HeldProgress* held_progress(const JobId& id) const;
  void notify_stop(const job::JobState& before, StopReason reason, Milliseconds grace);
  [[nodiscard]] bool paused(const QueueName& queue, const TenantId& tenant) const;

  Memory& memory_;
  internal::Scratch& scratch_;
  Plan& plan_;
  Random& random_;
  const store::Reader& reader_;
  const Now now_;
};

}  // namespace errand::engine
