#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/job/event.h"
#include "errand/job/internal_type.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"

namespace errand::store {

/// An event of the log with the tenant that its job belongs to.
struct LogEntry {
  TenantId tenant;
  job::Event event;
  job::JobKind kind = job::JobKind::kUser;  ///< of its job

  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

struct Payload {
  std::string bytes;
  std::array<std::uint8_t, 32> digest{};

  friend bool operator==(const Payload&, const Payload&) = default;
};

/// Which jobs to list. The tenant is mandatory (I13), and internal jobs are listed apart; of the
/// rest, an empty member lets all pass, and what is given must all hold.
struct JobFilter {
  TenantId tenant;
  job::JobKind kind = job::JobKind::kUser;
  std::vector<job::JobStatus> statuses;                     ///< one of them
  std::vector<JobTypeName> types;                           ///< one of them
  std::vector<QueueName> queues;                            ///< one of them
  std::vector<std::string> tags;                            ///< all of them
  std::vector<std::pair<std::string, std::string>> labels;  ///< all of them, name and value
  std::optional<SubjectId> subject;
  std::optional<std::string> correlation_id;
  std::optional<Timestamp> created_from;    ///< inclusive
  std::optional<Timestamp> created_before;  ///< exclusive
};

enum class JobOrder : std::uint8_t { kNewestFirst, kOldestFirst };

/// Place in a list of jobs ordered by creation time, then id.
struct JobCursor {
  Timestamp created_at;
  JobId id;

  friend auto operator<=>(const JobCursor&, const JobCursor&) = default;
};

struct JobPage {
  JobOrder order = JobOrder::kNewestFirst;
  std::optional<JobCursor> after;  ///< exclusive, in the direction of `order`
  std::size_t limit = 100;
};

/// Which dead letters: FAILED jobs that were not discarded. The tenant is mandatory (I13), and
/// internal jobs are listed apart; of the rest, an empty member lets all pass, and what is given
/// must all hold.
struct DeadLetterFilter {
  TenantId tenant;
  job::JobKind kind = job::JobKind::kUser;
  std::vector<JobTypeName> types;            ///< one of them
  std::vector<QueueName> queues;             ///< one of them
  std::vector<std::string> fingerprints;     ///< one of them
  std::optional<Timestamp> finished_from;    ///< inclusive
  std::optional<Timestamp> finished_before;  ///< exclusive
};

/// Place in a list of jobs ordered by the time of their end, then id.
struct FinishCursor {
  Timestamp finished_at;
  JobId id;

  friend auto operator<=>(const FinishCursor&, const FinishCursor&) = default;
};

struct DeadLetterPage {
  JobOrder order = JobOrder::kNewestFirst;  ///< by the time of their end
  std::optional<FinishCursor> after;        ///< exclusive, in the direction of `order`
  std::size_t limit = 100;
};

/// Which failures to report: those of FAILED jobs that ended in [from, before).
struct FailureQuery {
  TenantId tenant;
  Timestamp from;
  Timestamp before;
  std::size_t groups_max = 100;
  std::size_t samples_max = 5;  ///< jobs named in each group
  job::JobKind kind = job::JobKind::kUser;
};

/// FAILED jobs with one error fingerprint.
struct FailureGroup {
  std::string fingerprint;
  std::uint64_t failures = 0;      ///< >= 1
  std::uint64_t dead_letters = 0;  ///< of them: those that still wait for an operator
  Timestamp first_at;              ///< end of the first of them
  Timestamp last_at;               ///< end of the last of them
  job::StatePtr latest;            ///< the last of them; never null
  std::vector<JobId> samples;      ///< the last ones, `latest` first
};

/// Place in a line of ready jobs: higher priority first, then lower JobState::ready_position.
struct ReadyCursor {
  int priority = 0;
  LogPosition ready_position{};

  friend bool operator==(const ReadyCursor&, const ReadyCursor&) = default;
};

/// Place in the row of timers.
struct DueCursor {
  Timestamp due_at;
  JobId id;

