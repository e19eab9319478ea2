#include "errand/outbound/circuit_breaker.h"

#include <algorithm>

namespace errand::outbound {

Result<CircuitBreaker> CircuitBreaker::create(const Options& options) {
  const auto invalid = [](const char* why) { return fail(ErrorCode::kInvalidArgument, why); };
  if (options.window < Milliseconds(kSlices)) return invalid("window is shorter than 10 ms");
  if (options.requests_min < 1) return invalid("requests_min is below 1");
  if (options.failures_percent < 1 || options.failures_percent > 100) {
    return invalid("failures_percent is not within 1 and 100");
  }
  if (options.open_for <= Milliseconds::zero()) return invalid("open_for is too short");
  return CircuitBreaker(options);
}

std::expected<CircuitBreaker::Permit, MonotonicTime> CircuitBreaker::acquire(MonotonicTime now) {
  if (!open_) return Permit(epoch_);
  if (now < open_until_) return std::unexpected(open_until_);
  if (now < probe_until_) return std::unexpected(probe_until_);
  // A probe whose outcome nobody tells must not keep the way closed for ever. Its report would be
  // one of an earlier epoch.
  probe_until_ = now + options_.open_for;
  ++epoch_;
  return Permit(epoch_);
}

void CircuitBreaker::report(Permit permit, Outcome outcome, MonotonicTime now) {
  if (permit.epoch_ != epoch_) return;
  if (open_) {
    switch (outcome) {
      case Outcome::kSuccess:
        open_ = false;
        probe_until_ = kNoProbe;
        slices_ = {};
        times_opened_ = 0;
        ++epoch_;
        return;
      case Outcome::kFailure:
        open(now);
        return;
      case Outcome::kNeither:
        probe_until_ = kNoProbe;
        return;
    }
  }
  if (outcome == Outcome::kNeither) return;
  advance(now);
  Slice& slice = slices_[slice_];
  ++(outcome == Outcome::kSuccess ? slice.succeeded : slice.failed);

  Slice sum;
  for (const Slice& s : slices_) {
    sum.succeeded += s.succeeded;
    sum.failed += s.failed;
  }
  const std::uint64_t all = sum.succeeded + sum.failed;
  if (all >= options_.requests_min &&
      sum.failed * 100 >= all * static_cast<std::uint64_t>(options_.failures_percent)) {
    open(now);
  }
}

CircuitBreaker::State CircuitBreaker::state(MonotonicTime now) const noexcept {
  if (!open_) return State::kClosed;
  return now < open_until_ ? State::kOpen : State::kHalfOpen;
}

void CircuitBreaker::advance(MonotonicTime now) {
  const Milliseconds width = options_.window / kSlices;
  if (now - slice_begin_ >= options_.window + width) {
    slices_ = {};
    slice_begin_ = now;
  }
  while (now - slice_begin_ >= width) {
    slice_begin_ += width;
    slice_ = (slice_ + 1) % kSlices;
    slices_[slice_] = {};
  }
}

void CircuitBreaker::open(MonotonicTime now) {
  open_ = true;
  open_until_ = now + options_.open_for;
  probe_until_ = kNoProbe;
  ++times_opened_;
  ++epoch_;
}

}  // namespace errand::outbound
