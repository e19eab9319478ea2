#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/base/error.h"
#include "errand/relay/message.h"
#include "errand/relay/publisher.h"
#include "errand/telemetry/metrics.h"

namespace errand::relay {

/// What became of messages.
struct Delivery {
  std::vector<Message> left;  ///< not confirmed, in their order
  std::uint64_t confirmed = 0;
  std::uint64_t unroutable = 0;     ///< of the confirmed
  std::optional<Error> error = {};  ///< why some are left
  bool unknown = false;  ///< the thread was left behind; none is in `left`, none confirmed
};

/// Publishes `messages` so that the events of each job arrive in their order: a message goes once
/// the one before of its job is confirmed. Those of different jobs are under way at once. Ends at
/// the first error, or when it is stopped. Blocks.
Delivery deliver(Publisher& publisher, std::vector<Message> messages, std::stop_token stop);

/// The thread of one relay, which its broker's library may block.
///
/// A library may even block without end, such as libnats in a TLS handshake. So the thread owns
/// what it uses together with the sender, which leaves it behind when it does not end in time.
class Sender {
 public:
  /// How long the thread may take to end.
  static constexpr Milliseconds kStopWait{10'000};

  /// @param connected  is 1 while the connection stands, else 0
  /// @param publisher  uses nothing that could end before the process does
  Sender(std::unique_ptr<Publisher> publisher, telemetry::Gauge connected,
         Milliseconds stop_wait = kStopWait);
  /// Calls stop() and waits for the thread, no longer than `stop_wait` after stop().
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Connects where needed, and does deliver(). One call at a time.
  boost::asio::awaitable<Delivery> send(std::vector<Message> messages);

  /// Lets what is under way end within `stop_wait`, and what comes later fail. Does not wait.
  /// Thread-safe, idempotent.
  void stop();

 private:
  struct State;

  void await_end();

  const Milliseconds stop_wait_;
  const std::shared_ptr<State> state_;
  std::thread thread_;
  std::thread ending_;  ///< of stop(): waits for thread_
};

}  // namespace errand::relay
