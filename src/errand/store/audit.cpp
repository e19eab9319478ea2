#include "errand/store/audit.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "errand/base/assert.h"
#include "errand/job/evolve.h"

namespace errand::store {
namespace {

constexpr std::size_t kPage = 1'000;

class Audit {
 public:
  Audit(const Reader& reader, const AuditOptions& options) : reader_(reader), options_(options) {
    ERRAND_ASSERT(options.faults_max >= 1);
  }

  Result<AuditReport> run() {
    for (auto part :
         {&Audit::check_log, &Audit::check_counts, &Audit::check_lines, &Audit::check_timers,
          &Audit::check_leases, &Audit::check_keys, &Audit::check_failures}) {
      if (auto done = (this->*part)(); !done) return std::unexpected(done.error());
      if (full()) break;
    }
    report_.cut_short = full();
    return std::move(report_);
  }

 private:
  using CountKey = std::tuple<TenantId, QueueName, JobTypeName, std::string, job::JobStatus>;
  using LinePlace = std::tuple<int, LogPosition, JobId>;

  [[nodiscard]] bool full() const { return report_.faults.size() >= options_.faults_max; }

  template <class... Args>
  void fault(fmt::format_string<Args...> format, Args&&... args) {
    if (!full()) report_.faults.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  /// Each job is looked at where its first event stands; the others are counted.
  Result<void> check_log() {
    const auto pruned = reader_.pruned_position(std::nullopt);
    if (!pruned) return std::unexpected(pruned.error());
    LogPosition position{};
    std::uint64_t rest = 0;  // of jobs that are gone
    while (!full()) {
      const auto entries = reader_.events_after(position, std::nullopt, kPage);
      if (!entries) return std::unexpected(entries.error());
      if (entries->empty()) break;
      for (const LogEntry& entry : *entries) {
        const job::Event& event = entry.event;
        if (to_number(event.position) != to_number(position) + 1 &&
            to_number(event.position) > to_number(*pruned) + 1) {
          fault("the log goes from position {} to {}", to_number(position),
                to_number(event.position));
        }
        position = event.position;
        ++report_.events;
        if (event.sequence == Sequence{1}) {
          if (auto done = check_job(entry, *pruned, rest); !done) return done;
        } else if (event.position <= *pruned) {
          // Perhaps of a job that is gone, and whose first events are gone already.
          const auto state = reader_.job(event.job);
          if (!state) return std::unexpected(state.error());
          if (*state == nullptr) ++rest;
        }
      }
    }
    if (full()) return {};
    const auto last = reader_.last_position();
    if (!last) return std::unexpected(last.error());
    if (*last != std::max(position, *pruned)) {
      fault("the last position is {}, that of the last event {}", to_number(*last),
            to_number(std::max(position, *pruned)));
    }
    if (report_.events != job_events_ + rest) {
      fault("the log has {} events, the jobs {}", report_.events - rest, job_events_);
    }
    return {};
  }

  Result<void> check_job(const LogEntry& first, LogPosition pruned, std::uint64_t& rest) {
    const JobId id = first.event.job;
    const auto stored = reader_.job(id);
    if (!stored) return std::unexpected(stored.error());
    if (*stored == nullptr) {
      if (first.event.position <= pruned) {
        ++rest;
      } else {
        fault("job {} has events and no snapshot", id.str());
      }
      return {};
    }
    const job::JobState& state = **stored;
    ++report_.jobs;
    const auto history = reader_.events_of(id, Sequence{}, std::numeric_limits<std::size_t>::max());
    if (!history) return std::unexpected(history.error());
    job_events_ += history->size();
    if (history->empty() || history->front() != first.event) {
      fault("the history of job {} is not what the log has", id.str());
    }
    const auto folded = job::fold(*history);
    if (!folded) {
      fault("job {}: {}", id.str(), folded.error().message);
    } else if (*folded != state) {
      fault("job {} is not the fold of its events", id.str());
    }
    if (state.spec.tenant != first.tenant) {
      fault("job {} and its events belong to different tenants", id.str());
    }
    if (job::kind_of(state.spec.type) != first.kind) {
      fault("the log takes job {} for one of another kind", id.str());
    }
    note(state);
    if (!options_.also) return {};
    std::vector<std::string> more;
    if (auto done = options_.also(state, more); !done) return done;
    for (const std::string& each : more) fault("job {}: {}", id.str(), each);
    return {};
  }

  void note(const job::JobState& state) {
    const job::JobSpec& spec = state.spec;
    ++counts_[{spec.tenant, spec.queue, spec.type, spec.contract_hash, state.status}];
    if (state.status == job::JobStatus::kPending) {
      lines_[{spec.queue, spec.tenant, spec.type}].emplace_back(-spec.priority,
                                                                state.ready_position, state.id);
    }
    if (const auto time = job::next_timer(state)) due_.push_back({*time, state.id});
    if (job::has_lease(state.status)) {
      leased_.push_back(state.id);
    } else if (job::holds_key(state)) {
      holding_.push_back(state.id);
    }
    if (state.status == job::JobStatus::kPending && !spec.limit_key.empty()) {
      keys_[{{spec.queue, spec.tenant, spec.type}, spec.limit_key}].emplace_back(
          -spec.priority, state.ready_position, state.id);
    }
    Failures& failures = failures_[{spec.tenant, job::kind_of(spec.type)}];
    if (state.status != job::JobStatus::kFailed) return;
    auto& [all, dead] = failures.by_fingerprint[state.error_fingerprint];
    ++all;
    if (!state.dead_letter) return;
    ++dead;
    failures.dead_letters.push_back({state.finished_at.value_or(Timestamp{}), state.id});
  }

  Result<void> check_counts() {
    const auto counts = reader_.counts(std::nullopt);
    if (!counts) return std::unexpected(counts.error());
    std::map<CountKey, std::uint64_t> found;
    for (const JobCount& count : *counts) {
      found[{count.tenant, count.queue, count.type, count.contract_hash, count.status}] =
          count.jobs;
    }
    const auto compare = [&](const CountKey& key) {
      const auto counted = found.contains(key) ? found.at(key) : 0;
      const auto there = counts_.contains(key) ? counts_.at(key) : 0;
      if (counted == there) return;
      const auto& [tenant, queue, type, hash, status] = key;
      fault("{} jobs of {} in queue {} of tenant {} are {} and {} are counted", there, type.view(),
            queue.view(), tenant.view(), job::to_string(status), counted);
    };
    for (const auto& [key, jobs] : counts_) compare(key);
    for (const auto& [key, jobs] : found) {
      if (!counts_.contains(key)) compare(key);
    }
    return {};
  }

  Result<void> check_lines() {
    const auto lines = reader_.ready_lines();
    if (!lines) return std::unexpected(lines.error());
    if (lines->size() != lines_.size()) {
      fault("there are {} lines of waiting jobs and {} are found", lines_.size(), lines->size());
    }
    for (auto& [line, places] : lines_) {
      std::ranges::sort(places);
      const auto found = reader_.ready(line, std::nullopt, places.size() + 1);
      if (!found) return std::unexpected(found.error());
      const bool same = std::ranges::equal(
          *found, places,
          [](const job::StatePtr& a, const LinePlace& b) { return a->id == std::get<2>(b); });
      if (!same) {
        fault("the line of {} in queue {} of tenant {} differs from the snapshots",
              line.type.view(), line.queue.view(), line.tenant.view());
      }
    }
    return {};
  }

  Result<void> check_timers() {
    std::ranges::sort(due_);
    const auto found = reader_.due(Timestamp::max(), std::nullopt, due_.size() + 1);
    if (!found) return std::unexpected(found.error());
    const bool same = std::ranges::equal(*found, due_, [](const DueJob& a, const DueCursor& b) {
      return a.due_at == b.due_at && a.id == b.id;
    });
    if (!same) fault("the timers differ from the snapshots");
    return {};
  }

  Result<void> check_leases() {
    std::ranges::sort(leased_);
    const auto found = reader_.leased(std::nullopt, leased_.size() + 1);
    if (!found) return std::unexpected(found.error());
    const bool same = std::ranges::equal(
        *found, leased_, [](const job::StatePtr& a, const JobId& b) { return a->id == b; });
    if (!same) fault("the jobs with a lease differ from the snapshots");
    return {};
  }

  Result<void> check_keys() {
    for (auto& [key, places] : keys_) {
      const auto& [line, limit_key] = key;
      std::ranges::sort(places);
      const auto found = reader_.ready_of_key(line, limit_key, std::nullopt, places.size() + 1);
      if (!found) return std::unexpected(found.error());
      const bool same = std::ranges::equal(
          *found, places,
          [](const job::StatePtr& a, const LinePlace& b) { return a->id == std::get<2>(b); });
      if (!same) {
        fault("the jobs of a limit's key of {} in queue {} of tenant {} differ from the snapshots",
              line.type.view(), line.queue.view(), line.tenant.view());
      }
    }
    std::ranges::sort(holding_);
    const auto found = reader_.between_attempts(std::nullopt, holding_.size() + 1);
    if (!found) return std::unexpected(found.error());
    const bool same = std::ranges::equal(
        *found, holding_, [](const job::StatePtr& a, const JobId& b) { return a->id == b; });
    if (!same) fault("the jobs that hold a limit's key differ from the snapshots");
    return {};
  }

  Result<void> check_failures() {
    for (auto& [key, failures] : failures_) {
      const auto& [tenant, kind] = key;
      std::ranges::sort(failures.dead_letters);
      DeadLetterFilter filter;
      filter.tenant = tenant;
      filter.kind = kind;
      const auto letters =
          reader_.dead_letters(filter, {.order = JobOrder::kOldestFirst,
                                        .after = {},
                                        .limit = failures.dead_letters.size() + 1});
      if (!letters) return std::unexpected(letters.error());
      const bool same = std::ranges::equal(
          *letters, failures.dead_letters, [](const job::StatePtr& state, const FinishCursor& at) {
            return state->id == at.id && state->finished_at == at.finished_at;
          });
      if (!same) fault("the dead letters of tenant {} differ from the snapshots", tenant.view());

      const auto groups = reader_.failures(
          {.tenant = tenant, .from = Timestamp::min(), .before = Timestamp::max(), .kind = kind});
      if (!groups) return std::unexpected(groups.error());
      decltype(failures.by_fingerprint) counted;
      for (const FailureGroup& group : *groups) {
        counted[group.fingerprint] = {group.failures, group.dead_letters};
      }
      // The report holds the largest groups alone.
      const bool all = std::ranges::all_of(counted, [&](const auto& group) {
        const auto there = failures.by_fingerprint.find(group.first);
        return there != failures.by_fingerprint.end() && there->second == group.second;
      });
      if (!all || (counted.empty() && !failures.by_fingerprint.empty())) {
        fault("the failures of tenant {} differ from the snapshots", tenant.view());
      }
    }
    return {};
  }

  const Reader& reader_;
  const AuditOptions& options_;
  AuditReport report_;
  std::uint64_t job_events_ = 0;  ///< of the jobs that are there
  std::map<CountKey, std::uint64_t> counts_;
  std::map<ReadyLine, std::vector<LinePlace>> lines_;
  std::vector<DueCursor> due_;
  std::vector<JobId> leased_;
  std::vector<JobId> holding_;
  std::map<std::pair<ReadyLine, std::string>, std::vector<LinePlace>> keys_;
  struct Failures {
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> by_fingerprint;
    std::vector<FinishCursor> dead_letters;
  };
  std::map<std::pair<TenantId, job::JobKind>, Failures> failures_;
};

}  // namespace

Result<AuditReport> audit(const Reader& reader, const AuditOptions& options) {
  return Audit(reader, options).run();
}

}  // namespace errand::store
