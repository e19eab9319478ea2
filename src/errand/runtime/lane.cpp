#include "errand/runtime/lane.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "errand/base/assert.h"
#include "errand/base/crash_point.h"

namespace errand::runtime {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Idempotency keys that one pruning deletes at most: it takes the place of a commit.
constexpr std::size_t kPruneMax = 500;
/// Under load, a pruning rests this many times as long as it took.
constexpr int kPruneRest = 4;

Error unavailable(const char* message) { return {ErrorCode::kUnavailable, message}; }

}  // namespace

class Lane::Impl {
 public:
  Impl(const Options& options, store::Store& store, EventBus& bus, const Clock& clock,
       Random& random, Actions actions, telemetry::Log log, LaneMetrics metrics,
       Committed committed)
      : options_(options),
        store_(store),
        bus_(bus),
        clock_(clock),
        actions_(std::move(actions)),
        log_(std::move(log)),
        metrics_(metrics),
        committed_(std::move(committed)),
        engine_(options.engine, random) {
    ERRAND_ASSERT(options.queue_requests_max > 0 && options.queue_bytes_max > 0);
    ERRAND_ASSERT(options.reopen_wait > Milliseconds::zero());
    ERRAND_ASSERT(options.key_prune_interval > Milliseconds::zero());
    ERRAND_ASSERT(options.prune_interval > Milliseconds::zero());
  }

