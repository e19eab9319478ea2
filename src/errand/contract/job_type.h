#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/contract/handler_rule.h"
#include "errand/contract/notify_rule.h"
#include "errand/graphql/type/definitions.h"
#include "errand/job/retry_policy.h"
#include "errand/job/status.h"

namespace errand::contract {

class ConstraintCheck;

enum class Idempotency : std::uint8_t { kOptional, kRequired };

/// What `@job(unique:, onConflict:)` says: what happens when a job with the same values is there.
struct UniqueRule {
  /// While it has not ended.
  enum class OnConflict : std::uint8_t { kReturnExisting, kReject, kReplace };
  /// Once it has ended, for `period` from its submission.
  enum class AfterEnd : std::uint8_t { kAllow, kReturnExisting, kReject };

  std::vector<std::string> paths;  ///< into the arguments; empty: jobs are not unique
  OnConflict on_conflict = OnConflict::kReturnExisting;
  AfterEnd after_end = AfterEnd::kAllow;
  Milliseconds period{0};
  bool not_started = true;
  bool started = true;
  std::vector<job::JobStatus> ended;  ///< terminal ones that count

  friend bool operator==(const UniqueRule&, const UniqueRule&) = default;
};

/// One limit of `@job(concurrency:)` or `@job(rateLimit:)`.
struct LimitRule {
  enum class Kind : std::uint8_t { kConcurrency, kRate };

  Kind kind = Kind::kConcurrency;
  bool of_queue = false;    ///< counts all types of the queue, not the one type alone
  bool by_tenant = false;   ///< each tenant apart
  bool by_input = false;    ///< each value of JobType::limit_key_paths apart, and each tenant
  bool fifo = false;        ///< the jobs of a key run in order; then by_input, and the limit is 1
  std::uint64_t limit = 1;  ///< >= 1
  Milliseconds per{0};      ///< of a rate; > 0

  friend bool operator==(const LimitRule&, const LimitRule&) = default;
};

/// What a schema with `@job` says of one type of job. Immutable once its Contract is built; owned
/// by it.
struct JobType {
  JobTypeName name;              ///< the mutation's field: "exportReport"
  std::string object_name;       ///< its object type in the served schema: "ExportReportJob"
  std::string_view description;  ///< of the field; may be empty

  QueueName queue;
  int priority = 0;                           ///< -100..100
  Milliseconds timeout{900'000};              ///< of one attempt; > 0
  std::optional<Milliseconds> queue_timeout;  ///< to the first start of a run; > 0
  std::optional<Milliseconds> deadline;       ///< from the later of enqueue and runAt; > 0
  job::RetryPolicy::Options retry;            ///< valid: RetryPolicy::create() takes it
  Milliseconds retention{604'800'000};        ///< how long the record outlives its end
  Idempotency idempotency = Idempotency::kOptional;
  std::vector<std::string> scopes;  ///< of @auth: the caller needs all of them
  HandlerRule handler;
  std::vector<std::string> route_by;  ///< names of labels that decide which workers may have a job
  std::vector<LimitRule> limits;
  /// Paths into the arguments whose values are the key of the limits by_input; empty: none is.
  std::vector<std::string> limit_key_paths;
  bool fifo = false;  ///< one of the limits is
  UniqueRule unique;
  std::vector<NotifyRule> notify;  ///< one for each @notify

  /// Read and checked, but not yet honoured: unsupported_features() refuses a schema that has them.
  boost::json::array steps;     ///< [{name, title, weight, compensation}]
  boost::json::array schedule;  ///< one object of arguments for each @schedule

  /// Coordinates of the values with @sensitive: "pay(pin:)", "Card.number".
  std::vector<std::string> sensitive;

  /// The field as its author wrote it (in Contract::user_schema()).
  const graphql::type::FieldDefinition* field = nullptr;
  /// The field's type: what a result must be. Whether it is non-null decides if null is a result.
  graphql::type::TypeRef result_type;
  /// The compiled @constraint directives of the arguments; nullptr where there are none.
  std::shared_ptr<const ConstraintCheck> constraints;

  /// Arguments and result shape in a canonical form that outlives the schema (see snapshot.h), and
  /// its 128-bit digest in 32 hexadecimal digits. Equal hashes: the same contract.
  std::string contract_snapshot;
  std::string contract_hash;
};

}  // namespace errand::contract
