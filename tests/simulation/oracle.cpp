// What the simulation holds the system against.

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "tests/simulation/simulation.h"
#include <fmt/format.h>

#include "errand/job/event.h"
#include "errand/job/evolve.h"
#include "errand/job/internal_type.h"
#include "errand/store/audit.h"

namespace errand::simulation {
namespace {

using namespace std::chrono_literals;

/// Whether the limit is one of the job's.
bool counts(const engine::Limit& limit, const job::JobSpec& spec) {
  return (limit.queue.empty() ? limit.type == spec.type : limit.queue == spec.queue) &&
         (limit.by_input.empty() || !spec.limit_key.empty());
}

}  // namespace

void Simulation::follow_log() {
  const store::Reader& reader = store_->store().reader();
  const std::size_t page_size = 1 + below(30);
  while (violation_.empty()) {
    const auto page = reader.events_after(followed_, std::nullopt, page_size).value();
    for (const store::LogEntry& entry : page) {
      const job::Event& event = entry.event;
      job::JobState& state = followed_jobs_[event.job];
      if (to_number(event.sequence) != to_number(state.last_sequence) + 1) {
        return violated(fmt::format("a follower of the log got event {} of a job after {}",
                                    to_number(event.sequence), to_number(state.last_sequence)));
      }
      judge_event(state, event);
      job::apply(state, event);
      if (EventReactor::follows_from(state.spec)) judge_catch_up(state, event);
      followed_ = event.position;
      if (job::is_internal(state.spec.type) != (entry.kind == job::JobKind::kInternal)) {
        return violated("the log calls an internal job a user's, or the other way round");
      }
      if (entry.kind == job::JobKind::kUser && EventReactor::chooses(event)) {
        owed_.emplace(event.job, event.sequence);
        if (catches_up_) {
          left_[{event.job, event.sequence}] = {state.spec.tenant, event.position};
        }
      }
      if (const auto* made = std::get_if<job::Enqueued>(&event.data)) {
        judge_reaction(made->spec, event.job);
      }
    }
    if (page.size() < page_size) break;
  }
  // The log ends where a commit ended.
  if (reactions_fit_ && !owed_.empty()) {
    violated(fmt::format("event {} of job {} was committed without its internal job",
                         to_number(owed_.begin()->second), owed_.begin()->first.str()));
  }
  if (catches_up_) {
    judge_left();
    owed_.clear();
  }
  settings_.clear();
  for (store::LimitSetting& setting : reader.limit_settings().value()) {
    settings_.emplace(setting.limit, std::move(setting));
  }
}

void Simulation::judge_reaction(const job::JobSpec& spec, const JobId& id) {
  if (!job::is_internal(spec.type) || EventReactor::follows_from(spec)) return;
  const auto cause = EventReactor::cause_of(spec);
  if (!cause) return violated("an internal job without a cause");
  const auto of = followed_jobs_.find(cause->first);
  if (of == followed_jobs_.end() || job::is_internal(of->second.spec.type)) {
    return violated("an event of no user's job has caused an internal one");
  }
  if (!reacted_.insert(*cause).second) {
    return violated(fmt::format("event {} of job {} has two internal jobs",
                                to_number(cause->second), cause->first.str()));
  }
  if (owed_.erase(*cause) == 0) return violated("an internal job whose cause is not in the log");
  left_.erase(*cause);
  const bool passes = std::ranges::any_of(followed_jobs_, [&](const auto& each) {
    const job::JobState& other = each.second;
    return EventReactor::follows_from(other.spec) && other.spec.tenant == spec.tenant &&
           !other.terminal();
  });
  if (passes) violated("a reaction has passed those that are left to a job which follows the log");
  ++tally_.reactions;
  made_.push_back(id);
}

void Simulation::judge_catch_up(const job::JobState& follower, const job::Event& event) {
  const bool started = std::holds_alternative<job::Started>(event.data);
  // One that someone stops takes what is left to it along, and so does one that fails.
  if (!started && !follower.terminal()) return;
  const LogPosition from = *EventReactor::follows_from(follower.spec);
  std::erase_if(left_, [&](const auto& each) {
    const auto& [tenant, position] = each.second;
    return tenant == follower.spec.tenant && (!started || from <= position) &&
           position <= event.position && (started || !follower.started_at);
  });
}

void Simulation::judge_left() {
  for (const auto& [cause, place] : left_) {
    const auto& [tenant, position] = place;
    const bool comes = std::ranges::any_of(followed_jobs_, [&](const auto& each) {
      const job::JobState& follower = each.second;
      const auto from = EventReactor::follows_from(follower.spec);
      return from && *from <= position && follower.spec.tenant == tenant && !follower.terminal() &&
             !follower.started_at;
    });
    if (comes) continue;
    return violated(
        fmt::format("I9: event {} of job {} is neither made a reaction of nor left to a "
                    "job that will come to it",
                    to_number(cause.second), cause.first.str()));
  }
}

void Simulation::judge_reactions_told() {
  for (const EventReactor::Cause& cause : std::exchange(reactor_.refused, {})) {
    ++tally_.reactions_refused;
    if (catches_up_) {
      left_.erase(cause);
      continue;
    }
    if (owed_.erase(cause) == 0) violated("a reaction was told to be refused, and was made");
  }
  if (!owed_.empty()) violated("a reaction was neither made nor told to be refused");
  if (reactor_.shown_internal) violated("the reactor was shown an internal job");
  if (reactor_.shown_apart) violated("the reactor was shown a change with a gap");
}

void Simulation::judge_event(const job::JobState& before, const job::Event& event) {
  if (before.terminal() && !std::holds_alternative<job::DeadLettered>(event.data) &&
      !std::holds_alternative<job::Discarded>(event.data) &&
      !std::holds_alternative<job::Requeued>(event.data)) {
    violated(fmt::format("I4: {} after the end", job::event_name(event.data)));
  }
  const auto token = std::visit(
      [](const auto& data) -> std::optional<FencingToken> {
        if constexpr (requires { data.report->token; }) {
          if (data.report) return data.report->token;
        }
        return std::nullopt;
      },
      event.data);
  if (token && *token != before.token) violated("I3: a report under a stale token was taken");
  if (std::holds_alternative<job::Ready>(event.data) && before.status == job::JobStatus::kPending) {
    violated("I4: a job became ready twice");
  }
  if (const auto* made = std::get_if<job::Enqueued>(&event.data))
    judge_alone(made->spec, event.job);
  if (std::holds_alternative<job::Requeued>(event.data)) {
    judge_alone(job::evolve(before, event).spec, event.job);
  }
  if (std::holds_alternative<job::Started>(event.data)) {
    judge_start(before, event.time);
    started_[event.job] = now_.monotonic;
  }
  const auto* failed = std::get_if<job::AttemptFailed>(&event.data);
  if (failed && failed->kind == job::FailureKind::kLeaseLost &&
      now_.monotonic < std::max(started_[event.job], recovered_) + options_.lease) {
    violated("I3: a lease ended before its time");
  }
}

void Simulation::judge_alone(const job::JobSpec& spec, const JobId& id) {
  if (spec.unique_key.empty()) return;
  for (const auto& [other, state] : followed_jobs_) {
    const bool is_double = other != id && !state.terminal() && state.spec.tenant == spec.tenant &&
                           state.spec.type == spec.type && state.spec.unique_key == spec.unique_key;
    // One that follows the log and has started is not counted on; the next one may wait beside it.
    if (is_double && EventReactor::follows_from(spec) && state.started_at) continue;
    // What is being replaced may take its time to stop.
    if (is_double && !(spec.fifo && state.status == job::JobStatus::kCanceling)) {
      violated("two live jobs of one unique key");
    }
  }
}

std::optional<std::uint64_t> Simulation::value_of(const engine::Limit& limit) const {
  const auto set = settings_.find(limit.id());
  return set != settings_.end() && set->second.value ? set->second.value : limit.value;
}

std::string Simulation::rate_key(const engine::Limit& limit, const job::JobSpec& spec) {
  return limit.id() + (limit.by_tenant ? spec.tenant.str() : "") +
         (limit.by_input.empty() ? "" : spec.limit_key);
}

std::uint64_t Simulation::taken(const engine::Limit& limit, const job::JobState& state) const {
  const job::JobSpec& spec = state.spec;
  const auto takes = [&](const auto& job) {
    const auto& [id, other] = job;
    return id != state.id &&
           (limit.queue.empty() ? other.spec.type == spec.type : other.spec.queue == spec.queue) &&
           (!limit.by_tenant || other.spec.tenant == spec.tenant) &&
           (limit.by_input.empty() ? has_lease(other.status)
                                   : other.spec.limit_key == spec.limit_key && holds_key(other));
  };
  return static_cast<std::uint64_t>(std::ranges::count_if(followed_jobs_, takes));
}

void Simulation::judge_start(const job::JobState& state, Timestamp at) {
  const job::JobSpec& spec = state.spec;
  for (const engine::Limit& limit : options_.limits) {
    if (!counts(limit, spec) || limit.kind == engine::LimitKind::kLength) continue;
    const std::optional<std::uint64_t> value = value_of(limit);
    if (limit.kind == engine::LimitKind::kRate) {
      auto& starts = starts_[rate_key(limit, spec)];
      starts.push_back({at, now_.monotonic});
      // Whoever sets a clock moves what it has counted: both clocks must say that it is too many.
      const auto used = std::ranges::count_if(starts, [&](const StartTime& start) {
        return start.wall <= at && start.wall > at - limit.per &&
               start.monotonic > now_.monotonic - limit.per;
      });
      if (!value) {
        starts.clear();  // a value that is set later counts from then on
      } else if (static_cast<std::uint64_t>(used) > *value) {
        violated(fmt::format("I6: {} starts within the time of {}", used, limit.id()));
      }
      continue;
    }
    const std::uint64_t running = taken(limit, state) + 1;
    if (value && running > *value) {
      violated(fmt::format("I6: {} jobs run at once under {}", running, limit.id()));
    }
    if (value && running == *value) ++tally_.limits_met;
    if (!limit.fifo) continue;
    for (const auto& [other, its] : followed_jobs_) {
      // Queues take turns of their own, also where they share a key.
      if (other != state.id && counts(limit, its.spec) && its.spec.tenant == spec.tenant &&
          its.spec.limit_key == spec.limit_key && its.spec.queue == spec.queue &&
          its.status == job::JobStatus::kPending && its.ready_position < state.ready_position) {
        violated("a later job of a FIFO key started first");
      }
    }
  }
}

bool Simulation::limits_allow(const job::JobState& state) const {
  return std::ranges::all_of(options_.limits, [&](const engine::Limit& limit) {
    const std::optional<std::uint64_t> value = value_of(limit);
    if (!value || !counts(limit, state.spec)) return true;
    if (limit.kind == engine::LimitKind::kLength) return true;  // of a line, not of starts
    if (limit.kind == engine::LimitKind::kConcurrency) {
      return (!limit.by_input.empty() && holds_key(state)) || taken(limit, state) < *value;
    }
    if (clock_was_set_) return false;  // nobody can tell from outside
    // By either clock, and up to a slice longer.
    const auto starts = starts_.find(rate_key(limit, state.spec));
    if (starts == starts_.end()) return true;
    const Milliseconds longest = limit.per + limit.per / 32 + 2ms;
    const auto used = std::ranges::count_if(starts->second, [&](const StartTime& start) {
      return start.wall > now_.wall - longest || start.monotonic > now_.monotonic - longest;
    });
    return static_cast<std::uint64_t>(used) < *value;
  });
}

void Simulation::judge_rest() {
  advance(300ms);  // after a failed commit the engine leaves the store alone for a moment
  for (int i = 0; i < 1'000 && engine_->next_wakeup(now_).value_or(1s) == 0ms; ++i) round();
  send(engine::ListWorkers{}, {.what = Asked::What::kWorkers});
  round();
  if (!listed_ || !violation_.empty()) return;
  std::set<QueueName> paused;
  for (const store::QueueSetting& setting : store_->store().reader().queue_settings().value()) {
    if (setting.paused) paused.insert(setting.queue);
  }
  for (const auto& [id, state] : followed_jobs_) {
    const job::JobSpec& spec = state.spec;
    if (state.status != job::JobStatus::kPending || paused.contains(spec.queue)) continue;
    const bool is_wanted = std::ranges::any_of(listed_->workers, [&](const auto& worker) {
      return worker.credits > 0 && (!worker.tenant || *worker.tenant == spec.tenant) &&
             (worker.queues.empty() || worker.queues.front() == spec.queue) &&
             (worker.types.empty() ? !job::is_internal(spec.type)
                                   : worker.types.front() == spec.type);
    });
    if (is_wanted && limits_allow(state)) {
      violated(
          fmt::format("I11: job {} of {} could start, and does not", id.str(), spec.type.str()));
    }
  }
}

void Simulation::judge(const engine::Answer& answer) {
  const auto it = asked_.find(answer.ticket);
  if (it == asked_.end()) return;
  const Asked asked = it->second;
  asked_.erase(it);
  if (asked.what == Asked::What::kWorkers) listed_ = std::get<engine::WorkerList>(*answer.reply);
  const auto* reply = answer.reply ? std::get_if<engine::JobReply>(&*answer.reply) : nullptr;

  if (asked.what == Asked::What::kEnqueue && reply) {
    const JobId id = reply->state->id;
    if (!reply->replayed) {
      acknowledged_.push_back(id);
      ++tally_.jobs;
    }
    if (!asked.key.empty()) {
      const auto [known, fresh] = keys_.emplace(asked.key, id);
      if (!fresh && known->second != id) violated("I2: two jobs of one key");
    } else if (reply->replayed && !asked.is_unique) {
      violated("a job without a key was replayed");
    }
  }
  if (asked.what == Asked::What::kReport) {
    const auto state = stored(asked.job);
    if (!answer.reply && (answer.reply.error().code == ErrorCode::kLeaseLost ||
                          answer.reply.error().code == ErrorCode::kJobEnded)) {
      ++tally_.stale_reports_refused;
    }
    if (reply && asked.completes && reply->state->status == job::JobStatus::kSucceeded) {
      if (reply->state->result != ref_to(asked.result)) {
        violated("I3: a report was acknowledged whose result was not taken");
      }
      const auto [known, fresh] = accepted_result_.emplace(asked.job, asked.result);
      if (!fresh && known->second != asked.result) violated("I4: two results were accepted");
    }
    // The report that ended its attempt is acknowledged again, and changes nothing.
    const bool repeats =
        reply && reply->state->last_report && reply->state->last_report->token == asked.token;
    if (reply && asked.token < reply->state->token && asked.completes && !repeats) {
      violated("I3: a stale completion was acknowledged");
    }
  }
}

void Simulation::judge_stored() {
  if (!violation_.empty()) return;
  // One pass over the store tells of each job what is asked of it below.
  struct Stored {
    job::JobStatus status;
    std::optional<job::PayloadRef> result;
  };
  std::map<JobId, Stored> jobs;
  const auto audited = store::audit(
      store_->store().reader(),
      {.faults_max = 1, .also = [&](const job::JobState& state, auto&) -> Result<void> {
         jobs.insert_or_assign(state.id, Stored{state.status, state.result});
         return {};
       }});
  if (!audited) {
    violated("the store cannot be read: " + audited.error().message);
  } else if (!audited->faults.empty()) {
    violated("I4, I5: " + audited->faults.front());
  }
  if (const std::string fault = store_->find_chain_fault(); !fault.empty()) {
    violated("chain of events: " + fault);
  }
  for (const JobId& id : acknowledged_) {
    if (!jobs.contains(id) && !may_be_pruned(id)) violated("I1: an acknowledged job is gone");
  }
  for (const JobId& id : made_) {
    if (!jobs.contains(id) && !may_be_pruned(id)) violated("I1: an internal job is gone");
  }
  for (const auto& [id, result] : accepted_result_) {
    const auto found = jobs.find(id);
    if (found == jobs.end() && may_be_pruned(id)) continue;
    if (found == jobs.end() || found->second.status != job::JobStatus::kSucceeded) {
      violated("I4: an accepted result is no longer there");
      continue;
    }
    const auto payload = store_->store().reader().payload(id, store::PayloadKind::kResult).value();
    if (!payload || payload->bytes != result || found->second.result != ref_to(result)) {
      violated("I5: the stored result is not the accepted one");
    }
  }
  // I2 in the store itself, and I10: nothing started at or after its deadline.
  std::map<JobId, std::optional<Timestamp>> deadlines;
  LogPosition after{};
  for (;;) {
    const auto page = store_->store().reader().events_after(after, std::nullopt, 1'000).value();
    for (const store::LogEntry& entry : page) {
      const job::Event& event = entry.event;
      if (const auto* made = std::get_if<job::Enqueued>(&event.data)) {
        deadlines[event.job] = made->spec.deadline;
      } else if (const auto* again = std::get_if<job::Requeued>(&event.data)) {
        deadlines[event.job] = again->deadline;
      } else if (std::holds_alternative<job::Started>(event.data)) {
        if (deadlines[event.job] && event.time >= *deadlines[event.job]) {
          violated("I10: a job started after its deadline");
        }
      }
      after = event.position;
    }
    if (page.size() < 1'000) break;
  }
}

}  // namespace errand::simulation
