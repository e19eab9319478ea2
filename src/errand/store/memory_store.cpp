#include "errand/store/memory_store.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "errand/base/deliberate_bug.h"

namespace errand::store {
namespace {

struct CountKey {
  TenantId tenant;
  QueueName queue;
  JobTypeName type;
  std::string contract_hash;
  job::JobStatus status{};

  friend auto operator<=>(const CountKey&, const CountKey&) = default;
};

CountKey count_key(const job::JobSpec& spec, job::JobStatus status) {
  return {spec.tenant, spec.queue, spec.type, spec.contract_hash, status};
}

/// Place of a PENDING job in the order of ReadyCursor.
struct ReadyPlace {
  ReadyLine line;
  int negated_priority = 0;
  LogPosition ready_position{};
  JobId id;

  friend auto operator<=>(const ReadyPlace&, const ReadyPlace&) = default;
};

ReadyPlace ready_place(const job::JobState& state) {
  return {{state.spec.queue, state.spec.tenant, state.spec.type, state.spec.route},
          -state.spec.priority,
          state.ready_position,
          state.id};
}

/// Place of a PENDING job among those of its limit_key.
using KeyedPlace = std::tuple<ReadyLine, std::string, ReadyPlace>;

KeyedPlace keyed_place(const job::JobState& state) {
  ReadyPlace place = ready_place(state);
  ReadyLine line = place.line;
  return {std::move(line), state.spec.limit_key, std::move(place)};
}

using RateKey = std::tuple<std::string, std::string, Timestamp>;

bool held_between_attempts(const job::JobState& state) {
  return job::holds_key(state) && !job::has_lease(state.status);
}

/// Jobs of one unique_key, in the order in which they were made.
using UniquePlace = std::tuple<TenantId, JobTypeName, std::string, JobCursor>;

UniquePlace unique_place(const job::JobState& state) {
  return {state.spec.tenant, state.spec.type, state.spec.unique_key, {state.created_at, state.id}};
}

struct PayloadKey {
  JobId job;
  PayloadKind kind{};
  std::string name;

  friend auto operator<=>(const PayloadKey&, const PayloadKey&) = default;
};

struct ListPlace {
  TenantId tenant;
  JobCursor place;

  friend auto operator<=>(const ListPlace&, const ListPlace&) = default;
};

struct FinishPlace {
  TenantId tenant;
  FinishCursor place;

  friend auto operator<=>(const FinishPlace&, const FinishPlace&) = default;
};

/// Place of a FAILED job among those of its tenant.
FinishPlace finish_place(const job::JobState& state) {
  return {state.spec.tenant, {state.finished_at.value_or(Timestamp{}), state.id}};
}

std::size_t index_of(job::JobKind kind) { return static_cast<std::size_t>(kind); }

JobId last_id() {
  JobId last;
  last.uuid.bytes.fill(0xff);
  return last;
}

std::unexpected<CommitError> refused(Error error) {
  return std::unexpected(CommitError{CommitError::Outcome::kRefused, std::move(error)});
}

}  // namespace

/// The tables and their indexes. Also the Reader.
class MemoryStore::Data final : public Reader {
 public:
  Data() = default;
  Data(const Data& other) : Reader(other) { take(other); }
  Data& operator=(const Data&) = delete;

  /// Becomes a copy of `other`, in place, so that readers keep their reference.
  void take(const Data& other) {
    const std::unique_lock lock(mutex_);
    tables_ = other.tables_;
  }