  friend auto operator<=>(const DueCursor&, const DueCursor&) = default;
};

/// A job and its job::next_timer().
struct DueJob {
  Timestamp due_at;
  JobId id;

  friend bool operator==(const DueJob&, const DueJob&) = default;
};

/// A line of jobs that wait to start. Types stand in lines of their own, so that one that no worker
/// takes does not hide the others behind it.
struct ReadyLine {
  QueueName queue;
  TenantId tenant;
  JobTypeName type;
  std::string route = {};  ///< JobSpec::route

  friend auto operator<=>(const ReadyLine&, const ReadyLine&) = default;
};

/// Number of jobs that share all of this.
struct JobCount {
  TenantId tenant;
  QueueName queue;
  JobTypeName type;
  std::string contract_hash;
  job::JobStatus status{};
  std::uint64_t jobs = 0;
};

/// A job type, under one contract, that has jobs which have not ended.
struct LiveType {
  JobTypeName type;
  std::string contract_hash;
  std::uint64_t jobs = 0;

  friend bool operator==(const LiveType&, const LiveType&) = default;
};

/// Which records.
struct RecordFilter {
  std::string collection;
  std::optional<TenantId> tenant;  ///< nullopt: of all tenants
  std::string prefix = {};         ///< of their keys
};

/// A part of the records that pass a filter, ordered by tenant, then by the bytes of the key.
struct RecordPage {
  bool descending = false;
  std::optional<RecordId> after = {};  ///< exclusive, in that direction; of the same collection
  std::size_t limit = 100;
};

/// Whether `record` passes `filter`.
bool matches(const RecordFilter& filter, const RecordId& record);

/// Whether `state` passes `filter`, tenant included.
bool matches(const JobFilter& filter, const job::JobState& state);

/// Whether `state` is a dead letter that passes `filter`, tenant included.
bool matches(const DeadLetterFilter& filter, const job::JobState& state);

/// Reads what was committed: each call sees every commit that was acknowledged before it began, and
/// no part of a later one. Calls may block on the disk, so they belong on the lane or on a pool for
/// blocking calls. Thread-safe. Checks no permission: whoever asks compares the tenant.
///
/// Every call can fail with kUnavailable (the store does not answer) or kStoreCorrupt.
class Reader {
 public:
  virtual ~Reader() = default;

  /// The job's snapshot; null if there is none.
  virtual Result<job::StatePtr> job(JobId id) const = 0;

  /// A page of a tenant's jobs.
  virtual Result<std::vector<job::StatePtr>> jobs(const JobFilter& filter,
                                                  const JobPage& page) const = 0;

  /// A page of a tenant's dead letters. Cheap, however many other jobs there are.
  virtual Result<std::vector<job::StatePtr>> dead_letters(const DeadLetterFilter& filter,
                                                          const DeadLetterPage& page) const = 0;

  /// A tenant's failures by their error fingerprint, the largest groups first; of equal ones the
  /// one that failed last, then by fingerprint. Reads as many rows as FAILED jobs are kept.
  virtual Result<std::vector<FailureGroup>> failures(const FailureQuery& query) const = 0;

  /// Events of one job with a sequence above `after`, in order; empty for an unknown job.
  virtual Result<std::vector<job::Event>> events_of(JobId id, Sequence after,
                                                    std::size_t limit) const = 0;

  /// Events of the log after `after`, in order; of one tenant if `tenant` is given.
  virtual Result<std::vector<LogEntry>> events_after(LogPosition after,
                                                     const std::optional<TenantId>& tenant,
                                                     std::size_t limit) const = 0;

  /// Position of the last event that was deleted with its job; 0 if none was. If `tenant` is given:
  /// of that tenant's jobs, the internal ones left out. A reader of the log that has not come so
  /// far may have missed events: read this after the events, so that none can go in between.
  virtual Result<LogPosition> pruned_position(const std::optional<TenantId>& tenant) const = 0;

