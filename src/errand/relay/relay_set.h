#pragma once

#include <memory>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/task_group.h"
#include "errand/relay/relay.h"
#include "errand/telemetry/log.h"

namespace errand::relay {

/// The relays of a server. All members are called from one thread, join() awaited anywhere.
class RelaySet {
 public:
  explicit RelaySet(const telemetry::Log& log);

  void add(std::unique_ptr<Relay> relay) { relays_.push_back(std::move(relay)); }

  void start();
  void stop();
  /// Returns when none runs; after stop().
  boost::asio::awaitable<void> join();

 private:
  std::vector<std::unique_ptr<Relay>> relays_;
  async::TaskGroup tasks_;
};

}  // namespace errand::relay