  std::optional<Error> write(const Batch& batch) {
    const std::unique_lock lock(mutex_);
    if (batch.epoch != tables_.epoch) {
      return Error{ErrorCode::kConflict, "Another writer has taken over."};
    }
    if (auto fault = check_shape(batch, tables_.last_position)) return fault;
    for (const JobWrite& write : batch.jobs) {
      if (auto fault = check_history(write)) return fault;
    }
    for (const IdempotencyRecord& record : batch.idempotency) {
      const auto found = tables_.idempotency.find(record.scope);
      if (found != tables_.idempotency.end() && found->second.job != record.job &&
          found->second.expires_at > batch.time && !has_bug(DeliberateBug::kIdempotencyRace)) {
        return Error{ErrorCode::kConflict, "The idempotency key belongs to another job."};
      }
    }
    for (const JobId& id : batch.forgets) {
      const auto written =
          std::ranges::find(batch.jobs, id, [](const JobWrite& write) { return write.after->id; });
      const auto state = written != batch.jobs.end() ? written->after : find(id);
      if (!state || !state->terminal()) {
        return Error{ErrorCode::kConflict,
                     fmt::format("Job {} cannot be forgotten: it has not ended.", id.str())};
      }
    }

    for (const JobWrite& write : batch.jobs) store_job(write);
    for (const PayloadWrite& write : batch.payloads) {
      tables_.payloads[{write.job, write.kind, write.name}] = {write.bytes, write.digest};
    }
    for (const PayloadErasure& erasure : batch.payload_erasures) {
      tables_.payloads.erase({erasure.job, erasure.kind, erasure.name});
    }
    for (const IdempotencyRecord& record : batch.idempotency) {
      tables_.idempotency[record.scope] = record;
    }
    for (const ContractSnapshot& contract : batch.contracts) {
      tables_.contracts.emplace(std::pair(contract.type, contract.hash), contract);
    }
    for (const QueueSetting& setting : batch.queues) {
      tables_.queues[{setting.queue, setting.tenant}] = setting;
    }
    for (const LimitSetting& setting : batch.limits) tables_.limits[setting.limit] = setting;
    std::erase_if(tables_.rates,
                  [&](const auto& use) { return std::get<2>(use.first) <= batch.time; });
    for (const RateUse& use : batch.rate_uses) {
      tables_.rates[{use.limit, use.key, use.until}] = use.starts;
    }
    for (const EstimateDigest& digest : batch.estimates) {
      std::erase_if(tables_.estimates, [&](const EstimateDigest& old) {
        return old.tenant == digest.tenant && old.type == digest.type;
      });
      if (!digest.text.empty()) tables_.estimates.push_back(digest);
    }
    for (const Record& record : batch.records) {
      if (record.revision == 0) {
        tables_.records.erase(record.id);
      } else {
        tables_.records[record.id] = record;
      }
    }
    for (const JobId& id : batch.forgets) {
      erase(id);
      for (auto& [scope, record] : tables_.idempotency) {
        if (record.job == id) record.forgotten = true;
      }
    }
    tables_.last_batch_id = batch.id;
    return std::nullopt;
  }

  Pruned prune(Timestamp now, const PruneLimits& limits) {
    const std::unique_lock lock(mutex_);
    Pruned pruned;
    std::size_t bytes = 0;
    while (!tables_.expiries.empty() && pruned.jobs < limits.jobs_max) {
      const DueCursor first = *tables_.expiries.begin();
      if (first.due_at > now) break;
      const job::JobState& state = *find(first.id);
      const std::size_t events = to_number(state.last_sequence);
      bytes += state.spec.input.size_bytes + (state.result ? state.result->size_bytes : 0);
      const bool full = pruned.events + events > limits.events_max || bytes > limits.bytes_max;
      if (full && pruned.jobs > 0) break;
      erase(first.id);
      ++pruned.jobs;
      pruned.gone.push_back(first.id);
      pruned.events += events;
      std::erase_if(tables_.idempotency, [&](const auto& entry) {
        return entry.second.job == first.id && entry.second.expires_at <= now;
      });
    }
    if (!tables_.expiries.empty()) pruned.next = tables_.expiries.begin()->due_at;
    return pruned;
  }

  std::size_t prune_idempotency(Timestamp now, std::size_t limit) {
    const std::unique_lock lock(mutex_);
    std::size_t count = 0;
    for (auto it = tables_.idempotency.begin(); it != tables_.idempotency.end() && count < limit;) {
      if (it->second.expires_at <= now && !tables_.jobs.contains(it->second.job)) {
        it = tables_.idempotency.erase(it);
        ++count;
      } else {
        ++it;
      }
    }
    return count;
  }

  std::size_t prune_records(Timestamp now, std::size_t limit) {
    const std::unique_lock lock(mutex_);
    std::size_t count = 0;
    std::erase_if(tables_.records, [&](const auto& entry) {
      const bool ended = entry.second.expires_at && *entry.second.expires_at <= now;
      return ended && count < limit && ++count > 0;
    });
    return count;
  }

