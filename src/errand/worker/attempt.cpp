#include "errand/worker/attempt.h"

#include <algorithm>

namespace errand::worker {
namespace {

/// Later ones outrank earlier ones: after a kill nothing is left to a handler that a cancel gave.
bool is_final(AttemptStop why) {
  return why == AttemptStop::kTimeout || why == AttemptStop::kKill ||
         why == AttemptStop::kLeaseLost;
}

std::chrono::steady_clock::time_point end_of(const JobOffer& offer) {
  const Milliseconds left =
      offer.deadline ? std::min(offer.timeout, *offer.deadline) : offer.timeout;
  return std::chrono::steady_clock::now() + left;
}

}  // namespace

Attempt::Attempt(JobOffer offer, FencingToken number, ReportProgress report)
    : offer_(std::move(offer)),
      number_(number),
      report_(std::move(report)),
      ends_at_(end_of(offer_)) {}

void Attempt::progress(Progress progress) {
  {
    const std::scoped_lock lock(mutex_);
    if (ended_ || (stop_ && is_final(stop_->why))) return;
    last_progress_ = progress;
    waits_ = std::exchange(reporting_, true);
    if (waits_) return;
  }
  send(std::move(progress));
}

void Attempt::send(Progress progress) {
  report_(std::move(progress), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->sent();
  });
}

void Attempt::sent() {
  std::optional<Progress> next;
  {
    const std::scoped_lock lock(mutex_);
    reporting_ = std::exchange(waits_, false) && !ended_;
    if (reporting_) next = last_progress_;
  }
  if (next) send(std::move(*next));
}

std::optional<Progress> Attempt::end_progress() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  // What is under way may yet come behind the outcome, and would be lost.
  return reporting_ ? std::optional(last_progress_) : std::nullopt;
}

std::optional<Attempt::Stop> Attempt::stop() const {
  const std::scoped_lock lock(mutex_);
  return stop_;
}

bool Attempt::lost() const {
  const std::scoped_lock lock(mutex_);
  return stop_ && is_final(stop_->why);
}

void Attempt::request_stop(AttemptStop why, Milliseconds grace) {
  {
    const std::scoped_lock lock(mutex_);
    if (stop_ && !is_final(why)) return;
    stop_ = Stop{.why = why, .until = std::chrono::steady_clock::now() + grace};
  }
  source_.request_stop();
  if (is_final(why)) lost_.request_stop();
}

}  // namespace errand::worker
