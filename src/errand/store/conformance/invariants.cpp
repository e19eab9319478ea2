#include "errand/store/conformance/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "errand/job/evolve.h"

namespace errand::store::conformance {
namespace {

constexpr std::size_t kPage = 1'000;

/// Everything of a store, rebuilt from its log alone.
struct Replay {
  std::map<JobId, std::vector<job::Event>> histories;
  std::map<JobId, job::JobState> states;
};

std::string read_log(const Reader& reader, Replay& replay) {
  const auto pruned = reader.pruned_position(std::nullopt);
  if (!pruned) return pruned.error().message;
  LogPosition position{};
  while (true) {
    const auto entries = reader.events_after(position, std::nullopt, kPage);
    if (!entries) return entries.error().message;
    if (entries->empty()) break;
    for (const LogEntry& entry : *entries) {
      // Jobs that are gone leave gaps, up to the last of their events.
      if (to_number(entry.event.position) != to_number(position) + 1 &&
          to_number(entry.event.position) > to_number(*pruned) + 1) {
        return fmt::format("the log goes from position {} to {}", to_number(position),
                           to_number(entry.event.position));
      }
      position = entry.event.position;
      replay.histories[entry.event.job].push_back(entry.event);
    }
  }
  const auto last = reader.last_position();
  if (!last) return last.error().message;
  if (*last != std::max(position, *pruned)) return "last_position() is not the last event's";
  return {};
}

/// Whether these are what is left of a job that is gone: its events go after it.
Result<bool> is_rest(const Reader& reader, const std::vector<job::Event>& history) {
  const auto stored = reader.job(history.front().job);
  if (!stored) return std::unexpected(stored.error());
  if (*stored != nullptr) return false;
  const auto pruned = reader.pruned_position(std::nullopt);
  if (!pruned) return std::unexpected(pruned.error());
  return history.back().position <= *pruned;
}

std::string check_jobs(const Reader& reader, Replay& replay) {
  for (const auto& [id, history] : replay.histories) {
    const auto rest = is_rest(reader, history);
    if (!rest) return rest.error().message;
    if (*rest) continue;
    auto folded = job::fold(history);
    if (!folded) return fmt::format("job {}: {}", id.str(), folded.error().message);
    const auto stored = reader.job(id);
    if (!stored) return stored.error().message;
    if (*stored == nullptr) return fmt::format("job {} has events and no snapshot", id.str());
    if (**stored != *folded) return fmt::format("job {} is not the fold of its events", id.str());
    const auto events = reader.events_of(id, Sequence{}, history.size() + 1);
    if (!events) return events.error().message;
    if (*events != history) return fmt::format("events_of({}) is not what the log has", id.str());
    replay.states.emplace(id, std::move(*folded));
  }
  return {};
}

std::string check_counts(const Reader& reader, const Replay& replay) {
  using Key = std::tuple<TenantId, QueueName, JobTypeName, std::string, job::JobStatus>;
  std::map<Key, std::uint64_t> expected;
  for (const auto& [id, state] : replay.states) {
    const job::JobSpec& spec = state.spec;
    ++expected[{spec.tenant, spec.queue, spec.type, spec.contract_hash, state.status}];
  }
  const auto counts = reader.counts(std::nullopt);
  if (!counts) return counts.error().message;
  std::map<Key, std::uint64_t> found;
  for (const JobCount& count : *counts) {
    found[{count.tenant, count.queue, count.type, count.contract_hash, count.status}] = count.jobs;
  }
  return found == expected ? "" : "counts() differs from the snapshots";
}

std::string check_indexes(const Reader& reader, const Replay& replay) {
  std::map<ReadyLine, std::vector<const job::JobState*>> lines;
  std::vector<DueCursor> due;
  std::vector<JobId> leased;
  for (const auto& [id, state] : replay.states) {
    if (state.status == job::JobStatus::kPending) {
      lines[{state.spec.queue, state.spec.tenant, state.spec.type}].push_back(&state);
    }
    if (const auto time = job::next_timer(state)) due.push_back({*time, id});
    if (job::has_lease(state.status)) leased.push_back(id);
  }

  const auto found_lines = reader.ready_lines();
  if (!found_lines) return found_lines.error().message;
  if (found_lines->size() != lines.size()) return "ready_lines() differs from the snapshots";
  for (auto& [line, jobs] : lines) {
    std::ranges::sort(jobs, {}, [](const job::JobState* state) {
      return std::pair(-state->spec.priority, state->ready_position);
    });
    const auto found = reader.ready(line, std::nullopt, jobs.size() + 1);
    if (!found) return found.error().message;
    const bool same = std::ranges::equal(
        *found, jobs, [](const job::StatePtr& a, const job::JobState* b) { return *a == *b; });
    if (!same) return fmt::format("ready({}) differs from the snapshots", line.queue.str());
  }

  std::ranges::sort(due);
  const auto found_due = reader.due(Timestamp::max(), std::nullopt, due.size() + 1);
  if (!found_due) return found_due.error().message;
  const bool same_due = std::ranges::equal(
      *found_due, due,
      [](const DueJob& a, const DueCursor& b) { return a.due_at == b.due_at && a.id == b.id; });
  if (!same_due) return "due() differs from the snapshots";

  const auto found_leased = reader.leased(std::nullopt, leased.size() + 1);
  if (!found_leased) return found_leased.error().message;
  const bool same_leased = std::ranges::equal(
      *found_leased, leased, [](const job::StatePtr& a, JobId b) { return a->id == b; });
  return same_leased ? "" : "leased() differs from the snapshots";
}

std::string check_failures(const Reader& reader, const Replay& replay) {
  using Key = std::pair<TenantId, std::string>;
  std::map<TenantId, std::set<FinishCursor>> dead;
  std::map<Key, std::pair<std::uint64_t, std::uint64_t>> expected;
  std::set<TenantId> tenants;
  for (const auto& [id, state] : replay.states) {
    tenants.insert(state.spec.tenant);
    if (state.status != job::JobStatus::kFailed) continue;
    if (state.dead_letter) dead[state.spec.tenant].insert({*state.finished_at, id});
    auto& [failures, dead_letters] = expected[{state.spec.tenant, state.error_fingerprint}];
    ++failures;
    if (state.dead_letter) ++dead_letters;
  }
  std::map<Key, std::pair<std::uint64_t, std::uint64_t>> found;
  for (const TenantId& tenant : tenants) {
    DeadLetterFilter filter;
    filter.tenant = tenant;
    const auto letters = reader.dead_letters(
        filter, {.order = JobOrder::kOldestFirst, .after = {}, .limit = replay.states.size() + 1});
    if (!letters) return letters.error().message;
    const bool same = std::ranges::equal(
        *letters, dead[tenant], [](const job::StatePtr& state, const FinishCursor& place) {
          return state->id == place.id && state->finished_at == place.finished_at;
        });
    if (!same) return "dead_letters() differs from the snapshots";
    const auto groups =
        reader.failures({.tenant = tenant, .from = Timestamp::min(), .before = Timestamp::max()});
    if (!groups) return groups.error().message;
    for (const FailureGroup& group : *groups) {
      found[{tenant, group.fingerprint}] = {group.failures, group.dead_letters};
    }
  }
  return found == expected ? "" : "failures() differs from the snapshots";
}

}  // namespace

std::string find_fault(const Reader& reader) {
  Replay replay;
  if (auto fault = read_log(reader, replay); !fault.empty()) return fault;
  if (auto fault = check_jobs(reader, replay); !fault.empty()) return fault;
  if (auto fault = check_counts(reader, replay); !fault.empty()) return fault;
  if (auto fault = check_indexes(reader, replay); !fault.empty()) return fault;
  return check_failures(reader, replay);
}

}  // namespace errand::store::conformance