  void begin_epoch() {
    const std::unique_lock lock(mutex_);
    ++tables_.epoch;
  }

  std::uint64_t epoch() const {
    const std::shared_lock lock(mutex_);
    return tables_.epoch;
  }

  Uuid last_batch_id() const {
    const std::shared_lock lock(mutex_);
    return tables_.last_batch_id;
  }

  LogPosition position() const {
    const std::shared_lock lock(mutex_);
    return tables_.last_position;
  }

  Result<job::StatePtr> job(JobId id) const override {
    const std::shared_lock lock(mutex_);
    return find(id);
  }

  Result<std::vector<job::StatePtr>> jobs(const JobFilter& filter,
                                          const JobPage& page) const override {
    const std::shared_lock lock(mutex_);
    return page_of(tables_.by_tenant[index_of(filter.kind)], filter, page);
  }

  Result<std::vector<job::StatePtr>> dead_letters(const DeadLetterFilter& filter,
                                                  const DeadLetterPage& page) const override {
    const std::shared_lock lock(mutex_);
    return page_of(tables_.failed[index_of(filter.kind)], filter, page);
  }

  Result<std::vector<FailureGroup>> failures(const FailureQuery& query) const override {
    const std::shared_lock lock(mutex_);
    std::map<std::string, FailureGroup> groups;
    // From the last to the first, so that the first of each group met is its latest.
    const std::set<FinishPlace>& failed = tables_.failed[index_of(query.kind)];
    const auto begin = failed.lower_bound({query.tenant, {query.from, {}}});
    auto it = failed.lower_bound({query.tenant, {query.before, {}}});
    while (it != begin) {
      const FinishPlace& place = *--it;
      const job::StatePtr state = find(place.place.id);
      FailureGroup& group = groups[state->error_fingerprint];
      if (group.failures == 0) {
        group.fingerprint = state->error_fingerprint;
        group.last_at = place.place.finished_at;
        group.latest = state;
      }
      ++group.failures;
      if (state->dead_letter) ++group.dead_letters;
      group.first_at = place.place.finished_at;
      if (group.samples.size() < query.samples_max) group.samples.push_back(state->id);
    }
    std::vector<FailureGroup> found;
    for (auto& [fingerprint, group] : groups) found.push_back(std::move(group));
    std::ranges::sort(found, [](const FailureGroup& a, const FailureGroup& b) {
      return std::tie(b.failures, b.last_at, a.fingerprint) <
             std::tie(a.failures, a.last_at, b.fingerprint);
    });
    if (found.size() > query.groups_max) found.resize(query.groups_max);
    return found;
  }

  Result<std::vector<job::Event>> events_of(JobId id, Sequence after,
                                            std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<job::Event> found;
    const auto places = tables_.events_of.find(id);
    if (places == tables_.events_of.end()) return found;
    for (std::size_t i = to_number(after); i < places->second.size() && found.size() < limit; ++i) {
      found.push_back(tables_.log.at(places->second[i]).event);
    }
    return found;
  }

  Result<std::vector<LogEntry>> events_after(LogPosition after,
                                             const std::optional<TenantId>& tenant,
                                             std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<LogEntry> found;
    for (auto it = tables_.log.upper_bound(after); it != tables_.log.end(); ++it) {
      if (found.size() == limit) break;
      if (!tenant || it->second.tenant == *tenant) found.push_back(it->second);
    }
    return found;
  }

  Result<LogPosition> pruned_position(const std::optional<TenantId>& tenant) const override {
    const std::shared_lock lock(mutex_);
    LogPosition last{};
    for (const auto& [of, position] : tables_.pruned) {
      if (!tenant || of == std::pair(*tenant, job::JobKind::kUser)) last = std::max(last, position);
    }
    return last;
  }

  Result<std::optional<Payload>> payload(JobId id, PayloadKind kind,
                                         std::string_view name) const override {
    const std::shared_lock lock(mutex_);
    const auto found = tables_.payloads.find({id, kind, std::string(name)});
    if (found == tables_.payloads.end()) return std::optional<Payload>();
    return std::optional<Payload>(found->second);
  }

