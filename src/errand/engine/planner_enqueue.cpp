#include <algorithm>
#include <utility>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"
#include "errand/base/time_text.h"
#include "errand/engine/planner.h"
#include "errand/job/decide.h"

namespace errand::engine {

Result<std::optional<JobId>> Planner::replayed(const store::IdempotencyScope& scope,
                                               const std::string& fingerprint) {
  store::IdempotencyRecord record;
  if (const auto it = scratch_.keys.find(scope);
      it != scratch_.keys.end() && !has_bug(DeliberateBug::kIdempotencyRace)) {
    record = plan_.batch.idempotency[it->second];
  } else {
    auto read = reader_.idempotency(scope);
    if (!read) return std::unexpected(read.error());
    if (!*read) return std::nullopt;
    record = std::move(**read);
  }
  const auto draft = load(record.job);
  if (!draft && draft.error().code != ErrorCode::kNotFound) {
    return std::unexpected(draft.error());
  }
  // A key lives at least its time, and as long as its job.
  if (!draft && record.expires_at <= now_.wall) return std::nullopt;
  if (record.fingerprint != fingerprint) {
    return fail(ErrorCode::kIdempotencyKeyReused,
                "this idempotency key was used with other arguments");
  }
  const bool forgets =
      std::ranges::find(plan_.batch.forgets, record.job) != plan_.batch.forgets.end();
  if (record.forgotten || forgets) {
    return fail(ErrorCode::kJobForgotten,
                "the job of this idempotency key was forgotten on request; to run it again, use a "
                "new key");
  }
  if (!draft) {
    return fail(ErrorCode::kNotFound,
                "the job of this idempotency key was deleted after its retention; to run it again, "
                "use a new key");
  }
  return record.job;
}

Result<std::vector<const job::JobState*>> Planner::doubles(const job::JobSpec& spec) {
  const auto read = reader_.of_unique_key(spec.tenant, spec.type, spec.unique_key);
  if (!read) return std::unexpected(read.error());
  std::vector<JobId> ids;
  if (const auto it = scratch_.unique.find({spec.tenant, spec.type, spec.unique_key});
      it != scratch_.unique.end()) {
    ids = it->second;
  }
  for (const job::StatePtr& state : *read) {
    if (std::ranges::find(ids, state->id) == ids.end()) ids.push_back(state->id);
  }
  std::vector<const job::JobState*> found;
  for (const JobId& id : ids) {
    const auto& forgets = plan_.batch.forgets;
    if (std::ranges::find(forgets, id) != forgets.end()) continue;
    const auto loaded = load(id);
    if (!loaded) return std::unexpected(loaded.error());
    const job::JobState* state = (*loaded)->state();
    // An edited input may have made it another one's double.
    if (state->spec.unique_key == spec.unique_key) found.push_back(state);
  }
  return found;
}

Result<std::optional<JobId>> Planner::resolve_double(const EnqueueJob& request) {
  using OnConflict = Uniqueness::OnConflict;
  using AfterEnd = Uniqueness::AfterEnd;
  const auto others = doubles(request.spec);
  if (!others) return std::unexpected(others.error());
  const Uniqueness& rule = *request.unique;
  const auto refuse = [](const job::JobState& other) {
    return fail(ErrorCode::kConflict, "job " + other.id.str() + " with the same unique input is " +
                                          std::string(to_string(other.status)));
  };
  const job::JobState* last_ended = nullptr;
  bool has_live = false;
  for (const job::JobState* other : *others) {
    if (other->terminal()) {
      if (!last_ended || last_ended->created_at < other->created_at) last_ended = other;
      continue;
    }
    if (!(other->started_at ? rule.started : rule.not_started)) continue;
    if (rule.on_conflict == OnConflict::kReject) return refuse(*other);
    if (rule.on_conflict == OnConflict::kReturnExisting) return other->id;
    has_live = true;
    if (auto replaced = replace(other->id, request); !replaced) {
      return std::unexpected(replaced.error());
    }
  }
  if (has_live) return std::nullopt;
  if (!last_ended || rule.after_end == AfterEnd::kAllow) return std::nullopt;
  const bool counts = (rule.ended >> static_cast<unsigned>(last_ended->status) & 1U) != 0 &&
                      last_ended->created_at + rule.period > now_.wall;
  if (!counts) return std::nullopt;
  if (rule.after_end == AfterEnd::kReject) return refuse(*last_ended);
  return last_ended->id;
}

Result<void> Planner::replace(const JobId& other, const EnqueueJob& request) {
  Draft& draft = scratch_.drafts.at(other);
  const job::JobState& state = *draft.state();
  // First that the new job will be made: it takes the place of the other in the queue.
  const bool leaves_queue = !has_lease(state.status) && state.spec.queue == request.spec.queue;
  if (auto full = queue_full(request.spec.queue); full && !leaves_queue) {
    return std::unexpected(std::move(*full));
  }
  if (const auto made = decide(nullptr, job::Enqueue{request.spec}, {now_.wall, 0.0}); !made) {
    return std::unexpected(made.error());
  }
  // One that was asked to stop before is not asked again.
  if (state.status == job::JobStatus::kCanceling) return {};
  const bool had_lease = has_lease(state.status);
  if (had_lease) flush_progress(draft, other);
  const auto canceled =
      run(draft, other, job::RequestCancel{"It was replaced by job " + request.id.str() + "."},
          Origin{request.actor, request.traceparent});
  if (!canceled) return std::unexpected(canceled.error());
  if (had_lease) {
    notify_stop(*draft.state(), StopReason::kCancel, draft.state()->spec.cancel_grace);
  }
  return {};
}

Result<void> Planner::check_alone(const job::JobState& state, const job::Command& command) {
  const auto* requeue = std::get_if<job::RequeueDeadLetter>(&command);
  if (!requeue && !std::holds_alternative<job::RetryRun>(command)) return {};
  job::JobSpec spec = state.spec;
  if (requeue && requeue->input) spec.unique_key = requeue->unique_key;
  if (spec.unique_key.empty() || !state.terminal()) return {};
  const JobId id = state.id;
  const auto others = doubles(spec);
  if (!others) return std::unexpected(others.error());
  for (const job::JobState* other : *others) {
    if (other->id == id || other->terminal()) continue;
    return fail(ErrorCode::kConflict, "job " + other->id.str() +
                                          " with the same unique input is live; wait for its end, "
                                          "or cancel it");
  }
  scratch_.unique[{spec.tenant, spec.type, spec.unique_key}].push_back(id);
  return {};
}

void Planner::remember(EnqueueJob& request, const store::IdempotencyScope& scope,
                       const JobId& job) {
  if (!request.key) return;
  scratch_.keys.emplace(scope, plan_.batch.idempotency.size());
  plan_.batch.idempotency.push_back({.scope = scope,
                                     .fingerprint = std::move(request.key->fingerprint),
                                     .job = job,
                                     .expires_at = now_.wall + request.key->lifetime});
}

Result<Reply> Planner::answer(EnqueueJob& request) {
  const auto made = enqueue(request);
  if (!made) return std::unexpected(made.error());
  scratch_.states_due.emplace_back(plan_.answers.size(), made->job);
  return JobReply{.state = nullptr, .replayed = made->replayed};
}

Result<Planner::Made> Planner::enqueue(EnqueueJob& request, Room room) {
  job::JobSpec& spec = request.spec;
  ERRAND_ASSERT(spec.input.size_bytes == request.input.size());
  store::IdempotencyScope scope;
  if (request.key) {
    scope = {.tenant = spec.tenant,
             .subject = spec.subject,
             .field = spec.type,
             .key = request.key->key};
    const auto known = replayed(scope, request.key->fingerprint);
    if (!known) return std::unexpected(known.error());
    if (*known) return Made{.job = **known, .replayed = true};
  }
  spec.has_idempotency_key = request.key.has_value();
  spec.has_credentials = !request.credentials.empty();

  if (request.unique) {
    const auto existing = resolve_double(request);
    if (!existing) return std::unexpected(existing.error());
    if (*existing) {
      // From now on the key stands for that job.
      remember(request, scope, **existing);
      return Made{.job = **existing, .replayed = true};
    }
  }

  if (room == Room::kLimited) {
    if (auto full = queue_full(spec.queue)) return std::unexpected(std::move(*full));
  }
  if (auto many = too_many_lines(spec)) return std::unexpected(std::move(*many));

  if (scratch_.drafts.contains(request.id) || memory_.hot(request.id)) {
    return fail(ErrorCode::kConflict, "the job's id is taken");
  }
  Draft draft;
  const JobId id = request.id;
  const TenantId tenant = spec.tenant;
  const JobTypeName type = spec.type;
  const std::string unique_key = spec.unique_key;
  const std::string contract_hash = spec.contract_hash;
  const auto digest = spec.input.digest;
  const auto made = run(draft, id, job::Enqueue{std::move(spec)},
                        Origin{request.actor, request.traceparent, request.correlation_id});
  if (!made) return std::unexpected(made.error());

  draft.input = std::make_shared<const std::string>(request.input);
  scratch_.drafts.emplace(id, std::move(draft));
  scratch_.order.push_back(id);
  plan_.batch.payloads.push_back({.job = id,
                                  .tenant = tenant,
                                  .kind = store::PayloadKind::kInput,
                                  .name = {},
                                  .bytes = std::move(request.input),
                                  .digest = digest});
  if (!request.credentials.empty()) {
    plan_.batch.payloads.push_back({.job = id,
                                    .tenant = tenant,
                                    .kind = store::PayloadKind::kCredentials,
                                    .name = {},
                                    .bytes = std::move(request.credentials),
                                    .digest = {}});
  }
  remember(request, scope, id);
  if (!unique_key.empty()) scratch_.unique[{tenant, type, unique_key}].push_back(id);
  const auto same = [&](const store::ContractSnapshot& known) {
    return known.type == type && known.hash == contract_hash;
  };
  if (request.contract && !memory_.contracts.contains({type, contract_hash}) &&
      std::ranges::none_of(plan_.batch.contracts, same)) {
    plan_.batch.contracts.push_back({type, contract_hash, *request.contract});
  }
  return Made{.job = id};
}

std::optional<Error> Planner::too_many_lines(const job::JobSpec& spec) const {
  if (spec.route.empty() || memory_.lines.size() < memory_.options.lines_max) return std::nullopt;
  if (memory_.lines.contains(line_of(spec))) return std::nullopt;
  return Error{ErrorCode::kQueueFull,
               "jobs wait with " + std::to_string(memory_.lines.size()) +
                   " different routes, and no more are held apart; use fewer values of the labels "
                   "in routeBy, or wait until some have run"};
}

std::optional<Error> Planner::queue_full(const QueueName& queue) const {
  const auto change = scratch_.queue_length.find(queue);
  const auto length = static_cast<std::int64_t>(memory_.queue_length(queue)) +
                      (change == scratch_.queue_length.end() ? 0 : change->second);
  const std::uint64_t most =
      memory_.limits.length_of(queue).value_or(memory_.options.queue_length_max);
  if (length < static_cast<std::int64_t>(most)) return std::nullopt;
  const Milliseconds again = memory_.departure_interval(queue, now_.monotonic);
  return Error{ErrorCode::kQueueFull,
               "queue " + queue.str() + " is full: " + std::to_string(length) +
                   " jobs wait, at most " + std::to_string(most) + " may; try again in " +
                   format_duration(again),
               again};
}

}  // namespace errand::engine
