#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "errand/base/error.h"
#include "errand/base/ids.h"
#include "errand/engine/request.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::engine {

/// What one step of a plan, which is a request, a timer or a start, did to one job.
struct JobChange {
  const job::JobState* before = nullptr;  ///< null: the job is new
  const job::JobState& after;
  std::span<const job::Event> events;  ///< never empty; they lead from `before` to `after`
};

/// An internal job that was not made.
struct RefusedReaction {
  EnqueueJob request;      ///< its id is set, its payloads may be gone
  JobId cause;             ///< the job whose change asked for it
  LogPosition position{};  ///< of the first event of that change
  Error why;
};

/// Makes internal jobs of what happens to users' jobs: deliveries, notifications.
///
/// What react() asks for is decided in the plan that decided the events, and committed with them:
/// either both are durable or neither is, whatever crashes. So react() may be called again for what
/// looks like the same change, after its batch was refused, and must not count on having been
/// called: it is a function of the change and of settings that seldom change. It runs on the thread
/// of the engine's owner, on the way of each commit: no I/O, no lock that others hold for long.
///
/// Internal jobs are not shown to it, so that reactions cause no further ones.
class Reactor {
 public:
  virtual ~Reactor() = default;

  /// Appends to `reactions` what `change` is to cause. Of each the type and the queue are internal,
  /// and the id is left to the engine. An empty correlation id or traceparent becomes that of the
  /// changed job.
  virtual void react(const JobChange& change, std::vector<EnqueueJob>& reactions) = 0;

  /// What is made in the place of `reaction` where that finds no room: an internal job that catches
  /// up later with what it leaves out. nullopt: there is no such, and the reaction is refused.
  ///
  /// Has a queue of its own and a unique_key, and among jobs of that key that have not started
  /// there is one. While any job of its tenant is in that queue, whether it has started or not,
  /// further reactions are left to such jobs too, room or none: so none of them passes an earlier
  /// one. The limit on the queue's length does not count for it, as few can be there at a time.
  /// @param position  of the first event of the change that caused `reaction`
  virtual std::optional<EnqueueJob> instead_of(const EnqueueJob& reaction, LogPosition position) {
    static_cast<void>(reaction);
    static_cast<void>(position);
    return std::nullopt;
  }

  /// These reactions were not made, while their causes are durable: their queue was full, the
  /// change asked for more than Options::reactions_of_change_max, or the store could not tell of
  /// their key. Called after the commit, so that a crash in between loses the word: where it must
  /// not be lost, compare with the log after a start. Never empty.
  virtual void on_refused(std::vector<RefusedReaction> refused) = 0;
};

}  // namespace errand::engine
