#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/engine/limit.h"
#include "errand/engine/reply.h"
#include "errand/engine/request.h"
#include "errand/job/type_history.h"
#include "errand/store/batch.h"
#include "errand/store/reader.h"

namespace errand::engine {

class Reactor;

/// What the engine holds itself to.
struct Options {
  Milliseconds lease{30'000};                  ///< > 0
  std::size_t batch_requests_max = 1'000;      ///< requests, and timers, of one plan; >= 1
  std::size_t batch_bytes_max = 4 << 20;       ///< of their weight; one request always passes
  std::uint64_t queue_length_max = 1'000'000;  ///< jobs of one queue that wait, all tenants
  std::size_t head_jobs_max = 16'384;          ///< waiting jobs in memory, over all lines
  std::size_t line_head_max = 1'024;           ///< of one line; >= 1
  std::size_t lines_max = 4'096;               ///< beyond it no new JobSpec::route is taken
  std::size_t timers_max = 16'384;             ///< next timers in memory; >= 1
  std::size_t input_bytes_max = 32 << 20;      ///< inputs that ride in memory to the dispatch
  Milliseconds progress_interval{250};         ///< between stored progress events of a job
  std::vector<Limit> limits;                   ///< all that there are; each id once
  std::size_t estimate_types_max = 4'096;  ///< histories for estimates, of tenant and type; >= 1
  Milliseconds estimate_write_interval{10'000};  ///< between two times that one of them is stored
  Reactor* reactor = nullptr;                    ///< must outlive the engine; null: nobody reacts
  /// Internal jobs that one plan makes for its reactor. Once requests have caused half of them, the
  /// plan takes no further request; timers and starts have a quarter each. What it does not take
  /// comes with the next plan, at once. >= 1
  std::size_t reactions_max = 1'000;
  std::size_t reactions_of_change_max = 100;  ///< of one job in one step; more are refused
};

/// A tenant's history of one job type, for estimates, is another one from here on.
struct EstimateChange {
  TenantId tenant;
  JobTypeName type;
  job::TypeHistoryPtr history;  ///< null: it is forgotten
};

namespace internal {
struct Scratch;
class Core;
}  // namespace internal

/// What one batch does, decided but not yet true. First `batch` is to be committed, unless it is
/// empty; then apply() or abandon() takes the plan, and after that its answers and actions go out.
class Plan {
 public:
  Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  store::Batch batch;  ///< also what to publish: the events and snapshots of `jobs`
  std::vector<Answer> answers;
  std::vector<Action> actions;
  std::vector<EstimateChange> estimates;  ///< to publish too

 private:
  friend class internal::Core;
  std::unique_ptr<internal::Scratch> scratch_;
};

/// Queues, leases, timers and limits of all jobs of one shard: decides what happens, does nothing.
///
/// Sans-I/O: no thread, socket, clock or random source of its own. Its owner drives it so, each
/// call from one thread at a time:
///
///     engine.submit(ticket, request);            // any number of times
///     Plan plan = engine.plan(now, reader);      // decides against a scratch overlay
///     if (plan.batch.empty() || committed(plan.batch)) engine.apply(plan);
///     else engine.abandon(plan, why);
///     // then: send plan.answers and plan.actions, publish plan.batch.jobs
///
/// There is at most one plan between plan() and apply() or abandon(). After a commit of unknown
/// outcome: reopen the store, find out by the batch's id, then apply or abandon, or recover().
///
/// Memory is bounded by Options: waiting jobs live in the store, of each line only the head is
/// here.
class Engine {
 public:
  /// `random` gives the jitter of backoffs and the ids of batches and of internal jobs; must
  /// outlive the engine.
  Engine(const Options& options, Random& random);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Forgets all jobs and builds them anew from the store: at the start, and after the store was
  /// reopened. Each job with a lease gets one full length; attempts are not counted for it.
  /// Workers, their credits and requests that wait stay.
  /// @param epoch  Store::epoch(), for the batches from here on
  /// @return the reader's error; then the engine must be recovered again before plan().
  Result<void> recover(const store::Reader& reader, std::uint64_t epoch, Now now);

  /// Puts a request in line. It is answered by one of the next plans.
  void submit(Ticket ticket, Request request);

  /// Requests that wait for a plan.
  [[nodiscard]] std::size_t waiting() const noexcept;

  /// Decides waiting requests and due timers, as many as a batch may hold, then starts ready jobs
  /// on free workers. `reader` is read for what is not in memory; where that fails, the request
  /// that needed it is answered with the error.
  [[nodiscard]] Plan plan(Now now, const store::Reader& reader);

  /// The batch of `plan` is durable: makes it true in memory.
  void apply(Plan& plan);

  /// The batch of `plan` was refused: nothing of it happened. Answers become `error`, except those
  /// that tell of memory alone; actions are dropped. Due timers come again with the next plan.
  void abandon(Plan& plan, const Error& error);

  /// How long the owner may sleep, if no request comes, before it must plan again. 0: plan at once
  /// (something waits or is due); nullopt: nothing will ever be due. At most one second where wall
  /// clocks are waited for, so that a jump of the clock is noticed.
  [[nodiscard]] std::optional<Milliseconds> next_wakeup(Now now) const;

  /// All histories for estimates, after recover().
  [[nodiscard]] std::vector<EstimateChange> estimates() const;

  /// Jobs with a lease, waiting jobs in memory, workers: for metrics and tests.
  struct Sizes {
    std::size_t leases = 0;
    std::size_t head_jobs = 0;
    std::size_t lines = 0;
    std::size_t timers = 0;
    std::size_t workers = 0;
    std::size_t input_bytes = 0;
  };
  [[nodiscard]] Sizes sizes() const noexcept;

 private:
  std::unique_ptr<internal::Core> core_;
};

}  // namespace errand::engine