  Result<std::optional<IdempotencyRecord>> idempotency(
      const IdempotencyScope& scope) const override {
    const std::shared_lock lock(mutex_);
    const auto found = tables_.idempotency.find(scope);
    if (found == tables_.idempotency.end()) return std::optional<IdempotencyRecord>();
    return std::optional<IdempotencyRecord>(found->second);
  }

  Result<std::vector<job::StatePtr>> ready(const ReadyLine& line,
                                           const std::optional<ReadyCursor>& after,
                                           std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    auto it = tables_.ready.begin();
    if (after) {
      it = tables_.ready.upper_bound({line, -after->priority, after->ready_position, last_id()});
    } else {
      it = tables_.ready.lower_bound({line, std::numeric_limits<int>::min(), {}, {}});
    }
    std::vector<job::StatePtr> found;
    for (; it != tables_.ready.end() && it->line == line && found.size() < limit; ++it) {
      found.push_back(find(it->id));
    }
    return found;
  }

  Result<std::vector<job::StatePtr>> ready_of_key(const ReadyLine& line, std::string_view limit_key,
                                                  const std::optional<ReadyCursor>& after,
                                                  std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    ReadyPlace from{line, std::numeric_limits<int>::min(), {}, {}};
    if (after) {
      from = {line, -after->priority, after->ready_position, {}};
      from.id.uuid.bytes.fill(0xff);
    }
    const std::string key(limit_key);
    std::vector<job::StatePtr> found;
    for (auto it = tables_.keyed.upper_bound({line, key, from});
         it != tables_.keyed.end() && std::get<0>(*it) == line && std::get<1>(*it) == key &&
         found.size() < limit;
         ++it) {
      found.push_back(find(std::get<2>(*it).id));
    }
    return found;
  }

  Result<std::vector<job::StatePtr>> of_unique_key(const TenantId& tenant, const JobTypeName& type,
                                                   std::string_view unique_key) const override {
    const std::shared_lock lock(mutex_);
    const std::string key(unique_key);
    std::vector<job::StatePtr> found;
    job::StatePtr ended;
    for (auto it = tables_.unique.lower_bound({tenant, type, key, {Timestamp::min(), {}}});
         it != tables_.unique.end() && std::get<0>(*it) == tenant && std::get<1>(*it) == type &&
         std::get<2>(*it) == key;
         ++it) {
      job::StatePtr state = find(std::get<3>(*it).id);
      if (state->terminal()) {
        ended = std::move(state);
      } else if (found.size() < 64) {
        found.push_back(std::move(state));
      }
    }
    if (ended) found.push_back(std::move(ended));
    return found;
  }

  Result<std::vector<ReadyLine>> ready_lines() const override {
    const std::shared_lock lock(mutex_);
    std::vector<ReadyLine> lines;
    for (const ReadyPlace& place : tables_.ready) {
      if (lines.empty() || lines.back() != place.line) lines.push_back(place.line);
    }
    return lines;
  }

  Result<std::vector<DueJob>> due(Timestamp until, const std::optional<DueCursor>& after,
                                  std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<DueJob> found;
    auto it = after ? tables_.timers.upper_bound(*after) : tables_.timers.begin();
    for (; it != tables_.timers.end() && it->due_at <= until && found.size() < limit; ++it) {
      found.push_back({it->due_at, it->id});
    }
    return found;
  }

  Result<std::vector<job::StatePtr>> leased(const std::optional<JobId>& after,
                                            std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<job::StatePtr> found;
    auto it = after ? tables_.leased.upper_bound(*after) : tables_.leased.begin();
    for (; it != tables_.leased.end() && found.size() < limit; ++it) found.push_back(find(*it));
    return found;
  }

  Result<std::vector<job::StatePtr>> between_attempts(const std::optional<JobId>& after,
                                                      std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<job::StatePtr> found;
    const auto& held = tables_.held;
    auto it = after ? held.upper_bound(*after) : held.begin();
    for (; it != held.end() && found.size() < limit; ++it) found.push_back(find(*it));
    return found;
  }

  Result<LogPosition> last_position() const override { return position(); }

  Result<std::vector<JobCount>> counts(const std::optional<TenantId>& tenant) const override {
    const std::shared_lock lock(mutex_);
    std::vector<JobCount> found;
    for (const auto& [key, jobs] : tables_.counts) {
      if (jobs == 0 || (tenant && key.tenant != *tenant)) continue;
      found.push_back({key.tenant, key.queue, key.type, key.contract_hash, key.status, jobs});
    }
    return found;
  }

