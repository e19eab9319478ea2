#include "errand/worker/http_target.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "errand/async/deadline.h"

namespace errand::worker {
namespace {

/// Before an attempt that found no room is tried again.
constexpr Milliseconds kRoomAgain{1'000};

}  // namespace

Failure make_failure(FailureKind kind, std::string code, std::string message,
                     std::string remediation) {
  Failure result{.kind = kind,
                 .code = std::move(code),
                 .message = std::move(message),
                 .details = std::nullopt,
                 .remediation = std::nullopt,
                 .retry_after = std::nullopt};
  if (!remediation.empty()) result.remediation = std::move(remediation);
  return result;
}

bool is_transient_status(unsigned status) {
  return status >= 500 || status == 408 || status == 409 || status == 423 || status == 425 ||
         status == 429;
}

HttpTarget::HttpTarget(outbound::HttpClient& client, const Clock& clock,
                       outbound::CircuitBreaker breaker, Words words)
    : client_(client), clock_(clock), words_(words), breaker_(std::move(breaker)) {}

boost::asio::awaitable<HttpTarget::Answer> HttpTarget::send(
    AttemptPtr attempt, std::function<outbound::HttpRequest()> make, HttpManner manner) {
  std::optional<outbound::CircuitBreaker::Permit> permit;
  while (!permit) {
    MonotonicTime again;
    {
      const std::scoped_lock lock(mutex_);
      const auto acquired = breaker_.acquire(clock_.now().monotonic);
      if (acquired) {
        permit = *acquired;
        break;
      }
      again = acquired.error();
    }
    const Milliseconds wait = std::max(Milliseconds(1), again - clock_.now().monotonic);
    const auto until = std::chrono::steady_clock::now() + wait;
    if (manner.puts_off || until >= attempt->ends_at()) {
      co_return std::unexpected(Snooze{.delay = wait,
                                       .reason = "The " + std::string(words_.name) +
                                                 " has failed too often lately, and is left alone "
                                                 "for a while."});
    }
    if (!co_await async::sleep_until(until, attempt->stop_token())) {
      co_return std::unexpected(stopped(*attempt));
    }
  }
  outbound::HttpRequest request = make();
  if (request.deadline == std::chrono::steady_clock::time_point{}) {
    request.deadline = attempt->ends_at() + kBehindTheEngine;
  }
  request.stop = attempt->stop_token();
  auto result = co_await client_.fetch(std::move(request));
  {
    const std::scoped_lock lock(mutex_);
    breaker_.report(*permit, outbound::breaker_outcome(result), clock_.now().monotonic);
  }
  if (result) co_return *std::move(result);
  if (attempt->stop_token().stop_requested()) co_return std::unexpected(stopped(*attempt));
  if (manner.explain) {
    if (auto outcome = manner.explain(result.error())) {
      co_return std::unexpected(*std::move(outcome));
    }
  }
  co_return std::unexpected(unreachable(result.error()));
}

Outcome HttpTarget::stopped(const Attempt& attempt) const {
  const auto stop = attempt.stop();
  if (stop && stop->why == AttemptStop::kShutdown) return Release{};
  return make_failure(FailureKind::kTransient, "CANCELED",
                      "The request to the " + std::string(words_.name) + " was canceled.");
}

Outcome HttpTarget::unreachable(const outbound::HttpError& error) const {
  using outbound::HttpFailure;
  const std::string the = "The " + std::string(words_.name);
  const auto code = [&](std::string_view end) {
    return std::string(words_.code) + std::string(end);
  };
  switch (error.failure) {
    case HttpFailure::kRefused:
    case HttpFailure::kInvalid:
      return make_failure(
          FailureKind::kPermanent, code("_REFUSED"), the + " may not be called: " + error.message,
          "Correct the url in @job(handler:), or allow the address in outbound.allow.");
    case HttpFailure::kTooLarge:
      return make_failure(FailureKind::kPermanent, "RESULT_TOO_LARGE",
                          the + "'s response is too large: " + error.message,
                          "Store the result elsewhere and return a link to it.");
    case HttpFailure::kTimedOut:
      // It waited for its turn alone.
      if (!error.tried) return Snooze{.delay = kRoomAgain};
      return make_failure(FailureKind::kTransient, code("_TIMED_OUT"),
                          the + " did not answer in time: " + error.message);
    case HttpFailure::kFull:
      // Nothing was tried, so that no attempt is to count.
      return Snooze{.delay = kRoomAgain};
    case HttpFailure::kProtocol:
    case HttpFailure::kTls:
    case HttpFailure::kResolve:
    case HttpFailure::kConnect:
    case HttpFailure::kCutOff:
    case HttpFailure::kCanceled:
      break;
  }
  return make_failure(FailureKind::kTransient, code("_UNREACHABLE"),
                      the + " could not be reached: " + error.message);
}

}  // namespace errand::worker
