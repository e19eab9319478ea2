#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "errand/relay/amqp_publisher.h"
#include "errand/relay/message.h"
#include "errand/relay/nats_publisher.h"

namespace errand::relay {

/// Where a relay begins that has no cursor yet.
enum class StartFrom : std::uint8_t {
  kNow,        ///< with what happens after its first start
  kBeginning,  ///< with the oldest event that is kept
};

/// Largest RelaySettings::window.
inline constexpr std::size_t kWindowMax = 1'000;

/// One relay as the settings describe it. A plain value.
struct RelaySettings {
  std::string name;  ///< "nats.main": its kind and its own name; names its cursor for good
  Filter filter;
  StartFrom from = StartFrom::kNow;
  std::size_t window = 256;  ///< events under way at most; 1..kWindowMax
  std::variant<NatsSettings, AmqpSettings> broker;

  friend bool operator==(const RelaySettings&, const RelaySettings&) = default;
};

/// Its connection, which is not open yet.
/// @return kConfigInvalid naming the member
Result<std::unique_ptr<Publisher>> make_publisher(const RelaySettings& settings);

}  // namespace errand::relay
