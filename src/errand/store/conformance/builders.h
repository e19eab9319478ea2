#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "errand/base/random.h"
#include "errand/job/event.h"
#include "errand/job/state.h"
#include "errand/store/store.h"

namespace errand::store::conformance {

/// Makes batches of true histories: events are folded by job::apply(), positions and sequences go
/// on from the store. One batch at a time.
class BatchBuilder {
 public:
  /// @param seed  of ids; different builders on one store need different seeds
  BatchBuilder(const Store& store, std::uint64_t seed);

  /// A job spec with a value in every part that a store looks at.
  static job::JobSpec spec(std::string_view tenant = "acme", std::string_view queue = "reports");

  /// Goes on with another store object, as after a restart.
  void go_on_with(const Store& store) { store_ = &store; }

  /// Time of the next events.
  void at(Timestamp time) { time_ = time; }

  /// Adds a new job.
  job::StatePtr enqueue(job::JobSpec spec);
  /// Adds events to a job, which may be in the batch already.
  job::StatePtr add(const job::StatePtr& job, std::vector<job::EventData> events);
  job::StatePtr start(const job::StatePtr& job);
  job::StatePtr succeed(const job::StatePtr& job);
  /// Ends a running job as a dead letter with this fingerprint.
  job::StatePtr fail(const job::StatePtr& job, std::string_view fingerprint);

  /// The batch so far, for more parts.
  Batch& batch() { return batch_; }

  /// Hands the batch over. The next one goes on from what the store has when its first event comes.
  Batch take();

 private:
  const Store* store_;
  SeededRandom random_;
  Timestamp time_;
  std::uint64_t next_position_ = 0;
  std::map<JobId, std::size_t> places_;  ///< in batch_.jobs
  Batch batch_;
};

}  // namespace errand::store::conformance
