#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/error.h"
#include "errand/base/ids.h"
#include "errand/base/uuid.h"
#include "errand/job/event.h"
#include "errand/job/state.h"

namespace errand::store {

/// What a payload row holds. Payloads stand beside the log, so that they can be erased without
/// touching it (DESIGN 6); events and snapshots carry their digests alone. Credentials are sealed
/// (auth::JobCredentials), have no digest, and are there from the job's first write until it has
/// SUCCEEDED; JobSpec::has_credentials says whether there are any.
enum class PayloadKind : std::uint8_t { kInput, kResult, kStep, kCredentials };

/// "INPUT", "RESULT", "STEP" or "CREDENTIALS".
std::string_view to_string(PayloadKind kind) noexcept;

/// One job's part of a batch: its events in order and the snapshot after the last of them.
///
/// A job's id, tenant, subject, type, queue, contract hash, correlation id and creation time never
/// change; the store keeps those of its first write.
struct JobWrite {
  std::optional<job::JobStatus> before;  ///< status before the batch; nullopt: the job is new
  job::StatePtr after;                   ///< never null
  std::vector<job::Event> events;        ///< never empty
};

struct PayloadWrite {
  JobId job;
  TenantId tenant;
  PayloadKind kind = PayloadKind::kInput;
  std::string name;                       ///< of the step; empty otherwise
  std::string bytes;                      ///< JSON text
  std::array<std::uint8_t, 32> digest{};  ///< keyed digest, as in the event's PayloadRef
};

/// A payload that is to go before its job does. That it is not there is no fault.
struct PayloadErasure {
  JobId job;
  PayloadKind kind = PayloadKind::kCredentials;
  std::string name;  ///< of the step; empty otherwise
};

/// Scope of an idempotency key (DESIGN 4).
struct IdempotencyScope {
  TenantId tenant;
  SubjectId subject;
  JobTypeName field;
  std::string key;

  friend auto operator<=>(const IdempotencyScope&, const IdempotencyScope&) = default;
};

struct IdempotencyRecord {
  IdempotencyScope scope;
  std::string fingerprint;
  JobId job;
  Timestamp expires_at;  ///< pruned after this, once the job is gone too
  /// A tombstone: its job was erased by Batch::forgets. Set by the store alone.
  bool forgotten = false;

  friend bool operator==(const IdempotencyRecord&, const IdempotencyRecord&) = default;
};

/// The contract of a job type as it was when jobs were made under it, so that a later schema can be
/// checked against live jobs (DESIGN 3).
struct ContractSnapshot {
  JobTypeName type;
  std::string hash;
  std::string text;

  friend bool operator==(const ContractSnapshot&, const ContractSnapshot&) = default;
};

/// What operators set on a queue. An empty tenant means all tenants.
struct QueueSetting {
  QueueName queue;
  TenantId tenant;
  bool paused = false;
  Timestamp changed_at;
  SubjectId changed_by;

  friend bool operator==(const QueueSetting&, const QueueSetting&) = default;
};

/// Starts that count against a rate limit for a while, so that it holds over restarts.
struct RateUse {
  std::string limit;         ///< id of the limit
  std::string key;           ///< what it counts by; empty: one count for all
  Timestamp until;           ///< they count up to here, then the record is pruned
  std::uint64_t starts = 0;  ///< in all: a later write of the same limit, key and time replaces it

  friend bool operator==(const RateUse&, const RateUse&) = default;
};

/// What an operator set on a limit, over what its declaration says.
struct LimitSetting {
  std::string limit;                   ///< its id
  std::optional<std::uint64_t> value;  ///< nullopt: as declared
  std::optional<Milliseconds> per;     ///< of a rate; nullopt: as declared
  Timestamp changed_at;
  SubjectId changed_by;

  friend bool operator==(const LimitSetting&, const LimitSetting&) = default;
};

/// What is remembered of how long a tenant's jobs of one type took, for estimates of the next ones.
struct EstimateDigest {
  TenantId tenant;
  JobTypeName type;
  std::string text;  ///< JSON; empty in a batch: it is deleted

  friend bool operator==(const EstimateDigest&, const EstimateDigest&) = default;
};

/// Where a record stands.
struct RecordId {
  std::string collection;  ///< what it is: "webhook_endpoint"
  TenantId tenant;         ///< whose it is; empty: the server's own
  std::string key;         ///< names it within both

  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

/// A document of the server's own that is no job: an endpoint, a preference, a place in the log.
/// What in it is secret is sealed before it comes here.
struct Record {
  RecordId id;
  std::uint64_t revision = 1;  ///< from 1, one more with each write; in a batch 0: it is deleted
  std::string text;            ///< JSON
  std::optional<Timestamp> expires_at = {};  ///< pruned after this; nullopt: stays

  friend bool operator==(const Record&, const Record&) = default;
};

/// All that one commit writes: everything or nothing.
///
/// The positions of its events go on from the store's last one without a gap, in any order over the
/// jobs, growing within each job; the sequences of a job's events go on from its stored snapshot. A
/// job stands in `jobs` at most once.
struct Batch {
  Uuid id;                  ///< to find out later whether the batch was written
  std::uint64_t epoch = 0;  ///< Store::epoch() of the writer that decided it
  std::uint32_t shard = 0;  ///< part of the log that this writer owns
  Timestamp time;           ///< when it was decided
  std::vector<JobWrite> jobs;
  std::vector<PayloadWrite> payloads;
  std::vector<PayloadErasure> payload_erasures;  ///< after the writes; overwritten, not only freed
  std::vector<IdempotencyRecord> idempotency;    ///< replaces an expired record of the same scope
  std::vector<ContractSnapshot> contracts;       ///< one that is known already is left as it is
  std::vector<QueueSetting> queues;
  std::vector<LimitSetting> limits;
  std::vector<RateUse> rate_uses;         ///< each limit, key and time once
  std::vector<EstimateDigest> estimates;  ///< each tenant and type once
  std::vector<Record> records;            ///< each id once; deletions overwrite the text
  /// Jobs that have ended, the batch's own writes included, to be erased at once: row, events and
  /// payloads. Their idempotency keys stay as tombstones until they expire.
  std::vector<JobId> forgets;

  /// Number of events in all.
  [[nodiscard]] std::size_t event_count() const noexcept;
  /// Whether it would write nothing.
  [[nodiscard]] bool empty() const noexcept;
};

/// What every store checks of a batch before it writes anything: the positions of its events are
/// `last` + 1 and on, each once; each job stands once, with consecutive sequences that begin at 1
/// for a new job alone, and with a snapshot that ends where its events end.
/// @return kConflict naming the first fault; nullopt if there is none.
std::optional<Error> check_shape(const Batch& batch, LogPosition last);

}  // namespace errand::store
