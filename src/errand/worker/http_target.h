#pragma once

#include <expected>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"
#include "errand/worker/attempt.h"

namespace errand::worker {

/// A failure of an attempt; `remediation` may be empty.
Failure make_failure(FailureKind kind, std::string code, std::string message,
                     std::string remediation = {});

/// HTTP statuses after which another attempt may fare better.
bool is_transient_status(unsigned status);

/// What sets one caller apart from another.
struct HttpManner {
  /// While the breaker is open an attempt is put off at once, instead of when it cannot wait any
  /// longer: its slot is free for others.
  bool puts_off = false;
  /// What a request without a response comes to; nullopt, or no function: as it does for jobs.
  std::function<std::optional<Outcome>(const outbound::HttpError&)> explain = {};
};

/// Where a handler sends the requests of its attempts. While its circuit breaker is open, attempts
/// wait where they are, or are put off: nothing is counted against them. Thread-safe.
class HttpTarget {
 public:
  /// How it is called in what people read.
  struct Words {
    std::string_view name;  ///< "endpoint"
    std::string_view code;  ///< "PUSH": what codes of failures begin with
  };

  /// `client` and `clock` outlive it.
  HttpTarget(outbound::HttpClient& client, const Clock& clock, outbound::CircuitBreaker breaker,
             Words words);

  /// What came back, of any status; or what is to become of the attempt, since nothing did.
  using Answer = std::expected<outbound::HttpResponse, Outcome>;

  /// Sends what `make` makes, called when it is the request's turn. The attempt's end and its stop
  /// bound it, and before them the request's deadline, where it has one.
  boost::asio::awaitable<Answer> send(AttemptPtr attempt,
                                      std::function<outbound::HttpRequest()> make,
                                      HttpManner manner = {});

  /// What an attempt that was asked to stop reports.
  [[nodiscard]] Outcome stopped(const Attempt& attempt) const;

 private:
  [[nodiscard]] Outcome unreachable(const outbound::HttpError& error) const;

  outbound::HttpClient& client_;
  const Clock& clock_;
  const Words words_;
  std::mutex mutex_;
  outbound::CircuitBreaker breaker_;  ///< guarded by mutex_
};

}  // namespace errand::worker
