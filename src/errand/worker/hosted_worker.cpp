#include "errand/worker/hosted_worker.h"

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "errand/async/callback.h"
#include "errand/async/deadline.h"

namespace errand::worker {
namespace {

/// How long attempts that were asked to stop at the server's end may take for it.
constexpr Milliseconds kStopGrace{5'000};
/// Between two tries to report where the lane could not take it.
constexpr Milliseconds kRetryReport{500};

AttemptStop attempt_stop(StopReason reason) {
  switch (reason) {
    case StopReason::kCancel:
      return AttemptStop::kCancel;
    case StopReason::kDeadline:
      return AttemptStop::kDeadline;
    case StopReason::kKill:
      return AttemptStop::kKill;
    case StopReason::kTimeout:
      return AttemptStop::kTimeout;
    case StopReason::kLeaseLost:
      return AttemptStop::kLeaseLost;
  }
  return AttemptStop::kLeaseLost;
}

}  // namespace

HostedWorker::HostedWorker(Hub& hub, boost::asio::any_io_executor executor, Gateway::Hosted hosted)
    : hub_(hub),
      executor_(std::move(executor)),
      hosted_(std::move(hosted)),
      principal_(hub.hosted_principal()),
      id_(hub.make_worker_id()),
      strand_(boost::asio::make_strand(executor_)),
      ended_(strand_) {}

void HostedWorker::start() {
  hub_.connect_hosted(id_, shared_from_this());
  hub_.lane().submit(engine::RegisterWorker{.id = id_,
                                            .tenant = std::nullopt,
                                            .queues = {},
                                            .types = hosted_.types,
                                            .build = hub_.options().server,
                                            .slots = hosted_.slots,
                                            .subject = principal_->subject,
                                            .selectors = {},
                                            .name = hosted_.name,
                                            .way = hosted_.way},
                     [](const Result<engine::Reply>&) {});
  hub_.add_credits(executor_, id_, hosted_.slots);
  hub_.tasks().spawn(boost::asio::make_strand(executor_), "keep leases alive",
                     beat(shared_from_this()));
}

std::size_t HostedWorker::running() const {
  const std::scoped_lock lock(mutex_);
  return attempts_.size();
}

std::vector<AttemptPtr> HostedWorker::attempts() const {
  const std::scoped_lock lock(mutex_);
  std::vector<AttemptPtr> all;
  all.reserve(attempts_.size());
  for (const auto& [key, entry] : attempts_) {
    if (entry.attempt) all.push_back(entry.attempt);
  }
  return all;
}

void HostedWorker::offer(std::vector<engine::Dispatch> dispatches) {
  for (engine::Dispatch& dispatch : dispatches) {
    if (draining_.load()) {
      hub_.reports().release(dispatch, "the server is stopping");
      continue;
    }
    {
      const std::scoped_lock lock(mutex_);
      attempts_.try_emplace({dispatch.state->id, dispatch.state->token});
    }
    hub_.tasks().spawn(boost::asio::make_strand(executor_), "run an attempt",
                       run(shared_from_this(), std::move(dispatch)));
  }
}

void HostedWorker::stop(engine::StopNotice notice) {
  AttemptPtr attempt;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = attempts_.find({notice.job, notice.token});
    if (found == attempts_.end()) return;
    attempt = found->second.attempt;
    if (!attempt) found->second.stop = notice;
  }
  if (attempt) attempt->request_stop(attempt_stop(to_wire(notice.reason)), notice.grace);
}

void HostedWorker::begin(const Key& key, const AttemptPtr& attempt) {
  std::optional<engine::StopNotice> stop;
  bool shutting_down = false;
  {
    const std::scoped_lock lock(mutex_);
    Entry& entry = attempts_.at(key);
    entry.attempt = attempt;
    stop = std::exchange(entry.stop, std::nullopt);
    shutting_down = shutting_down_;
  }
  if (shutting_down) attempt->request_stop(AttemptStop::kShutdown, kStopGrace);
  if (stop) attempt->request_stop(attempt_stop(to_wire(stop->reason)), stop->grace);
}

void HostedWorker::end(const Key& key) {
  {
    const std::scoped_lock lock(mutex_);
    attempts_.erase(key);
  }
  ended_.notify();
}

void HostedWorker::drain(DrainReason, Milliseconds) {
  draining_.store(true);
  hub_.lane().submit(engine::UnregisterWorker{id_}, [](const Result<engine::Reply>&) {});
}

boost::asio::awaitable<void> HostedWorker::run(std::shared_ptr<HostedWorker> self,
                                               engine::Dispatch dispatch) {
  const Key key{dispatch.state->id, dispatch.state->token};
  auto offer = co_await self->hub_.load_offer(dispatch, self->principal_);
  if (!offer) {
    self->hub_.return_job(dispatch, offer.error());
    self->free_slot();
    self->end(key);
    co_return;
  }
  const HeldJob held{.job = offer->job, .token = offer->token};
  const std::weak_ptr<HostedWorker> weak = self;
  const auto attempt = std::make_shared<Attempt>(
      std::move(*offer), key.second,
      [weak, held](Progress progress, std::move_only_function<void()> done) {
        if (const auto worker = weak.lock()) {
          worker->report_progress(held, std::move(progress), std::move(done));
        }
      });
  self->begin(key, attempt);
  self->hub_.log_offer(dispatch, self->id_);
  Outcome outcome = co_await self->handle(attempt);
  co_await self->report(attempt, std::move(outcome));
  self->end(key);
}

void HostedWorker::report_progress(const HeldJob& held, Progress progress,
                                   std::move_only_function<void()> done) {
  hub_.reports().submit(Report{.held = held, .ref = std::nullopt, .what = std::move(progress)},
                        sender(), JobTypeName(),
                        [done = std::move(done)](const Ack&) mutable { done(); });
}

boost::asio::awaitable<Outcome> HostedWorker::handle(AttemptPtr attempt) {
  std::string why;
  try {
    co_return co_await hosted_.handler->run(attempt);
  } catch (const std::exception& e) {
    why = e.what();
  } catch (...) {
    why = "an unknown exception";
  }
  hub_.log().error("a handler failed",
                   {{"job_id", attempt->offer().job}, {"handler", hosted_.name}, {"reason", why}});
  co_return Failure{.kind = FailureKind::kTransient,
                    .code = "HANDLER_FAILED",
                    .message = "The handler failed: " + why};
}

boost::asio::awaitable<void> HostedWorker::report(AttemptPtr attempt, Outcome outcome) {
  if (std::holds_alternative<LeftElsewhere>(outcome)) {
    free_slot();
    co_return;
  }
  bool frees_slot = true;
  if (auto progress = attempt->end_progress()) {
    report_progress({.job = attempt->offer().job, .token = attempt->offer().token},
                    std::move(*progress), [] {});
  }
  while (!attempt->lost()) {
    Report report{.held = {.job = attempt->offer().job, .token = attempt->offer().token},
                  .ref = std::nullopt,
                  .what = {}};
    std::visit(
        [&](const auto& what) {
          if constexpr (!std::is_same_v<decltype(what), const LeftElsewhere&>) report.what = what;
        },
        outcome);
    const Ack ack =
        co_await async::from_callback<Ack>([&, this](std::move_only_function<void(Ack)> done) {
          hub_.reports().submit(std::move(report), sender(), attempt->offer().type,
                                std::move(done));
          // Right behind the report, so that one commit takes both.
          if (std::exchange(frees_slot, false)) free_slot();
        });
    if (!ack.error || !is_retryable(ack.error->code)) co_return;
    // Not durable yet. The lease says how long it is worth trying: a lost one ends the loop.
    co_await async::sleep_for(kRetryReport);
  }
  if (frees_slot) free_slot();
}

void HostedWorker::free_slot() {
  if (!draining_.load()) hub_.add_credits(executor_, id_, 1);
}

boost::asio::awaitable<void> HostedWorker::beat(std::shared_ptr<HostedWorker> self) {
  while (!self->finished_.load()) {
    co_await async::sleep_for(self->hub_.options().heartbeat);
    Heartbeat heartbeat;
    for (const AttemptPtr& attempt : self->attempts()) {
      if (attempt->lost()) continue;
      heartbeat.jobs.push_back({.job = attempt->offer().job, .token = attempt->offer().token});
    }
    if (heartbeat.jobs.empty()) continue;
    self->hub_.reports().submit(std::move(heartbeat), self->sender(),
                                [self](const HeartbeatAck& ack) { self->heard(ack); });
  }
}

void HostedWorker::heard(const HeartbeatAck& ack) {
  const std::vector<AttemptPtr> all = attempts();
  for (const HeartbeatAck::Job& job : ack.jobs) {
    if (job.state == HoldState::kRunning) continue;
    for (const AttemptPtr& attempt : all) {
      if (attempt->offer().token != job.token) continue;
      if (job.state == HoldState::kCanceling) {
        attempt->request_stop(attempt_stop(job.reason), job.grace);
      } else {
        attempt->request_stop(AttemptStop::kLeaseLost, Milliseconds(0));
      }
    }
  }
}

boost::asio::awaitable<void> HostedWorker::finish(std::chrono::steady_clock::time_point patience) {
  draining_.store(true);
  co_await boost::asio::co_spawn(strand_, finish_on_strand(shared_from_this(), patience),
                                 boost::asio::use_awaitable);
}

boost::asio::awaitable<void> HostedWorker::until_idle(std::shared_ptr<HostedWorker> self) {
  while (self->running() > 0) co_await self->ended_.wait();
}

boost::asio::awaitable<void> HostedWorker::finish_on_strand(
    std::shared_ptr<HostedWorker> self, std::chrono::steady_clock::time_point patience) {
  const telemetry::Log log = self->hub_.log().with({{"handler", self->hosted_.name}});
  for (const AttemptPtr& attempt : self->attempts()) {
    if (attempt->is_elsewhere()) attempt->request_stop(AttemptStop::kShutdown, Milliseconds(0));
  }
  auto idle = co_await async::with_deadline(patience, until_idle(self));
  if (!idle) {
    log.warn("attempts still run and are asked to stop", {{"running", self->running()}});
    {
      const std::scoped_lock lock(self->mutex_);
      self->shutting_down_ = true;  // for those whose input is still being read
    }
    for (const AttemptPtr& attempt : self->attempts()) {
      attempt->request_stop(AttemptStop::kShutdown, kStopGrace);
    }
    idle = co_await async::with_deadline(std::chrono::steady_clock::now() + kStopGrace,
                                         until_idle(self));
  }
  // Otherwise their leases run out, and the jobs go to someone else.
  if (!idle) log.error("attempts did not stop", {{"running", self->running()}});
  self->finished_.store(true);
  self->hub_.disconnect(self->id_);
}

}  // namespace errand::worker