  Result<std::vector<LiveType>> live_types() const override {
    const std::shared_lock lock(mutex_);
    std::map<std::pair<JobTypeName, std::string>, std::uint64_t> live;
    for (const auto& [key, jobs] : tables_.counts) {
      if (jobs > 0 && !job::is_terminal(key.status)) live[{key.type, key.contract_hash}] += jobs;
    }
    std::vector<LiveType> found;
    for (const auto& [key, jobs] : live) found.push_back({key.first, key.second, jobs});
    return found;
  }

  Result<std::optional<ContractSnapshot>> contract(const JobTypeName& type,
                                                   std::string_view hash) const override {
    const std::shared_lock lock(mutex_);
    const auto found = tables_.contracts.find({type, std::string(hash)});
    if (found == tables_.contracts.end()) return std::optional<ContractSnapshot>();
    return std::optional<ContractSnapshot>(found->second);
  }

  Result<std::vector<QueueSetting>> queue_settings() const override {
    const std::shared_lock lock(mutex_);
    std::vector<QueueSetting> found;
    for (const auto& [key, setting] : tables_.queues) found.push_back(setting);
    return found;
  }

  Result<std::vector<LimitSetting>> limit_settings() const override {
    const std::shared_lock lock(mutex_);
    std::vector<LimitSetting> found;
    for (const auto& [id, setting] : tables_.limits) found.push_back(setting);
    return found;
  }

  Result<std::vector<RateUse>> rate_uses(Timestamp now, const std::optional<RateUse>& after,
                                         std::size_t limit) const override {
    const std::shared_lock lock(mutex_);
    std::vector<RateUse> found;
    auto it = after ? tables_.rates.upper_bound({after->limit, after->key, after->until})
                    : tables_.rates.begin();
    for (; it != tables_.rates.end() && found.size() < limit; ++it) {
      const auto& [id, key, until] = it->first;
      if (until > now) found.push_back({id, key, until, it->second});
    }
    return found;
  }

  Result<std::vector<EstimateDigest>> estimate_digests() const override {
    const std::shared_lock lock(mutex_);
    return tables_.estimates;
  }

  Result<std::optional<Record>> record(const RecordId& id) const override {
    const std::shared_lock lock(mutex_);
    const auto found = tables_.records.find(id);
    if (found == tables_.records.end()) return std::optional<Record>();
    return std::optional<Record>(found->second);
  }

  Result<std::vector<Record>> records(const RecordFilter& filter,
                                      const RecordPage& page) const override {
    const std::shared_lock lock(mutex_);
    std::vector<Record> found;
    const auto collect = [&](auto from, auto end) {
      for (; from != end && found.size() < page.limit; ++from) {
        if (matches(filter, from->first)) found.push_back(from->second);
      }
    };
    const auto& all = tables_.records;
    if (page.descending) {
      const auto before = page.after ? all.lower_bound(*page.after) : all.end();
      collect(std::make_reverse_iterator(before), all.rend());
    } else {
      collect(page.after ? all.upper_bound(*page.after) : all.begin(), all.end());
    }
    return found;
  }

 private:
  struct Tables {
    std::uint64_t epoch = 1;
    LogPosition last_position{};
    Uuid last_batch_id;
    std::map<JobId, job::StatePtr> jobs;
    std::map<LogPosition, LogEntry> log;
    /// Last deleted event of each.
    std::map<std::pair<TenantId, job::JobKind>, LogPosition> pruned;
    std::map<JobId, std::vector<LogPosition>> events_of;
    std::map<PayloadKey, Payload> payloads;
    std::map<IdempotencyScope, IdempotencyRecord> idempotency;
    std::map<std::pair<JobTypeName, std::string>, ContractSnapshot> contracts;
    std::map<std::pair<QueueName, TenantId>, QueueSetting> queues;
    std::map<std::string, LimitSetting> limits;
    std::map<RateKey, std::uint64_t> rates;
    std::vector<EstimateDigest> estimates;  ///< the one that was written last at the end
    std::map<RecordId, Record> records;
    std::array<std::set<ListPlace>, 2> by_tenant;  ///< by JobKind, as the next
    std::array<std::set<FinishPlace>, 2> failed;
    std::set<ReadyPlace> ready;
    std::set<UniquePlace> unique;
    std::set<KeyedPlace> keyed;  ///< those of `ready` that have a limit_key
    std::set<JobId> held;        ///< held_between_attempts()
    std::set<DueCursor> timers;
    std::set<DueCursor> expiries;  ///< of jobs that have ended
    std::set<JobId> leased;
    std::map<CountKey, std::uint64_t> counts;
  };

