#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>

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
};

/// Publishes `messages` so that the events of each job arrive in their order: a message goes once
/// the one before of its job is confirmed. Those of different jobs are under way at once. Ends at
/// the first error, or when it is stopped. Blocks.
Delivery deliver(Publisher& publisher, std::vector<Message> messages, std::stop_token stop);

/// The thread of one relay, which its broker's library may block.
class Sender {
 public:
  /// @param connected  is 1 while the connection stands, else 0
  Sender(std::unique_ptr<Publisher> publisher, telemetry::Gauge connected);
  /// Calls stop() and waits for the thread.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Connects where needed, and does deliver(). One call at a time.
  boost::asio::awaitable<Delivery> send(std::vector<Message> messages);

  /// Lets what is under way end soon, and what comes later fail. Thread-safe, idempotent.
  void stop();

 private:
  struct Task {
    std::vector<Message> messages;
    std::move_only_function<void(Delivery)> done;
  };

  void submit(Task task);
  void run(const std::stop_token& stop);
  Delivery perform(std::vector<Message> messages, const std::stop_token& stop);
  void show_connection();

  std::unique_ptr<Publisher> publisher_;
  telemetry::Gauge connected_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Task> task_;
  std::jthread thread_;
};

}  // namespace errand::relay
