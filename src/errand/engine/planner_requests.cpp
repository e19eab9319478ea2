#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "errand/base/assert.h"
#include "errand/engine/planner.h"
#include "errand/job/decide.h"

namespace errand::engine {
namespace {

std::unexpected<Error> no_such_job() { return fail(ErrorCode::kNotFound, "there is no such job"); }

/// Whether a request may carry this command; the rest belongs to the engine's own timers.
bool may_be_asked(job::CommandKind kind) {
  using enum job::CommandKind;
  switch (kind) {
    case kComplete:
    case kFailAttempt:
    case kRelease:
    case kSnooze:
    case kSuspend:
    case kResume:
    case kReportProgress:
    case kRequestCancel:
    case kKill:
    case kRetryRun:
    case kDiscard:
    case kRequeueDeadLetter:
      return true;
    default:
      return false;
  }
}

/// The token of a worker's report; nullopt for other commands.
std::optional<FencingToken> report_token(const job::Command& command) {
  return std::visit(
      [](const auto& c) -> std::optional<FencingToken> {
        if constexpr (requires { c.token; }) {
          return c.token;
        } else {
          return std::nullopt;
        }
      },
      command);
}

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// Whether the limit holds internal jobs.
bool is_internal(const Limit& limit) {
  return job::is_internal(limit.queue) || job::is_internal(limit.type);
}

bool memory_only(const Request& request) {
  return std::holds_alternative<RegisterWorker>(request) ||
         std::holds_alternative<AddCredits>(request) ||
         std::holds_alternative<DrainWorker>(request) ||
         std::holds_alternative<UnregisterWorker>(request) ||
         std::holds_alternative<DeclareLimits>(request) ||
         std::holds_alternative<ListLimits>(request) ||
         std::holds_alternative<ListWorkers>(request) ||
         std::holds_alternative<ListQueues>(request);
}

}  // namespace

void Planner::take(Ticket ticket, Request&& request) {
  Answer answer_to{.ticket = ticket, .reply = Done{}, .memory_only = memory_only(request)};
  answer_to.reply = std::visit([this](auto& each) { return answer(each); }, request);
  plan_.answers.push_back(std::move(answer_to));
}

Result<Reply> Planner::answer(CommandJob& request) {
  if (!may_be_asked(kind_of(request.command))) {
    return fail(ErrorCode::kInvalidArgument, "this command is the engine's own");
  }
  const auto loaded = load(request.id);
  if (!loaded) return std::unexpected(loaded.error());
  Draft& draft = **loaded;
  if (request.tenant && *request.tenant != draft.state()->spec.tenant) return no_such_job();
  const bool of_a_person = request.actor.kind == job::ActorKind::kClient ||
                           request.actor.kind == job::ActorKind::kOperator;
  if (of_a_person && request.internal != job::is_internal(draft.state()->spec.type)) {
    return no_such_job();
  }
  seen(request.worker);

  const std::optional<FencingToken> token = report_token(request.command);
  const bool live_report =
      token && has_lease(draft.state()->status) && *token == draft.state()->token;
  if (std::holds_alternative<job::ReportProgress>(request.command)) {
    const auto taken = take_progress(draft, request);
    if (!taken) return std::unexpected(taken.error());
  } else {
    // The last progress before the end is never lost.
    if (live_report || std::holds_alternative<job::Kill>(request.command)) {
      flush_progress(draft, request.id);
    }
    if (auto alone = check_alone(*draft.state(), request.command); !alone) {
      return std::unexpected(alone.error());
    }
    const job::JobState* state = draft.state();
    const bool had_lease = has_lease(state->status);
    const auto ran =
        run(draft, request.id, request.command, Origin{request.actor, request.traceparent});
    if (!ran) return std::unexpected(ran.error());
    if (*ran && std::holds_alternative<job::Complete>(request.command) &&
        draft.state()->status == job::JobStatus::kSucceeded) {
      const job::PayloadRef& result = std::get<job::Complete>(request.command).result;
      ERRAND_ASSERT(result.size_bytes == request.result.size());
      plan_.batch.payloads.push_back({.job = request.id,
                                      .tenant = draft.state()->spec.tenant,
                                      .kind = store::PayloadKind::kResult,
                                      .name = {},
                                      .bytes = std::move(request.result),
                                      .digest = result.digest});
    }
    if (const auto* requeue = std::get_if<job::RequeueDeadLetter>(&request.command);
        *ran && requeue && requeue->input) {
      ERRAND_ASSERT(requeue->input->size_bytes == request.input.size());
      // It may start in this very batch, with what it is to work on now.
      draft.input = std::make_shared<const std::string>(request.input);
      plan_.batch.payloads.push_back({.job = request.id,
                                      .tenant = draft.state()->spec.tenant,
                                      .kind = store::PayloadKind::kInput,
                                      .name = {},
                                      .bytes = std::move(request.input),
                                      .digest = requeue->input->digest});
    }
    if (*ran && had_lease && std::holds_alternative<job::RequestCancel>(request.command)) {
      notify_stop(*draft.state(), StopReason::kCancel, draft.state()->spec.cancel_grace);
    }
    if (*ran && had_lease && std::holds_alternative<job::Kill>(request.command)) {
      notify_stop(*draft.state(), StopReason::kKill, Milliseconds::zero());
    }
  }
  if (live_report) {
    memory_.leases.update(request.id, [&](Lease& lease) {
      lease.expires = now_.monotonic + memory_.options.lease;
      if (!request.worker.empty()) lease.worker = request.worker;
    });
  }
  scratch_.states_due.emplace_back(plan_.answers.size(), request.id);
  return JobReply{};
}

Result<Reply> Planner::answer(ForgetJob& request) {
  const auto loaded = load(request.id);
  if (!loaded) return std::unexpected(loaded.error());
  Draft& draft = **loaded;
  if (request.tenant && *request.tenant != draft.state()->spec.tenant) return no_such_job();
  if (job::is_internal(draft.state()->spec.type)) return no_such_job();
  if (!draft.state()->terminal()) {
    return fail(ErrorCode::kJobNotEnded,
                "the job has not ended: cancel it first, and forget it when it has ended");
  }
  draft.forgotten = true;
  plan_.batch.forgets.push_back(request.id);
  return Done{};
}

Result<bool> Planner::take_progress(Draft& draft, const CommandJob& request) {
  const Lease* lease = memory_.leases.find(request.id);
  const auto& report = std::get<job::ReportProgress>(request.command);
  const bool at_once = !lease || lease->token != report.token ||
                       memory_.leases.progress_due(*lease) <= now_.monotonic;
  if (at_once && !scratch_.held.contains(request.id)) {
    auto ran = run(draft, request.id, request.command, Origin{request.actor, request.traceparent});
    if (ran) scratch_.held[request.id].reset();
    return ran;
  }
  // Too soon after the last one that was stored: hold it, once it has passed the same checks.
  auto decided = decide(draft.state(), request.command, {now_.wall, 0.0});
  if (!decided) return std::unexpected(decided.error());
  scratch_.held[request.id] = HeldProgress{report.progress, request.actor, request.traceparent};
  return false;
}

Result<Reply> Planner::answer(RegisterWorker& request) {
  Worker& worker = memory_.workers[request.id];
  worker = Worker{.hello = std::move(request),
                  .credits = 0,
                  .draining = false,
                  .connected_at = now_.wall,
                  .last_seen_at = now_.wall,
                  .heard_at = now_.monotonic};
  return Done{};
}

Result<Reply> Planner::answer(AddCredits& request) {
  const auto it = memory_.workers.find(request.worker);
  if (it == memory_.workers.end()) return fail(ErrorCode::kNotFound, "the worker is not connected");
  Worker& worker = it->second;
  seen(request.worker);
  // They crossed the word that there is nothing more.
  if (worker.draining) return Done{};
  worker.credits += std::min(request.credits, worker.hello.slots - worker.credits);
  return Done{};
}

Result<Reply> Planner::answer(DrainWorker& request) {
  const auto it = memory_.workers.find(request.worker);
  if (it == memory_.workers.end() ||
      (request.tenant && it->second.hello.tenant && *it->second.hello.tenant != *request.tenant)) {
    return fail(ErrorCode::kNotFound, "There is no such worker.");
  }
  if (it->second.hello.way != WorkerWay::kPull) {
    return fail(ErrorCode::kInvalidArgument,
                "The server itself runs these jobs. To stop them, pause their queue.");
  }
  it->second.draining = true;
  it->second.credits = 0;
  if (request.tell) plan_.actions.emplace_back(DrainNotice{request.worker});
  return Done{};
}

Result<Reply> Planner::answer(UnregisterWorker& request) {
  memory_.workers.erase(request.worker);
  return Done{};
}

Result<Reply> Planner::answer(Heartbeat& request) {
  HeartbeatReply reply;
  seen(request.worker);
  for (const Heartbeat::Hold& hold : request.holds) {
    HeartbeatReply::Hold& out = reply.holds.emplace_back();
    out.job = hold.job;
    out.token = hold.token;
    const auto loaded = load(hold.job);
    if (!loaded && loaded.error().code != ErrorCode::kNotFound) {
      return std::unexpected(loaded.error());
    }
    const job::JobState* state = loaded ? (*loaded)->state() : nullptr;
    if (!state || state->terminal()) {
      out.state = HoldState::kJobEnded;
    } else if (!has_lease(state->status) || state->token != hold.token) {
      out.state = HoldState::kLeaseLost;
    } else {
      memory_.leases.update(hold.job, [&](Lease& lease) {
        lease.expires = now_.monotonic + memory_.options.lease;
        if (!request.worker.empty()) lease.worker = request.worker;
      });
      out.lease = memory_.options.lease;
      const auto left = [&](Timestamp until) {
        return std::max(Milliseconds::zero(), Milliseconds(until - now_.wall));
      };
      if (state->status == job::JobStatus::kCanceling) {
        out.state = HoldState::kCanceling;
        out.reason = state->cancel_reason == job::CancelReason::kDeadline ? StopReason::kDeadline
                                                                          : StopReason::kCancel;
        out.grace = left(state->cancel_grace_until.value_or(now_.wall));
      } else if (state->spec.deadline) {
        out.deadline = left(*state->spec.deadline);
      }
    }
  }
  return reply;
}

Result<Reply> Planner::answer(PauseQueue& request) {
  plan_.batch.queues.push_back({.queue = std::move(request.queue),
                                .tenant = std::move(request.tenant),
                                .paused = request.paused,
                                .changed_at = now_.wall,
                                .changed_by = std::move(request.by)});
  return Done{};
}

Result<Reply> Planner::answer(SetLimit& request) {
  const LimitBook::Entry* entry = memory_.limits.find(request.limit);
  if (!entry || is_internal(entry->declared) != request.internal) {
    return fail(ErrorCode::kNotFound,
                "there is no limit \"" + request.limit + "\"; the query limits lists them");
  }
  const Limit& declared = entry->declared;
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (request.value && (*request.value < 1 || *request.value > kLimitValueMax)) {
    return invalid("a limit is 1 to " + std::to_string(kLimitValueMax) +
                   "; to stop a queue, pause it");
  }
  if (request.per && declared.kind != LimitKind::kRate) {
    return invalid("the limit " + request.limit + " is no rate, so that it has no length of time");
  }
  if (request.per && (*request.per < kRatePerMin || *request.per > kRatePerMax)) {
    return invalid("the time of a rate is 100ms to 31d");
  }
  if (declared.fifo && request.value && *request.value != 1) {
    return invalid("the limit " + request.limit +
                   " keeps the jobs of a key in order, one at a time: it stays 1");
  }
  store::LimitSetting setting{.limit = request.limit,
                              .value = request.value,
                              .per = request.per,
                              .changed_at = now_.wall,
                              .changed_by = std::move(request.by)};
  LimitList list;
  list.limits.push_back({.declared = declared,
                         .value = request.value ? request.value : declared.value,
                         .per = request.per.value_or(declared.per),
                         .setting = setting});
  plan_.batch.limits.push_back(std::move(setting));
  return list;
}

Result<Reply> Planner::answer(WriteRecords& request) {
  const auto invalid = [](std::string why) {
    return fail(ErrorCode::kInvalidArgument, std::move(why));
  };
  if (request.changes.size() > kRecordChangesMax) {
    return invalid("more than " + std::to_string(kRecordChangesMax) + " records at once");
  }
  RecordsReply reply;
  for (RecordChange& change : request.changes) {
    const store::RecordId& id = change.id;
    const auto named = [&id] { return id.collection + " \"" + id.key + "\""; };
    if (change.text && change.text->size() > kRecordBytesMax) {
      return invalid("the record " + named() + " is larger than " +
                     std::to_string(kRecordBytesMax) + " bytes");
    }
    const auto same = [&](const store::Record& other) { return other.id == id; };
    if (std::ranges::any_of(reply.records, same)) {
      return invalid("the record " + named() + " stands twice in one write");
    }
    std::uint64_t revision = 0;
    if (const auto planned = scratch_.records.find(id); planned != scratch_.records.end()) {
      revision = plan_.batch.records[planned->second].revision;
    } else {
      const auto stored = reader_.record(id);
      if (!stored) return std::unexpected(stored.error());
      if (*stored) revision = (*stored)->revision;
    }
    if (change.if_revision && *change.if_revision != revision) {
      return fail(ErrorCode::kConflict, "the record " + named() + " has revision " +
                                            std::to_string(revision) + ", not " +
                                            std::to_string(*change.if_revision));
    }
    reply.records.push_back({.id = std::move(change.id),
                             .revision = change.text ? revision + 1 : 0,
                             .text = std::move(change.text).value_or(std::string()),
                             .expires_at = change.expires_at});
  }
  for (const store::Record& record : reply.records) {
    const auto [place, is_new] =
        scratch_.records.try_emplace(record.id, plan_.batch.records.size());
    if (is_new) {
      plan_.batch.records.push_back(record);
    } else {
      plan_.batch.records[place->second] = record;
    }
  }
  return reply;
}

Result<Reply> Planner::answer(DeclareLimits& request) {
  for (const Limit& limit : request.declare) {
    if (!job::is_internal(limit.type) || !limit.queue.empty() || !limit.value || *limit.value < 1 ||
        *limit.value > kLimitValueMax || limit.per < kRatePerMin || limit.per > kRatePerMax ||
        limit.kind == LimitKind::kLength) {
      return fail(ErrorCode::kInvalidArgument,
                  "\"" + limit.id() + "\" is no limit of an internal type, with a value");
    }
    if (limit.by_input.empty() || memory_.limits.find(limit.id()) != nullptr) continue;
    const bool is_live = std::ranges::any_of(memory_.counts, [&](const auto& each) {
      const auto& [key, counts] = each;
      return key.first.view() == limit.type.view() &&
             counts.pending + counts.waiting + counts.running > 0;
    });
    if (is_live) {
      return fail(ErrorCode::kConflict,
                  "\"" + limit.id() + "\" comes too late: there are jobs of the type");
    }
  }
  for (const JobTypeName& type : request.withdraw) memory_.limits.withdraw(type);
  for (const Limit& limit : request.declare) memory_.declare_limit(limit);
  return Done{};
}

Result<Reply> Planner::answer(ListLimits& request) {
  LimitList list;
  for (const LimitBook::Entry& entry : memory_.limits.entries()) {
    if (entry.id.empty()) continue;  // withdrawn
    if (is_internal(entry.declared) != (request.kind == job::JobKind::kInternal)) continue;
    list.limits.push_back({.declared = entry.declared,
                           .value = entry.holds() ? std::optional(entry.value) : std::nullopt,
                           .per = entry.per,
                           .setting = entry.setting});
    if (entry.declared.kind == LimitKind::kLength && !entry.holds()) {
      list.limits.back().value = memory_.options.queue_length_max;
    }
  }
  return list;
}

Result<Reply> Planner::answer(ExplainJob& request) {
  const auto loaded = load(request.id);
  if (!loaded) return std::unexpected(loaded.error());
  const job::JobState& state = *(*loaded)->state();
  if (request.tenant &&
      (*request.tenant != state.spec.tenant || job::is_internal(state.spec.type))) {
    return no_such_job();
  }

  Explanation explanation;
  switch (state.status) {
    case job::JobStatus::kScheduled:
      explanation.kind = WaitKind::kScheduled;
      explanation.until = state.due_at;
      break;
    case job::JobStatus::kRetrying:
      explanation.kind = WaitKind::kRetryBackoff;
      explanation.until = state.due_at;
      break;
    case job::JobStatus::kWaiting:
      explanation.kind = WaitKind::kSuspended;
      break;
    case job::JobStatus::kPending:
      explain_place(state, explanation);
      break;
    default:
      break;
  }
  scratch_.states_due.emplace_back(plan_.answers.size(), request.id);
  return explanation;
}

void Planner::explain_place(const job::JobState& state, Explanation& explanation) const {
  const store::ReadyLine line = line_of(state);
  for (const auto& [id, worker] : memory_.workers) {
    if (worker.takes(line)) ++explanation.workers;
  }
  if (const auto it = memory_.lines.find(line); it != memory_.lines.end()) {
    const LinePlace place = line_place(state);
    const auto& places = it->second.places();
    explanation.place =
        static_cast<std::uint64_t>(std::distance(places.begin(), places.lower_bound(place)));
    explanation.place_is_exact = it->second.covers(place);
  }
  explanation.kind = WaitKind::kPlaceInLine;
  if (const auto in_key = memory_.place_in_key(state)) {
    explanation.place = in_key->place;
    explanation.place_is_exact = in_key->exact;
  }
  if (const auto obstacle = memory_.limits.obstacle(state, &scratch_.limits, now_.wall)) {
    explanation.kind = obstacle->limit->declared.kind == LimitKind::kRate
                           ? WaitKind::kRateLimit
                           : WaitKind::kConcurrencyLimit;
    explanation.until = obstacle->until;
    explanation.limit = obstacle->limit->id;
    explanation.of_key = obstacle->by_input;
  }
  if (explanation.workers == 0) explanation.kind = WaitKind::kNoWorker;
  if (paused(line.queue, line.tenant)) explanation.kind = WaitKind::kQueuePaused;
}

void Planner::seen(const WorkerId& worker) {
  const auto it = memory_.workers.find(worker);
  if (it == memory_.workers.end()) return;
  it->second.last_seen_at = now_.wall;
  it->second.heard_at = now_.monotonic;
  it->second.silent = false;
}

Result<Reply> Planner::answer(ListWorkers&) {
  WorkerList list;
  std::map<WorkerId, std::uint32_t> running;
  for (const auto& [job, lease] : memory_.leases.all()) ++running[lease.worker];
  for (const auto& [id, worker] : memory_.workers) {
    const RegisterWorker& hello = worker.hello;
    list.workers.push_back({.id = id,
                            .tenant = hello.tenant,
                            .queues = hello.queues,
                            .types = hello.types,
                            .build = hello.build,
                            .subject = hello.subject,
                            .selectors = hello.selectors,
                            .name = hello.name,
                            .sdk = hello.sdk,
                            .way = hello.way,
                            .labels = hello.labels,
                            .slots = hello.slots,
                            .credits = worker.credits,
                            .running = running[id],
                            .draining = worker.draining,
                            .connected_at = worker.connected_at,
                            .last_seen_at = worker.last_seen_at});
  }
  return list;
}

Result<Reply> Planner::answer(ListQueues& request) {
  const bool internal = request.kind == job::JobKind::kInternal;
  std::map<QueueName, QueueList::Queue> queues;
  for (const auto& [key, counts] : memory_.counts) {
    const auto& [queue, tenant] = key;
    if (request.tenant && tenant != *request.tenant) continue;
    if (job::is_internal(queue) != internal) continue;
    QueueList::Queue& out = queues[queue];
    out.pending += counts.pending;
    out.waiting += counts.waiting;
    out.running += counts.running;
  }
  QueueList list;
  for (auto& [name, queue] : queues) {
    queue.queue = name;
    queue.paused = paused(name, request.tenant.value_or(TenantId()));
    for (const auto& [id, worker] : memory_.workers) {
      const RegisterWorker& hello = worker.hello;
      const bool for_tenant = !request.tenant || !hello.tenant || *hello.tenant == *request.tenant;
      const bool for_queue =
          hello.queues.empty() || std::ranges::find(hello.queues, name) != hello.queues.end();
      // Internal jobs go to the server's own workers, which are named by their types alone.
      const bool for_kind =
          hello.types.empty()
              ? !internal
              : std::ranges::any_of(hello.types, [internal](const JobTypeName& type) {
                  return job::is_internal(type) == internal;
                });
      if (for_tenant && for_queue && for_kind) ++queue.workers;
    }
    queue.slots_wanted = queue.running;
    if (!queue.paused) {
      const std::uint64_t most = memory_.limits.concurrency_of(name).value_or(kNoLimit);
      const std::uint64_t room = most - std::min(most, queue.running);
      queue.slots_wanted += std::min(queue.pending, room);
    }
    list.queues.push_back(std::move(queue));
  }
  return list;
}

}  // namespace errand::engine