  /// nullopt if it was never written or has been erased. `name` is a step's, empty otherwise.
  virtual Result<std::optional<Payload>> payload(JobId id, PayloadKind kind,
                                                 std::string_view name = {}) const = 0;

  /// Also records that are past `expires_at` but not pruned yet.
  virtual Result<std::optional<IdempotencyRecord>> idempotency(
      const IdempotencyScope& scope) const = 0;

  /// PENDING jobs of a line, in the order of ReadyCursor.
  virtual Result<std::vector<job::StatePtr>> ready(const ReadyLine& line,
                                                   const std::optional<ReadyCursor>& after,
                                                   std::size_t limit) const = 0;

  /// PENDING jobs of a line with this limit_key (not empty), in the order of ReadyCursor.
  virtual Result<std::vector<job::StatePtr>> ready_of_key(const ReadyLine& line,
                                                          std::string_view limit_key,
                                                          const std::optional<ReadyCursor>& after,
                                                          std::size_t limit) const = 0;

  /// Jobs with this unique_key (not empty): those that have not ended, at most 64, then of the
  /// ended ones that which was made last.
  virtual Result<std::vector<job::StatePtr>> of_unique_key(const TenantId& tenant,
                                                           const JobTypeName& type,
                                                           std::string_view unique_key) const = 0;

  /// Every line with at least one PENDING job, ordered.
  virtual Result<std::vector<ReadyLine>> ready_lines() const = 0;

  /// Jobs whose job::next_timer() is at `until` or before, soonest first.
  virtual Result<std::vector<DueJob>> due(Timestamp until, const std::optional<DueCursor>& after,
                                          std::size_t limit) const = 0;

  /// Jobs that had a lease at their last commit (RUNNING, CANCELING), ordered by id: what recovery
  /// gives a full lease length to.
  virtual Result<std::vector<job::StatePtr>> leased(const std::optional<JobId>& after,
                                                    std::size_t limit) const = 0;

  /// Jobs that hold their limit_key without a lease (job::holds_key()), ordered by id.
  virtual Result<std::vector<job::StatePtr>> between_attempts(const std::optional<JobId>& after,
                                                              std::size_t limit) const = 0;

  /// Position of the last event ever committed; 0 before the first.
  virtual Result<LogPosition> last_position() const = 0;

  /// Numbers of jobs, ordered by their members; groups without a job are left out. Cheap: kept up
  /// with every commit. Of one tenant if `tenant` is given.
  virtual Result<std::vector<JobCount>> counts(const std::optional<TenantId>& tenant) const = 0;

  /// Types with jobs that have not ended, ordered by type and hash. Cheap.
  virtual Result<std::vector<LiveType>> live_types() const = 0;

  virtual Result<std::optional<ContractSnapshot>> contract(const JobTypeName& type,
                                                           std::string_view hash) const = 0;

  /// All queue settings, ordered by queue and tenant.
  virtual Result<std::vector<QueueSetting>> queue_settings() const = 0;

  /// All limit settings, ordered by id.
  virtual Result<std::vector<LimitSetting>> limit_settings() const = 0;

  /// Rate uses that end after `now`, ordered by limit, key and time; `after` is exclusive.
  virtual Result<std::vector<RateUse>> rate_uses(Timestamp now, const std::optional<RateUse>& after,
                                                 std::size_t limit) const = 0;

  /// All digests for estimates, the one that was written last at the end.
  virtual Result<std::vector<EstimateDigest>> estimate_digests() const = 0;

  /// Also one that is past `expires_at` but not pruned yet.
  virtual Result<std::optional<Record>> record(const RecordId& id) const = 0;

  /// A page of records. Cheap: what does not pass is not read, other tenants' records of the
  /// collection excepted where the filter has a prefix and no tenant.
  virtual Result<std::vector<Record>> records(const RecordFilter& filter,
                                              const RecordPage& page) const = 0;
};

}  // namespace errand::store
