#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/async/event.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/job/retry_policy.h"
#include "errand/relay/cursor.h"
#include "errand/relay/log_page.h"
#include "errand/relay/message.h"
#include "errand/relay/publisher.h"
#include "errand/relay/relay_settings.h"
#include "errand/relay/sender.h"
#include "errand/runtime/event_bus.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::relay {

/// Follows the event log and publishes events of users' jobs to one broker: at least once, those of
/// a job in their order.
///
/// It reads the log page by page, so that its memory is bounded however long the broker is away,
/// and writes its cursor once a page is confirmed. What was confirmed but not yet written is
/// published again after a crash, under the same id. Runs on a strand of its own; stop() is
/// thread-safe.
class Relay {
 public:
  struct Options {
    std::string name;  ///< "nats.main": names its cursor for good
    Filter filter;
    StartFrom from = StartFrom::kNow;
    LogPosition now{};  ///< end of the log when the relay was made, for StartFrom::kNow
    std::size_t window =
        256;               ///< events of a page, hence messages under way at most; 1..kWindowMax
    std::string base_url;  ///< contract::CloudEventContext::base_url
    std::string lineage;   ///< Store::lineage()
    Milliseconds wait_first{250};                ///< longest wait after the first failure in a row
    Milliseconds wait_longest{15'000};           ///< longest wait after any
    Milliseconds stop_wait = Sender::kStopWait;  ///< for the broker's library after stop()
  };
  struct Means {
    runtime::LaneClient lane;
    const store::Reader& reader;
    async::BlockingPool& pool;
    runtime::EventBus& bus;
    Random& random;
    telemetry::Metrics& metrics;
  };

  /// What `means` names outlives the relay.
  /// @param executor  of the server; the relay makes a strand on it
  Relay(Options options, Means means, std::unique_ptr<Publisher> publisher,
        const boost::asio::any_io_executor& executor, const telemetry::Log& log);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] const boost::asio::any_io_executor& strand() const { return strand_; }
  [[nodiscard]] const std::string& name() const { return options_.name; }

  /// Relays until stop(). Once, on strand().
  boost::asio::awaitable<void> run();

  /// Lets run() end within the time that a call to the broker takes to notice, at most
  /// Options::stop_wait. Thread-safe, idempotent.
  void stop();

 private:
  boost::asio::awaitable<void> load_cursor();
  boost::asio::awaitable<bool> try_load_cursor();
  /// Connects once before there is anything to publish, so that what is wrong shows at the start.
  boost::asio::awaitable<void> greet();
  boost::asio::awaitable<Result<Cursor>> first_cursor(StartFrom from);
  boost::asio::awaitable<void> publish(Page page);
  boost::asio::awaitable<void> follow();
  /// Writes the cursor where it stands.
  /// @return whether it is written
  boost::asio::awaitable<bool> save();
  boost::asio::awaitable<void> show_lag();
  /// Waits after a failure; longer with each in a row.
  boost::asio::awaitable<void> pause();
  void log_left_behind() const;
  void note_missing(const Page& page);
  void set_lag(LogPosition last);
  [[nodiscard]] bool stopping() const { return stop_.stop_requested(); }

  const Options options_;
  const Means means_;
  const boost::asio::any_io_executor strand_;
  const telemetry::Log log_;
  const telemetry::Counter published_;
  const telemetry::Counter failures_;
  const telemetry::Counter missed_;
  const telemetry::Counter unroutable_;
  const telemetry::Gauge lag_;
  job::RetryPolicy waits_;
  std::stop_source stop_;
  async::Event event_;
  Sender sender_;
  std::optional<Cursor> cursor_;  ///< nullopt until it was read
  LogPosition saved_{};           ///< position of the cursor in the store
  int failed_ = 0;                ///< failures in a row
};

}  // namespace errand::relay
