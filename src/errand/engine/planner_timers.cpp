#include <algorithm>
#include <utility>

#include "errand/base/crash_point.h"
#include "errand/engine/planner.h"

namespace errand::engine {

bool Planner::take_timers(bool behind) {
  const std::size_t limit = memory_.options.batch_requests_max;
  const Milliseconds patience = behind ? memory_.options.lease : Milliseconds::zero();
  bool all = true;
  // What is left for lack of room is due in the next plan, at once.
  allow_reactions(4);
  for (const JobId& id : memory_.leases.due(now_, limit)) {
    if (full_of_reactions()) return all;
    if (!take_lease_timer(id, patience)) all = false;
    react();
  }

  std::vector<TimerPlace> due;
  for (const TimerPlace& place : memory_.timers.places()) {
    if (place.first > now_.wall || due.size() >= limit) break;
    due.push_back(place);
  }
  for (const TimerPlace& place : due) {
    if (full_of_reactions()) return all;
    if (!take_job_timers(place.second)) all = false;
    react();
  }
  // What this very plan made due, such as the retry at once after a lost lease.
  for (std::size_t i = 0; i < scratch_.order.size(); ++i) {
    if (full_of_reactions()) return all;
    const JobId id = scratch_.order[i];
    if (scratch_.drafts.at(id).changed() && !take_job_timers(id)) all = false;
    react();
  }
  return all;
}

bool Planner::take_lease_timer(const JobId& id, Milliseconds patience) {
  const auto loaded = load(id);
  if (!loaded) return false;
  Draft& draft = **loaded;
  const Lease* lease = memory_.leases.find(id);
  // This batch may have ended the attempt already.
  if (!lease || !has_lease(draft.state()->status) || draft.state()->token != lease->token) {
    return true;
  }
  const FencingToken token = lease->token;

  if (lease->attempt_ends <= now_.monotonic) {
    flush_progress(draft, id);
    if (!run(draft, id, job::TimeOutAttempt{token}, {})) return false;
    notify_stop(*draft.state(), StopReason::kTimeout, Milliseconds::zero());
    return true;
  }
  if (lease->expires + patience <= now_.monotonic) {
    flush_progress(draft, id);
    note_silence(lease->worker);
    if (!run(draft, id, job::LoseLease{token}, {})) return false;
    notify_stop(*draft.state(), StopReason::kLeaseLost, Milliseconds::zero());
    return true;
  }
  if (lease->wall_due && *lease->wall_due <= now_.wall) {
    if (draft.state()->status == job::JobStatus::kRunning) {
      const auto ran = run(draft, id, job::ExpireDeadline{}, {});
      if (!ran) return false;
      notify_stop(*draft.state(), StopReason::kDeadline, draft.state()->spec.cancel_grace);
    } else if (draft.state()->cancel_grace_until &&
               *draft.state()->cancel_grace_until <= now_.wall) {
      const bool by_deadline = draft.state()->cancel_reason == job::CancelReason::kDeadline;
      flush_progress(draft, id);
      if (!run(draft, id, job::GraceOver{token}, {})) return false;
      notify_stop(*draft.state(), by_deadline ? StopReason::kDeadline : StopReason::kCancel,
                  Milliseconds::zero());
    }
    return true;
  }
  if (lease->held && memory_.leases.progress_due(*lease) <= now_.monotonic) {
    flush_progress(draft, id);
  }
  return true;
}

void Planner::note_silence(const WorkerId& worker) {
  const auto it = memory_.workers.find(worker);
  if (it == memory_.workers.end()) return;
  it->second.silent = it->second.heard_at + memory_.options.lease <= now_.monotonic;
}

bool Planner::take_job_timers(const JobId& id) {
  const auto loaded = load(id);
  if (!loaded) return false;
  Draft& draft = **loaded;
  for (;;) {
    const job::JobState& state = *draft.state();
    const auto timer = next_timer(state);
    if (!timer || *timer > now_.wall) return true;
    job::Command command = job::DueNow{};
    if (state.spec.deadline && *state.spec.deadline <= now_.wall) {
      command = job::ExpireDeadline{};
    } else if (state.status == job::JobStatus::kPending) {
      command = job::ExpireQueueTimeout{};
    }
    const auto ran = run(draft, id, command, {});
    if (!ran || !*ran) return false;
    crash_point(CrashPoint::kTimerFired);
  }
}

}  // namespace errand::engine
