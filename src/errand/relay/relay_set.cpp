#include "errand/relay/relay_set.h"

#include <exception>
#include <string>
#include <string_view>

namespace errand::relay {

RelaySet::RelaySet(const telemetry::Log& log)
    : tasks_([log](std::string_view name, std::exception_ptr error) {
        try {
          std::rethrow_exception(std::move(error));
        } catch (const std::exception& e) {
          log.error("a relay ended by an exception", {{"relay", name}, {"error", e.what()}});
        }
      }) {}

void RelaySet::start() {
  for (const auto& relay : relays_) tasks_.spawn(relay->strand(), relay->name(), relay->run());
}

void RelaySet::stop() {
  for (const auto& relay : relays_) relay->stop();
}

boost::asio::awaitable<void> RelaySet::join() { co_await tasks_.join(); }

}  // namespace errand::relay
