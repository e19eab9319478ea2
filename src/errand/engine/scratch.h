#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/engine/estimate_book.h"
#include "errand/engine/lease_table.h"
#include "errand/engine/limit_book.h"
#include "errand/engine/memory.h"
#include "errand/engine/reactor.h"
#include "errand/job/event.h"
#include "errand/job/state.h"
#include "errand/store/batch.h"

namespace errand::engine {

/// What a plan decided of one job.
struct Draft {
  job::StatePtr before;                ///< as committed; null: the job is new
  std::shared_ptr<job::JobState> now;  ///< after the events so far; null while there are none
  std::vector<job::Event> events;
  InputPtr input;          ///< if it is at hand
  bool forgotten = false;  ///< for later requests it is gone
  std::size_t shown = 0;   ///< events that the reactor has seen
  job::StatePtr seen;      ///< what they led to; null: none were shown

  [[nodiscard]] bool changed() const { return now != nullptr; }
  /// Null for a job that was not made after all.
  [[nodiscard]] const job::JobState* state() const { return now ? now.get() : before.get(); }
};

}  // namespace errand::engine

namespace errand::engine::internal {

/// The overlay of one plan: all that becomes true if its batch is committed, and nothing of it
/// otherwise.
struct Scratch {
  Now now{};
  LogPosition last_position{};
  std::unordered_map<JobId, Draft> drafts;
  std::vector<JobId> order;                                  ///< drafts, as they were first needed
  std::map<store::IdempotencyScope, std::size_t> keys;       ///< index into the batch's records
  std::map<store::RecordId, std::size_t> records;            ///< the same
  std::unordered_map<QueueName, std::int64_t> queue_length;  ///< change of it
  /// Jobs that the plan made or brought back to life, by what they are unique by.
  std::map<std::tuple<TenantId, JobTypeName, std::string>, std::vector<JobId>> unique;
  LimitBook::Changes limits;
  EstimateBook::Lessons lessons;
  std::unordered_map<JobId, std::optional<HeldProgress>> held;  ///< nullopt: none any more
  std::map<WorkerId, std::uint32_t> credits_used;
  std::vector<std::pair<JobId, WorkerId>> started;
  std::vector<std::pair<std::size_t, JobId>> states_due;  ///< answers that show a job at the end
  std::vector<JobId> unseen;             ///< have events that the reactor was not shown yet
  std::size_t reactions = 0;             ///< internal jobs that it asked for
  std::size_t reactions_until = 0;       ///< what may cause some now goes on below it
  std::size_t reaction_bytes = 0;        ///< of their payloads
  std::vector<RefusedReaction> refused;  ///< to be told to it once the batch is durable
};

}  // namespace errand::engine::internal
