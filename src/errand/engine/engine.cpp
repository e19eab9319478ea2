#include "errand/engine/engine.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "errand/base/assert.h"
#include "errand/base/deliberate_bug.h"
#include "errand/engine/memory.h"
#include "errand/engine/planner.h"
#include "errand/engine/scratch.h"

namespace errand::engine {
namespace {

/// Longest sleep while a wall clock is waited for: it may jump.
constexpr Milliseconds kWallWaitMax{1'000};
/// Pause after the store failed, before timers alone cause another plan.
constexpr Milliseconds kAgainAfter{250};

Milliseconds left_until(auto time, auto now) {
  return std::max(Milliseconds::zero(), std::chrono::duration_cast<Milliseconds>(time - now));
}

}  // namespace

Plan::Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;
Plan::~Plan() = default;

namespace internal {

class Core {
 public:
  Core(const Options& options, Random& random) : memory_(options), random_(random) {}

  Result<void> recover(const store::Reader& reader, std::uint64_t epoch, Now now) {
    recovered_ = false;
    planning_ = false;
    more_ = true;
    epoch_ = epoch;
    auto read = memory_.recover(reader, now);
    recovered_ = read.has_value();
    return read;
  }

  void submit(Ticket ticket, Request request) { waiting_.emplace_back(ticket, std::move(request)); }

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  Plan plan(Now now, const store::Reader& reader) {
    ERRAND_ASSERT(recovered_ && !planning_);
    planning_ = true;
    Plan plan;
    plan.scratch_ = std::make_unique<Scratch>();
    plan.scratch_->now = now;
    plan.scratch_->last_position = memory_.last_position;
    plan.batch.epoch = epoch_;
    Scratch& scratch = *plan.scratch_;
    Planner planner(memory_, *plan.scratch_, plan, random_, reader, now);

    planner.allow_reactions(2);
    std::size_t bytes = 0;
    for (std::size_t n = 0; n < memory_.options.batch_requests_max && !waiting_.empty(); ++n) {
      auto& [ticket, request] = waiting_.front();
      bytes += weight_bytes(request);
      if (n > 0 && bytes > memory_.options.batch_bytes_max) break;
      planner.take(ticket, std::move(request));
      waiting_.pop_front();
      planner.react();
      bytes += std::exchange(scratch.reaction_bytes, 0);
      if (planner.full_of_reactions()) break;
    }
    bool read = memory_.refill(reader, memory_.any_credits(), now).has_value();
    read = planner.take_timers(!waiting_.empty()) && read;
    more_ = planner.match() || memory_.unread();
    planner.react();
    // Reactions that were made by or after the starts can start now.
    more_ = more_ || scratch.reactions > 0;
    again_at_ = read ? std::nullopt : std::optional(now.monotonic + kAgainAfter);
    planner.seal();
    if (has_bug(DeliberateBug::kAppliedBeforeCommit)) settle(*plan.scratch_, plan.batch);
    return plan;
  }

  void apply(Plan& plan) {
    ERRAND_ASSERT(planning_ && plan.scratch_);
    planning_ = false;
    const auto scratch = std::move(plan.scratch_);
    if (!has_bug(DeliberateBug::kAppliedBeforeCommit)) settle(*scratch, plan.batch);
    if (!scratch->refused.empty()) {
      memory_.options.reactor->on_refused(std::move(scratch->refused));
    }
  }

  void abandon(Plan& plan, const Error& error) {
    ERRAND_ASSERT(planning_ && plan.scratch_);
    planning_ = false;
    more_ = true;
    again_at_ = plan.scratch_->now.monotonic + kAgainAfter;
    if (has_bug(DeliberateBug::kLimitSlotLeaked)) {
      for (const auto& [id, worker] : plan.scratch_->started) {
        memory_.limits.settle(nullptr, *plan.scratch_->drafts.at(id).now);
      }
    }
    plan.scratch_.reset();
    // Workers are no part of what is stored.
    std::erase_if(plan.actions, [](const Action& action) {
      return !std::holds_alternative<DrainNotice>(action);
    });
    plan.estimates.clear();
    for (Answer& answer : plan.answers) {
      if (!answer.memory_only) answer.reply = std::unexpected(error);
    }
  }

