#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/notification/channel.h"
#include "errand/notification/mail_message.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/smtp_client.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::notification {

/// Sends mail through servers in their order: the next one is tried where one cannot take a message
/// now. A server that fails again and again is left out for a while, one that refuses us (login,
/// sender, certificate) at once: its operator is to act, and some lock an account that is tried
/// again and again.
///
/// A message whose transmission ended without a reply may have been taken. It is not handed to
/// another server then: the next attempt sends it again under the same Message-ID, by which
/// receivers tell that they have it. Thread-safe.
class EmailChannel final : public Channel {
 public:
  struct Provider {
    std::string name;  ///< in logs and in Sent
    outbound::SmtpServer server;
  };
  /// Told of each transmission, on a thread of the channel.
  using Observer =
      std::function<void(const std::string& provider, const outbound::SmtpResult& result)>;
  struct Options {
    std::vector<Provider> providers;  ///< not empty
    Mailbox from;
    std::optional<DkimKey> dkim;
    std::size_t sends_max = 16;  ///< at once, each on a thread; > 0
    Observer observer;           ///< may be empty
  };

  /// @param clock, metrics  outlive it
  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<EmailChannel>> create(Options options, const Clock& clock,
                                                      telemetry::Log log,
                                                      telemetry::Metrics& metrics);
  ~EmailChannel() override;

  boost::asio::awaitable<SendOutcome> send(const Message& message, Milliseconds timeout,
                                           std::stop_token stop) override;

  /// Ends what is under way within a second or so. Idempotent.
  void stop();

 private:
  struct Route {
    std::string name;
    std::unique_ptr<outbound::SmtpClient> client;
    outbound::CircuitBreaker breaker;
    MonotonicTime paused_until{};  ///< it refused us
  };

  EmailChannel(Options options, std::vector<Route> routes, const Clock& clock, telemetry::Log log,
               telemetry::Metrics& metrics);

  /// Leave to ask the route, or when to come again.
  std::expected<outbound::CircuitBreaker::Permit, MonotonicTime> acquire(Route& route);
  void report(Route& route, outbound::CircuitBreaker::Permit permit,
              outbound::SmtpResult::Kind kind, bool broken_off);
  /// On the pool.
  [[nodiscard]] SendOutcome transmit(const Message& message, Milliseconds timeout,
                                     const std::stop_token& stop);

  const Options options_;
  const Clock& clock_;
  const telemetry::Log log_;
  telemetry::Metrics& metrics_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::vector<Route> routes_;  ///< but for name and client guarded by mutex_
  async::BlockingPool pool_;   ///< ends before the rest
};

}  // namespace errand::notification