  std::set<ListPlace>& by_tenant_of(const job::JobSpec& spec) {
    return tables_.by_tenant[index_of(job::kind_of(spec.type))];
  }
  std::set<FinishPlace>& failed_of(const job::JobSpec& spec) {
    return tables_.failed[index_of(job::kind_of(spec.type))];
  }

  /// The jobs of a tenant that pass the filter, along `list` either way.
  template <class Place, class Filter, class Page>
  std::vector<job::StatePtr> page_of(const std::set<Place>& list, const Filter& filter,
                                     const Page& page) const {
    std::vector<job::StatePtr> found;
    const auto take_one = [&](const Place& place) {
      if (place.tenant != filter.tenant || found.size() == page.limit) return false;
      auto state = find(place.place.id);
      if (matches(filter, *state)) found.push_back(std::move(state));
      return true;
    };
    if (page.order == JobOrder::kOldestFirst) {
      auto it = page.after ? list.upper_bound({filter.tenant, *page.after})
                           : list.lower_bound({filter.tenant, {Timestamp::min(), {}}});
      while (it != list.end() && take_one(*it)) ++it;
    } else {
      auto it = page.after ? list.lower_bound({filter.tenant, *page.after})
                           : list.upper_bound({filter.tenant, {Timestamp::max(), last_id()}});
      while (it != list.begin() && take_one(*std::prev(it))) --it;
    }
    return found;
  }

  job::StatePtr find(JobId id) const {
    const auto found = tables_.jobs.find(id);
    return found == tables_.jobs.end() ? nullptr : found->second;
  }

  std::optional<Error> check_history(const JobWrite& write) const {
    const auto stored = find(write.after->id);
    const auto status = stored ? std::optional(stored->status) : std::nullopt;
    const std::uint64_t sequence = stored ? to_number(stored->last_sequence) : 0;
    if (status == write.before && to_number(write.events.front().sequence) == sequence + 1) {
      return std::nullopt;
    }
    return Error{ErrorCode::kConflict,
                 fmt::format("Job {} is not at the place where the batch goes on from.",
                             write.after->id.str())};
  }

  void store_job(const JobWrite& write) {
    const job::JobState& after = *write.after;
    const job::JobSpec& spec = after.spec;
    if (const auto before = find(after.id)) {
      leave_indexes(*before);
    } else {
      by_tenant_of(spec).insert({spec.tenant, {after.created_at, after.id}});
    }
    if (after.status == job::JobStatus::kPending) {
      tables_.ready.insert(ready_place(after));
      if (!spec.limit_key.empty()) tables_.keyed.insert(keyed_place(after));
    }
    if (!spec.unique_key.empty()) tables_.unique.insert(unique_place(after));
    if (held_between_attempts(after)) tables_.held.insert(after.id);
    if (const auto due = job::next_timer(after)) tables_.timers.insert({*due, after.id});
    if (after.expires_at) tables_.expiries.insert({*after.expires_at, after.id});
    if (job::has_lease(after.status)) tables_.leased.insert(after.id);
    if (after.status == job::JobStatus::kFailed) failed_of(spec).insert(finish_place(after));
    ++tables_.counts[count_key(spec, after.status)];
    tables_.jobs[after.id] = write.after;

    for (const job::Event& event : write.events) {
      if (has_bug(DeliberateBug::kEventLostAfterCommit) &&
          std::holds_alternative<job::Progressed>(event.data)) {
        continue;
      }
      tables_.last_position = std::max(tables_.last_position, event.position);
      tables_.log[event.position] = {spec.tenant, event, job::kind_of(spec.type)};
      tables_.events_of[after.id].push_back(event.position);
    }
  }