  [[nodiscard]] std::optional<Milliseconds> next_wakeup(Now now) const {
    if (!waiting_.empty()) return Milliseconds::zero();
    std::optional<Milliseconds> wait;
    const auto sooner = [&wait](Milliseconds other) {
      wait = wait ? std::min(*wait, other) : other;
    };
    if (const auto first = memory_.leases.first_monotonic()) {
      sooner(left_until(*first, now.monotonic));
    }
    std::optional<Timestamp> wall = memory_.leases.first_wall();
    if (!memory_.timers.places().empty()) {
      const Timestamp first = memory_.timers.places().begin()->first;
      wall = wall ? std::min(*wall, first) : first;
    }
    // What a rate holds back matters once somebody is free to run it.
    const bool any_credits = memory_.any_credits();
    for (const auto& opens : {memory_.first_key_opens(), memory_.line_opens}) {
      if (opens && any_credits) wall = wall ? std::min(*wall, *opens) : *opens;
    }
    if (wall) sooner(std::min(kWallWaitMax, left_until(*wall, now.wall)));
    if (more_ || (memory_.timers.places().empty() && !memory_.timers.complete())) {
      sooner(Milliseconds::zero());
    }
    // What the store could not do is still due; do not ask it in a tight loop.
    if (again_at_)
      wait = std::max(wait.value_or(Milliseconds::zero()), left_until(*again_at_, now.monotonic));
    return wait;
  }

  [[nodiscard]] std::vector<EstimateChange> estimates() const { return memory_.estimates.all(); }

  [[nodiscard]] Engine::Sizes sizes() const {
    return {.leases = memory_.leases.size(),
            .head_jobs = memory_.head_jobs(),
            .lines = memory_.lines.size(),
            .timers = memory_.timers.places().size(),
            .workers = memory_.workers.size(),
            .input_bytes = memory_.input_bytes()};
  }

 private:
  /// What the plan decided is true from here on.
  void settle(Scratch& scratch, const store::Batch& batch) {
    memory_.last_position = scratch.last_position;
    for (const JobId& id : scratch.order) {
      Draft& draft = scratch.drafts.at(id);
      if (draft.changed()) {
        memory_.settle(draft.before, draft.now, std::move(draft.input), scratch.now);
      }
    }
    memory_.limits.apply(scratch.limits, scratch.now.wall);
    memory_.estimates.apply(scratch.lessons, batch, scratch.now);
    for (const store::LimitSetting& setting : batch.limits) memory_.set_limit(setting);
    if (memory_.unread() || !batch.limits.empty()) more_ = true;
    for (auto& [id, held] : scratch.held) {
      memory_.leases.update(id, [&](Lease& lease) {
        if (!held) lease.progress_stored = scratch.now.monotonic;
        lease.held = std::move(held);
      });
    }
    for (const auto& [id, used] : scratch.credits_used) {
      const auto worker = memory_.workers.find(id);
      if (worker != memory_.workers.end()) {
        worker->second.credits -= std::min(used, worker->second.credits);
      }
    }
    for (const store::QueueSetting& setting : batch.queues) {
      if (setting.paused) {
        memory_.pauses.emplace(setting.queue, setting.tenant);
      } else {
        memory_.pauses.erase({setting.queue, setting.tenant});
      }
    }
    for (const store::ContractSnapshot& contract : batch.contracts) {
      memory_.contracts.emplace(contract.type, contract.hash);
    }
  }

  Memory memory_;
  Random& random_;
  std::deque<std::pair<Ticket, Request>> waiting_;
  std::uint64_t epoch_ = 0;
  bool recovered_ = false;
  bool planning_ = false;                  ///< a plan is out
  bool more_ = true;                       ///< the next plan has work even without a request
  std::optional<MonotonicTime> again_at_;  ///< after a failure of the store
};

}  // namespace internal

Engine::Engine(const Options& options, Random& random)
    : core_(std::make_unique<internal::Core>(options, random)) {}
Engine::~Engine() = default;

Result<void> Engine::recover(const store::Reader& reader, std::uint64_t epoch, Now now) {
  return core_->recover(reader, epoch, now);
}
void Engine::submit(Ticket ticket, Request request) { core_->submit(ticket, std::move(request)); }
std::size_t Engine::waiting() const noexcept { return core_->waiting(); }
Plan Engine::plan(Now now, const store::Reader& reader) { return core_->plan(now, reader); }
void Engine::apply(Plan& plan) { core_->apply(plan); }
void Engine::abandon(Plan& plan, const Error& error) { core_->abandon(plan, error); }
std::optional<Milliseconds> Engine::next_wakeup(Now now) const { return core_->next_wakeup(now); }
std::vector<EstimateChange> Engine::estimates() const { return core_->estimates(); }
Engine::Sizes Engine::sizes() const noexcept { return core_->sizes(); }

}  // namespace errand::engine
