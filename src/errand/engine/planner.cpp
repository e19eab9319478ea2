#include "errand/engine/planner.h"

#include <algorithm>
#include <utility>

#include "errand/base/crash_point.h"
#include "errand/base/deliberate_bug.h"
#include "errand/job/decide.h"
#include "errand/job/evolve.h"

namespace errand::engine {
namespace {

/// Whether the outcome of a command depends on a random draw.
bool draws(const job::Command& command) {
  return std::holds_alternative<job::FailAttempt>(command) ||
         std::holds_alternative<job::TimeOutAttempt>(command) ||
         std::holds_alternative<job::LoseLease>(command);
}

/// Jobs that count against the length of their queue.
int queued(const job::JobState* state) {
  return state && !state->terminal() && !has_lease(state->status) ? 1 : 0;
}

}  // namespace

Result<Draft*> Planner::load(const JobId& id) {
  if (const auto it = scratch_.drafts.find(id); it != scratch_.drafts.end()) {
    if (!it->second.state() || it->second.forgotten)
      return fail(ErrorCode::kNotFound, "there is no such job");
    return &it->second;
  }
  Draft draft;
  if (const Memory::Hot* hot = memory_.hot(id)) {
    draft.before = hot->state;
    draft.input = hot->input;
  } else {
    auto read = reader_.job(id);
    if (!read) return std::unexpected(read.error());
    if (!*read) return fail(ErrorCode::kNotFound, "there is no such job");
    draft.before = std::move(*read);
  }
  scratch_.order.push_back(id);
  return &scratch_.drafts.emplace(id, std::move(draft)).first->second;
}

Result<bool> Planner::run(Draft& draft, const JobId& id, const job::Command& command,
                          const Origin& origin) {
  const job::DecisionContext context{now_.wall, draws(command) ? random_.uniform() : 0.0};
  auto decided = decide(draft.state(), command, context);
  if (!decided) return std::unexpected(decided.error());
  if (decided->empty()) return false;

  const int queued_before = queued(draft.state());
  const LimitBook::Taken taken_before = LimitBook::taken(draft.state());
  const bool is_new = draft.state() == nullptr;
  if (!draft.now) {
    draft.now = draft.before ? std::make_shared<job::JobState>(*draft.before)
                             : std::make_shared<job::JobState>();
  }
  for (job::EventData& data : *decided) {
    scratch_.last_position = LogPosition{to_number(scratch_.last_position) + 1};
    job::Event event{
        .job = id,
        .sequence = Sequence{to_number(draft.now->last_sequence) + 1},
        .position = scratch_.last_position,
        .time = now_.wall,
        .actor = origin.actor,
        .cause = {.traceparent = std::string(origin.traceparent.empty() ? draft.now->traceparent
                                                                        : origin.traceparent),
                  .correlation_id =
                      is_new ? std::string(origin.correlation_id) : draft.now->correlation_id},
        .data = std::move(data)};
    apply(*draft.now, event);
    if (has_bug(DeliberateBug::kSequenceReused) &&
        std::holds_alternative<job::Progressed>(event.data)) {
      event.sequence = Sequence{to_number(event.sequence) - 1};
    }
    draft.events.push_back(std::move(event));
  }
  if (memory_.options.reactor && !job::is_internal(draft.now->spec.type)) {
    scratch_.unseen.push_back(id);
  }
  if (const int change = queued(draft.now.get()) - queued_before; change != 0) {
    scratch_.queue_length[draft.now->spec.queue] += change;
  }
  memory_.limits.note(scratch_.limits, taken_before, *draft.now,
                      std::holds_alternative<job::Start>(command));
  return true;
}

const HeldProgress* Planner::held_progress(const JobId& id) const {
  if (const auto it = scratch_.held.find(id); it != scratch_.held.end()) {
    return it->second ? &*it->second : nullptr;
  }
  const Lease* lease = memory_.leases.find(id);
  return lease && lease->held ? &*lease->held : nullptr;
}

void Planner::flush_progress(Draft& draft, const JobId& id) {
  const HeldProgress* held = held_progress(id);
  if (!held) return;
  const HeldProgress progress = *held;
  scratch_.held[id].reset();
  if (!has_lease(draft.state()->status)) return;
  // It was checked when it was taken, so that it cannot be refused now.
  (void)run(draft, id, job::ReportProgress{draft.state()->token, progress.progress},
            Origin{progress.actor, progress.traceparent});
  crash_point(CrashPoint::kProgressFlush);
}

void Planner::notify_stop(const job::JobState& before, StopReason reason, Milliseconds grace) {
  const Lease* lease = memory_.leases.find(before.id);
  plan_.actions.emplace_back(StopNotice{.worker = lease ? lease->worker : before.worker,
                                        .job = before.id,
                                        .token = before.token,
                                        .reason = reason,
                                        .grace = grace});
}

bool Planner::paused(const QueueName& queue, const TenantId& tenant) const {
  // A pause of this very batch counts too; of several the last one.
  std::optional<bool> of_all;
  std::optional<bool> of_tenant;
  for (const store::QueueSetting& setting : plan_.batch.queues) {
    if (setting.queue != queue) continue;
    if (setting.tenant.empty()) of_all = setting.paused;
    if (setting.tenant == tenant) of_tenant = setting.paused;
  }
  return of_all.value_or(memory_.pauses.contains({queue, TenantId()})) ||
         of_tenant.value_or(memory_.pauses.contains({queue, tenant}));
}

void Planner::learn() {
  scratch_.lessons = memory_.estimates.learn(plan_.batch, now_);
  for (const auto& [key, history] : scratch_.lessons.learned) {
    plan_.estimates.push_back({key.tenant, key.type, history});
  }
  for (const EstimateKey& key : scratch_.lessons.forgotten) {
    plan_.estimates.push_back({key.tenant, key.type, nullptr});
  }
}

void Planner::seal() {
  store::Batch& batch = plan_.batch;
  std::unordered_map<JobId, job::StatePtr> after;
  for (const JobId& id : scratch_.order) {
    Draft& draft = scratch_.drafts.at(id);
    if (!draft.changed()) {
      after.emplace(id, draft.before);
      continue;
    }
    if (has_bug(DeliberateBug::kSnapshotWithoutItsEvent) && draft.now->progress) {
      draft.now->progress->message = "seen";
    }
    const job::StatePtr state = draft.now;
    after.emplace(id, state);
    // A success alone is never tried again.
    if (state->spec.has_credentials && state->status == job::JobStatus::kSucceeded) {
      batch.payload_erasures.push_back(
          {.job = id, .kind = store::PayloadKind::kCredentials, .name = {}});
    }
    batch.jobs.push_back(
        {.before = draft.before ? std::optional(draft.before->status) : std::nullopt,
         .after = state,
         .events = std::move(draft.events)});
  }
  for (const auto& [index, id] : scratch_.states_due) {
    Reply& reply = *plan_.answers[index].reply;
    if (auto* of_job = std::get_if<JobReply>(&reply)) of_job->state = after.at(id);
    if (auto* explanation = std::get_if<Explanation>(&reply)) explanation->state = after.at(id);
  }
  for (const auto& [id, worker] : scratch_.started) {
    Draft& draft = scratch_.drafts.at(id);
    Dispatch dispatch{.worker = worker,
                      .state = draft.now,
                      .input = std::move(draft.input),
                      .lease = memory_.options.lease,
                      .timeout = draft.now->spec.timeout,
                      .deadline = std::nullopt};
    if (const auto& deadline = draft.now->spec.deadline) dispatch.deadline = *deadline - now_.wall;
    plan_.actions.emplace_back(std::move(dispatch));
  }
  batch.rate_uses = memory_.limits.rate_uses(scratch_.limits, now_.wall);
  if (!batch.jobs.empty()) learn();
  if (!batch.empty()) {
    batch.id = Uuid::v7(now_.wall, random_);
    batch.time = now_.wall;
  }
}

}  // namespace errand::engine