  /// What changes with each write of a job.
  void leave_indexes(const job::JobState& state) {
    if (state.status == job::JobStatus::kPending) tables_.ready.erase(ready_place(state));
    if (!state.spec.unique_key.empty()) tables_.unique.erase(unique_place(state));
    if (!state.spec.limit_key.empty()) {
      tables_.keyed.erase(keyed_place(state));
      tables_.held.erase(state.id);
    }
    if (state.status == job::JobStatus::kFailed) failed_of(state.spec).erase(finish_place(state));
    if (const auto due = job::next_timer(state)) tables_.timers.erase({*due, state.id});
    if (state.expires_at) tables_.expiries.erase({*state.expires_at, state.id});
    if (job::has_lease(state.status)) tables_.leased.erase(state.id);
    --tables_.counts[count_key(state.spec, state.status)];
  }

  /// Deletes a job with its events and payloads.
  void erase(JobId id) {
    const job::StatePtr state = find(id);
    leave_indexes(*state);
    by_tenant_of(state->spec).erase({state->spec.tenant, {state->created_at, id}});
    LogPosition& pruned = tables_.pruned[{state->spec.tenant, job::kind_of(state->spec.type)}];
    pruned = std::max(pruned, state->last_position);
    for (const LogPosition position : tables_.events_of[id]) tables_.log.erase(position);
    tables_.events_of.erase(id);
    const auto first = tables_.payloads.lower_bound({id, PayloadKind::kInput, {}});
    auto last = first;
    while (last != tables_.payloads.end() && last->first.job == id) ++last;
    tables_.payloads.erase(first, last);
    tables_.jobs.erase(id);
  }

  mutable std::shared_mutex mutex_;
  Tables tables_;
};

MemoryStore::MemoryStore() : data_(std::make_unique<Data>()) {}

MemoryStore::~MemoryStore() = default;

std::expected<void, CommitError> MemoryStore::commit(const Batch& batch) {
  if (broken_) return refused({ErrorCode::kUnavailable, "The store has to be reopened first."});
  const Fault fault = std::exchange(fault_, Fault::kNone);
  if (fault == Fault::kRefuse) return refused({fault_code_, "Injected refusal."});
  if (fault == Fault::kNone || fault == Fault::kUnknownWritten) {
    if (auto error = data_->write(batch)) return refused(std::move(*error));
  }
  if (fault == Fault::kNone) return {};
  broken_ = true;
  return std::unexpected(
      CommitError{CommitError::Outcome::kUnknown, {fault_code_, "Injected unknown outcome."}});
}

Result<void> MemoryStore::reopen() {
  if (reopen_failures_ > 0) {
    --reopen_failures_;
    return fail(ErrorCode::kUnavailable, "Injected failure of reopen().");
  }
  broken_ = false;
  data_->begin_epoch();
  return {};
}

std::uint64_t MemoryStore::epoch() const { return data_->epoch(); }

LogPosition MemoryStore::last_position() const { return data_->position(); }

Uuid MemoryStore::last_batch_id() const { return data_->last_batch_id(); }

Result<Pruned> MemoryStore::prune(Timestamp now, const PruneLimits& limits) {
  if (broken_) return fail(ErrorCode::kUnavailable, "The store has to be reopened first.");
  return data_->prune(now, limits);
}

Result<std::size_t> MemoryStore::prune_idempotency(Timestamp now, std::size_t limit) {
  return data_->prune_idempotency(now, limit);
}

Result<std::size_t> MemoryStore::prune_records(Timestamp now, std::size_t limit) {
  return data_->prune_records(now, limit);
}

const Reader& MemoryStore::reader() const { return *data_; }

void MemoryStore::fail_next_commit(Fault fault, ErrorCode code) {
  fault_ = fault;
  fault_code_ = code;
}

void MemoryStore::fail_next_reopens(int times) { reopen_failures_ = times; }

void MemoryStore::lose_syncs(bool lose) {
  durable_ = lose ? std::make_unique<Data>(*data_) : nullptr;
}

void MemoryStore::crash() {
  const std::uint64_t epoch = data_->epoch();
  if (durable_) data_->take(*durable_);
  while (data_->epoch() < epoch) data_->begin_epoch();
  data_->begin_epoch();
  broken_ = false;
  fault_ = Fault::kNone;
}

}  // namespace errand::store