  Result<void> start() {
    ERRAND_ASSERT(!thread_.joinable());
    const auto recovered = engine_.recover(store_.reader(), store_.epoch(), clock_.now());
    if (!recovered) return recovered;
    estimates_.replace(engine_.estimates());
    const engine::Engine::Sizes sizes = engine_.sizes();
    log_.info("lane started", {{"log_position", to_number(store_.last_position())},
                               {"epoch", store_.epoch()},
                               {"leases", sizes.leases},
                               {"lines", sizes.lines}});
    next_key_prune_ = SteadyClock::now() + options_.key_prune_interval;
    next_prune_ = SteadyClock::now() + options_.prune_interval;
    {
      const std::lock_guard lock(mutex_);
      phase_ = Phase::kRunning;
    }
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void submit(engine::Request request, Done done) {
    const std::size_t weight = engine::weight_bytes(request);
    std::optional<Error> refusal;
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (phase_ == Phase::kReopening) {
        refusal = unavailable("The store failed and is being reopened; try again in a moment.");
      } else if (phase_ != Phase::kRunning) {
        refusal = unavailable("The server is not running.");
      } else if (requests_ >= options_.queue_requests_max ||
                 (requests_ > 0 && bytes_ + weight > options_.queue_bytes_max)) {
        refusal = unavailable("Too many requests wait; try again in a moment.");
      } else {
        ++requests_;
        bytes_ += weight;
        first = inbox_.empty();
        inbox_.push_back({std::move(request), std::move(done), weight});
      }
    }
    if (refusal) {
      metrics_.requests_refused.add();
      done(std::unexpected(std::move(*refusal)));
      return;
    }
    // While something waits already, the lane has been woken for it.
    if (first) changed_.notify_one();
  }

  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }

  void wake(std::move_only_function<void()> settled) {
    bool runs = false;
    {
      const std::lock_guard lock(mutex_);
      runs = phase_ == Phase::kRunning || phase_ == Phase::kReopening;
      if (runs) {
        woken_ = true;
        settled_.push_back(std::move(settled));
      }
    }
    if (!runs) return settled();
    changed_.notify_one();
  }

  [[nodiscard]] bool healthy() const {
    const std::lock_guard lock(mutex_);
    return phase_ == Phase::kRunning;
  }

  [[nodiscard]] const EstimateBoard& estimates() const { return estimates_; }

  void stop() {
    const std::lock_guard one_at_a_time(stop_mutex_);
    {
      const std::lock_guard lock(mutex_);
      phase_ = Phase::kStopping;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  enum class Phase { kNew, kRunning, kReopening, kStopping };

  struct Waiting {
    engine::Request request;
    Done done;
    std::size_t weight = 0;
  };

  /// A request that the engine has.
  struct Submitted {
    Done done;
    std::size_t weight = 0;
  };

  void run() {
    while (true) {
      const bool stopping = wait_for_work();
      if (given_up_) break;
      hand_over();
      const auto wakeup = engine_.next_wakeup(clock_.now());
      if (wakeup && *wakeup <= Milliseconds::zero()) {
        round();
      } else if (stopping && engine_.waiting() == 0) {
        break;
      }
      prune_if_due();
      prune_keys_if_due();
      tell_settled();
    }
    // Only a broken store leaves something here.
    refuse_inbox("The server is stopping.");
    for (auto& [ticket, submitted] : submitted_) {
      submitted.done(std::unexpected(unavailable("The server is stopping.")));
    }
    submitted_.clear();
    for (auto& settled : take_settled()) settled();
    log_.info("lane stopped", {{"log_position", to_number(store_.last_position())}});
  }

  /// Sleeps until there is something to do. @return whether the lane is to stop.
  bool wait_for_work() {
    const Now now = clock_.now();
    const auto steady = SteadyClock::now();
    auto until = std::min(next_key_prune_, next_prune_);
    if (const auto wakeup = engine_.next_wakeup(now)) {
      until = std::min(until, steady + std::max(*wakeup, Milliseconds::zero()));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until,
                        [this] { return !inbox_.empty() || woken_ || phase_ == Phase::kStopping; });
    if (std::exchange(woken_, false)) next_prune_ = SteadyClock::now();
    return phase_ == Phase::kStopping;
  }

  /// Moves what waits to the engine, which takes as much into each plan as a batch may hold.
  void hand_over() {
    {
      const std::lock_guard lock(mutex_);
      inbox_.swap(taken_);
    }
    for (Waiting& waiting : taken_) {
      const engine::Ticket ticket{++last_ticket_};
      submitted_.emplace(ticket, Submitted{std::move(waiting.done), waiting.weight});
      engine_.submit(ticket, std::move(waiting.request));
    }
    taken_.clear();
  }

  void round() {
    crash_point(CrashPoint::kBeforeDecide);
    engine::Plan plan = engine_.plan(clock_.now(), store_.reader());
    metrics_.commit_requests.observe(static_cast<double>(plan.answers.size()));
    bool written = false;
    if (plan.batch.empty()) {
      engine_.apply(plan);
    } else {
      written = commit(plan);
    }
    if (written) {
      crash_point(CrashPoint::kAfterApply);
      expect_expiries(plan.batch.jobs);
      estimates_.publish(plan.estimates);
      if (committed_) committed_(plan.batch.jobs);
      bus_.publish(plan.batch.jobs);
      bus_.publish_gone(plan.batch.forgets);
    }
    // Before the answers: whoever hears that a worker is gone has had every job for it by then.
    if (!plan.actions.empty() && actions_) actions_(std::move(plan.actions));
    crash_point(CrashPoint::kBeforeAnswers);
    answer(plan.answers);
  }

  /// Makes `plan` durable, or gives it up. @return whether its batch is written.
  bool commit(engine::Plan& plan) {
    const auto begin = SteadyClock::now();
    const auto outcome = store_.commit(plan.batch);
    metrics_.commit_seconds.observe(
        std::chrono::duration<double>(SteadyClock::now() - begin).count());
    if (outcome) {
      engine_.apply(plan);
      return true;
    }
    metrics_.commits_failed.add();
    const store::CommitError& failure = outcome.error();
    if (failure.outcome == store::CommitError::Outcome::kUnknown) {
      log_.error("outcome of a commit is unknown; reopening the store",
                 {{"batch", plan.batch.id}, {"error", failure.error.message}});
      return settle(plan);
    }
    engine_.abandon(plan, failure.error);
    if (failure.error.code == ErrorCode::kConflict) {
      // Memory and store disagree, or another writer came: memory is not to be trusted.
      log_.error("store refused a batch that does not fit it; rebuilding memory",
                 {{"batch", plan.batch.id}, {"error", failure.error.message}});
      if (reopen()) recover();
      resume();
    } else {
      log_.warn_limited("store refused a commit", {{"error", failure.error.message}});
    }
    return false;
  }

  /// After an unknown outcome: asks the reopened store whether the batch is there.
  bool settle(engine::Plan& plan) {
    if (!reopen()) {
      engine_.abandon(plan, unavailable("The store failed; whether the request was stored is not "
                                        "known. Ask again after the server is back."));
      return false;
    }
    const bool written = store_.last_batch_id() == plan.batch.id;
    if (written) {
      engine_.apply(plan);
    } else {
      engine_.abandon(plan, unavailable("The store failed; nothing was stored. Try again."));
    }
    recover();
    log_.warn("store reopened", {{"batch", plan.batch.id}, {"batch_is_there", written}});
    resume();
    return written;
  }

  /// Reopens the store, as often as it takes. @return false if the lane is to stop before.
  bool reopen() {
    return insist([this] { return store_.reopen(); }, "reopening the store failed");
  }

  /// Rebuilds the engine's memory, as often as it takes.
  void recover() {
    const bool done =
        insist([this] { return engine_.recover(store_.reader(), store_.epoch(), clock_.now()); },
               "reading the store failed");
    if (done) estimates_.replace(engine_.estimates());
  }

  /// Repeats `attempt` until it succeeds. Requests that wait meanwhile are refused, since nobody
  /// knows how long it takes.
  template <class Attempt>
  bool insist(Attempt attempt, const char* sentence) {
    {
      const std::lock_guard lock(mutex_);
      if (phase_ == Phase::kRunning) phase_ = Phase::kReopening;
    }
    while (true) {
      const Result<void> done = attempt();
      if (done) return true;
      log_.warn_limited(sentence, {{"error", done.error().message}});
      refuse_inbox("The store failed and is being reopened; try again in a moment.");
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, options_.reopen_wait,
                            [this] { return phase_ == Phase::kStopping; })) {
        given_up_ = true;
        return false;
      }
    }
  }

  void resume() {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kReopening) phase_ = Phase::kRunning;
  }

  void answer(std::vector<engine::Answer>& answers) {
    std::size_t bytes = 0;
    for (engine::Answer& answer : answers) {
      const auto found = submitted_.find(answer.ticket);
      ERRAND_ASSERT(found != submitted_.end());
      Submitted submitted = std::move(found->second);
      submitted_.erase(found);
      bytes += submitted.weight;
      submitted.done(std::move(answer.reply));
    }
    const std::lock_guard lock(mutex_);
    requests_ -= answers.size();
    bytes_ -= bytes;
  }

  void refuse_inbox(const char* message) {
    std::deque<Waiting> refused;
    {
      const std::lock_guard lock(mutex_);
      refused.swap(inbox_);
      requests_ -= refused.size();
      for (const Waiting& waiting : refused) bytes_ -= waiting.weight;
    }
    for (Waiting& waiting : refused) waiting.done(std::unexpected(unavailable(message)));
  }

  /// The next pruning comes when the first of these jobs expires, but not at once: those that
  /// follow its events shall see its end first, and many jobs go together.
  void expect_expiries(const std::vector<store::JobWrite>& writes) {
    for (const store::JobWrite& write : writes) {
      if (write.after->expires_at) {
        next_prune_ = std::min(next_prune_, steady_time_of(*write.after->expires_at));
      }
    }
  }

  /// When the wall clock shows `expiry`, an interval from now at the earliest and, as the wall
  /// clock may jump, a key interval from now at the latest.
  [[nodiscard]] SteadyClock::time_point steady_time_of(Timestamp expiry) const {
    const Timestamp now = clock_.now().wall;
    const Milliseconds longest = std::max(options_.prune_interval, options_.key_prune_interval);
    if (expiry >= now + longest) return SteadyClock::now() + longest;
    return SteadyClock::now() + std::max(options_.prune_interval, Milliseconds(expiry - now));
  }

  std::vector<std::move_only_function<void()>> take_settled() {
    const std::lock_guard lock(mutex_);
    return std::exchange(settled_, {});
  }

  void tell_settled() {
    {
      // One that came with a wake-up which the lane has not seen yet waits for the next round.
      const std::lock_guard lock(mutex_);
      if (settled_.empty() || woken_) return;
    }
    if (busy()) return;
    prune();  // also what ended a moment ago
    if (SteadyClock::now() >= next_prune_) return;
    std::vector<std::move_only_function<void()>> settled;
    {
      const std::lock_guard lock(mutex_);
      if (!woken_) settled.swap(settled_);
    }
    for (auto& tell : settled) tell();
  }

  /// Whether a plan is to be made at once.
  [[nodiscard]] bool busy() {
    const auto wakeup = engine_.next_wakeup(clock_.now());
    if (wakeup && *wakeup <= Milliseconds::zero()) return true;
    const std::lock_guard lock(mutex_);
    return !inbox_.empty() || phase_ == Phase::kStopping;
  }

  void prune_if_due() {
    const auto begin = SteadyClock::now();
    if (begin < next_prune_ || (begin < prune_rests_until_ && busy())) return;
    prune();
  }

  void prune() {
    const auto begin = SteadyClock::now();
    const auto pruned = store_.prune(clock_.now().wall, options_.prune);
    const auto end = SteadyClock::now();
    prune_rests_until_ = end + kPruneRest * (end - begin);
    if (!pruned) {
      log_.warn_limited("pruning ended jobs failed", {{"error", pruned.error().message}});
      next_prune_ = end + options_.prune_interval;
      return;
    }
    metrics_.jobs_pruned.add(static_cast<double>(pruned->jobs));
    bus_.publish_gone(pruned->gone);
    const bool did_something = pruned->jobs + pruned->events > 0;
    if (!pruned->next) {
      next_prune_ = end + std::max(options_.prune_interval, options_.key_prune_interval);
    } else if (did_something && *pruned->next <= clock_.now().wall) {
      next_prune_ = end;  // the limits cut it short
    } else {
      next_prune_ = steady_time_of(*pruned->next);
    }
  }

  void prune_keys_if_due() {
    const auto now = SteadyClock::now();
    if (now < next_key_prune_) return;
    const auto pruned = store_.prune_idempotency(clock_.now().wall, kPruneMax);
    if (!pruned) {
      log_.warn_limited("pruning idempotency keys failed", {{"error", pruned.error().message}});
    }
    const auto records = store_.prune_records(clock_.now().wall, kPruneMax);
    if (!records) {
      log_.warn_limited("pruning records failed", {{"error", records.error().message}});
    }
    const bool more = (pruned && *pruned == kPruneMax) || (records && *records == kPruneMax);
    next_key_prune_ = now + (more ? std::min(options_.key_prune_interval, Milliseconds(1'000))
                                  : options_.key_prune_interval);
  }

  const Options options_;
  store::Store& store_;
  EventBus& bus_;
  const Clock& clock_;
  const Actions actions_;
  const telemetry::Log log_;
  const LaneMetrics metrics_;
  const Committed committed_;
  EstimateBoard estimates_;

  // Of the lane's thread alone, once it runs.
  engine::Engine engine_;
  std::unordered_map<engine::Ticket, Submitted> submitted_;
  std::deque<Waiting> taken_;
  std::uint64_t last_ticket_ = 0;
  bool given_up_ = false;  ///< told to stop while the store was broken
  SteadyClock::time_point next_key_prune_{};
  SteadyClock::time_point next_prune_{};  ///< of expired jobs
  SteadyClock::time_point prune_rests_until_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kNew;
  std::deque<Waiting> inbox_;
  std::size_t requests_ = 0;  ///< that wait for an answer, here and in the engine
  std::size_t bytes_ = 0;     ///< their weight
  bool woken_ = false;
  std::vector<std::move_only_function<void()>> settled_;  ///< to be told when nothing is due

  std::mutex stop_mutex_;
  std::thread thread_;
};

Lane::Lane(const Options& options, store::Store& store, EventBus& bus, const Clock& clock,
           Random& random, Actions actions, telemetry::Log log, LaneMetrics metrics,
           Committed committed)
    : impl_(std::make_unique<Impl>(options, store, bus, clock, random, std::move(actions),
                                   std::move(log), metrics, std::move(committed))) {}

Lane::~Lane() { stop(); }

Result<void> Lane::start() { return impl_->start(); }

void Lane::submit(engine::Request request, Done done) {
  impl_->submit(std::move(request), std::move(done));
}

void Lane::wake() { impl_->wake(); }

void Lane::wake(std::move_only_function<void()> settled) { impl_->wake(std::move(settled)); }

bool Lane::healthy() const { return impl_->healthy(); }

const EstimateBoard& Lane::estimates() const { return impl_->estimates(); }

void Lane::stop() { impl_->stop(); }

}  // namespace errand::runtime
