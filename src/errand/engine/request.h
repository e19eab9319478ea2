#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/engine/limit.h"
#include "errand/job/command.h"
#include "errand/job/event.h"
#include "errand/job/internal_type.h"
#include "errand/job/route.h"
#include "errand/store/batch.h"

namespace errand::engine {

// What can be asked of the engine. Permissions have been checked before: the engine only compares
// tenants where it is given one.

/// An idempotency key as it comes with an enqueue (DESIGN.md, section 4).
struct IdempotencyKey {
  std::string key;
  /// Of the arguments as the client sent them; equal ones mean the same request.
  std::string fingerprint;
  /// How long the key is remembered at least; it also lives as long as its job.
  Milliseconds lifetime{86'400'000};
};

/// What happens when a job of the same tenant, type and JobSpec::unique_key is there already. Of
/// several the one that was made last counts.
struct Uniqueness {
  /// While it has not ended.
  enum class OnConflict : std::uint8_t {
    kReturnExisting,  ///< it is the answer
    kReject,          ///< kConflict
    kReplace,         ///< it is canceled, and the new job waits for its end by way of its limit_key
  };
  /// Once it has ended, for `period` from when it was made.
  enum class AfterEnd : std::uint8_t { kAllow, kReturnExisting, kReject };

  OnConflict on_conflict = OnConflict::kReturnExisting;
  AfterEnd after_end = AfterEnd::kAllow;
  Milliseconds period{0};
  bool not_started = true;  ///< jobs that no worker has had in their present run count
  bool started = true;      ///< those that one has had count
  std::uint16_t ended = 0;  ///< bit of each terminal JobStatus that counts
};

/// The contract of a job type, for jobs that outlive their schema.
using ContractText = std::shared_ptr<const std::string>;

/// Makes a job. Answered with JobReply: the new job, or the one of the same key.
struct EnqueueJob {
  JobId id;                    ///< fresh, UUIDv7; unused if the key is known
  job::JobSpec spec;           ///< has_idempotency_key and has_credentials: set by the engine
  std::string input;           ///< JSON text that spec.input names
  std::string correlation_id;  ///< never empty
  std::string traceparent;     ///< may be empty
  job::Actor actor;
  std::optional<Uniqueness> unique = {};  ///< where spec.unique_key is not empty
  std::optional<IdempotencyKey> key;      ///< scope: spec.tenant, spec.subject, spec.type
  ContractText contract;  ///< stored once for each spec.contract_hash; null: not at all
  /// Sealed text (auth::JobCredentials) for the job's attempts; empty: none. Stored with the job,
  /// not kept in memory, erased in the commit in which the job succeeds. A replay stores nothing.
  std::string credentials = {};
};

/// Any other command to one job: cancel, kill, retry, requeue, discard, and all reports of workers.
/// Answered with JobReply. Start and what timers do (due, expiry, lost leases) is refused with
/// kInvalidArgument: the engine alone gives those. For clients and operators an internal job is not
/// there (kNotFound), unless `internal` says that it is meant.
struct CommandJob {
  JobId id;
  job::Command command;
  job::Actor actor;
  std::string traceparent;         ///< of the request; may be empty
  std::optional<TenantId> tenant;  ///< where given: another tenant's job is kNotFound (I13)
  std::string result;              ///< JSON text that Complete's PayloadRef names; else empty
  WorkerId worker;                 ///< of a report: who sends it, for notices; may be empty
  std::string input = {};          ///< JSON text that RequeueDeadLetter's PayloadRef names
  bool internal = false;
};

/// Erases an ended job with its events and payloads. Its idempotency key stays as a tombstone until
/// it expires, so that a repetition makes no second job. Answered with Done; kJobNotEnded for a job
/// that is live; kNotFound for an internal one.
struct ForgetJob {
  JobId id;
  std::optional<TenantId> tenant;  ///< where given: another tenant's job is kNotFound (I13)
};

/// How a worker runs jobs: it is connected, or the server does it itself in one of these ways.
enum class WorkerWay : std::uint8_t { kPull, kPush, kUpstream, kCommand, kInProcess };
std::string_view to_string(WorkerWay way) noexcept;  ///< "PULL", ...

/// A worker is there. Internal jobs go to the server itself alone, and only where it names their
/// type. One of the same id is replaced; its credits start at 0. Answered with Done.
struct RegisterWorker {
  WorkerId id;
  std::optional<TenantId> tenant;  ///< nullopt: serves every tenant
  std::vector<QueueName> queues;   ///< empty: every queue
  std::vector<JobTypeName> types;  ///< empty: every type of the schema
  std::string build;
  std::uint32_t slots = 1;   ///< jobs at once; bounds the credits
  SubjectId subject;         ///< its principal; actor of the started events
  job::Selectors selectors;  ///< which routes it takes; empty: every one
  std::string name = {};     ///< for people, as the rest
  std::string sdk = {};
  WorkerWay way = WorkerWay::kPull;
  std::map<std::string, std::string> labels = {};
};

/// More free slots: each credit is good for one dispatch. Answered with Done; kNotFound for an
/// unknown worker.
struct AddCredits {
  WorkerId worker;
  std::uint32_t credits = 0;
};

/// The worker gets nothing more, and is told so where `tell`; what it has it may finish. Answered
/// with Done; kNotFound for an unknown worker; kInvalidArgument for one that is the server itself.
struct DrainWorker {
  WorkerId worker;
  std::optional<TenantId> tenant = {};  ///< where given: another tenant's worker is kNotFound (I13)
  bool tell = false;                    ///< by DrainNotice
};

/// The worker takes nothing more and may be gone. Its leases run on until they lapse, so that it
/// can reconnect and finish. Answered with Done, also when it is unknown.
struct UnregisterWorker {
  WorkerId worker;
};

/// The worker still works on these jobs. Extends their leases in memory and writes nothing. Good
/// for each (job, token) alone, whoever started it: a worker that reconnected goes on under its new
/// id. Answered with HeartbeatReply, in the same order.
struct Heartbeat {
  struct Hold {
    JobId job;
    FencingToken token{};
  };
  WorkerId worker;
  std::vector<Hold> holds;
};

/// Stops or resumes the starting of jobs of a queue, durably. Answered with Done.
struct PauseQueue {
  QueueName queue;
  TenantId tenant;  ///< empty: of every tenant
  bool paused = true;
  SubjectId by;
};

/// Sets a limit's value over the declared one, durably and at once. What runs goes on. Answered
/// with LimitList of this one; kNotFound for an unknown id; kInvalidArgument for a value out of
/// range, a `per` on what is no rate, or a value on a FIFO limit. A limit of internal jobs is not
/// there, unless `internal` says that it is meant.
struct SetLimit {
  std::string limit;                   ///< Limit::id()
  std::optional<std::uint64_t> value;  ///< 1..kLimitValueMax; nullopt: as declared
  std::optional<Milliseconds> per;     ///< of a rate; nullopt: as declared
  SubjectId by;
  bool internal = false;
};

/// What becomes of one record.
struct RecordChange {
  store::RecordId id;
  std::optional<std::string> text;                ///< JSON; nullopt: it is deleted
  std::optional<Timestamp> expires_at = {};       ///< nullopt: it stays
  std::optional<std::uint64_t> if_revision = {};  ///< the present one; 0: it is not there
};

/// Writes records, all or none. Answered with RecordsReply. kConflict naming the record whose
/// revision is another; kInvalidArgument for more than kRecordChangesMax, a record twice, or more
/// than kRecordBytesMax of text.
struct WriteRecords {
  std::vector<RecordChange> changes;
};
inline constexpr std::size_t kRecordChangesMax = 200;
inline constexpr std::size_t kRecordBytesMax = 256UL << 10;  ///< of one

/// The limits that hold, or can be set. Answered with LimitList.
struct ListLimits {
  job::JobKind kind = job::JobKind::kUser;  ///< those of internal jobs are listed apart
};

/// Changes the limits of internal types while the engine runs, in memory alone: whoever declares
/// them names them in Options::limits too when it starts anew. Answered with Done; kInvalidArgument
/// for what is no limit with a value of an internal type; kConflict for a new limit by input of a
/// type whose queue (of the same name) has live jobs, which nobody has counted. Nothing is changed
/// then.
struct DeclareLimits {
  std::vector<Limit> declare;           ///< one of a known id takes the new value and time
  std::vector<JobTypeName> withdraw{};  ///< all limits of these types hold nothing back any more
};

/// Why a job does not run now. Answered with Explanation; kNotFound for an unknown job, and where a
/// tenant is given for an internal one.
struct ExplainJob {
  JobId id;
  std::optional<TenantId> tenant;  ///< where given: another tenant's job is kNotFound (I13)
};

/// The connected workers. Answered with WorkerList.
struct ListWorkers {};

/// Waiting and running jobs by queue. Answered with QueueList.
struct ListQueues {
  std::optional<TenantId> tenant = {};      ///< nullopt: of all tenants, added up
  job::JobKind kind = job::JobKind::kUser;  ///< internal queues are listed apart
};

using Request =
    std::variant<EnqueueJob, CommandJob, ForgetJob, RegisterWorker, AddCredits, DrainWorker,
                 UnregisterWorker, Heartbeat, PauseQueue, SetLimit, WriteRecords, DeclareLimits,
                 ListLimits, ExplainJob, ListWorkers, ListQueues>;

/// What a request weighs in a batch, in bytes: its payloads and a flat amount.
std::size_t weight_bytes(const Request& request) noexcept;

}  // namespace errand::engine
