#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "errand/base/result.h"
#include "errand/relay/broker_settings.h"
#include "errand/relay/publisher.h"

namespace errand::relay {

/// What to do about an event that the exchange passes to no queue.
enum class Unroutable : std::uint8_t {
  kWait,  ///< it is published again until a queue takes it; so do those after it
  kSkip,  ///< it is counted, and the relay goes on
};

struct AmqpSettings {
  BrokerSettings broker;  ///< topic: what routing keys begin with
  std::string exchange;   ///< a topic exchange
  Unroutable unroutable = Unroutable::kWait;

  friend bool operator==(const AmqpSettings&, const AmqpSettings&) = default;
};

/// Publishes to an exchange over AMQP 0-9-1 (RabbitMQ) on librabbitmq: routing key
/// "PREFIX.TENANT.JOBTYPE.EVENT", persistent, mandatory, message id the event's. A message is
/// confirmed by the broker's publisher confirm; one that it returns was not routed.
///
/// @return kConfigInvalid for settings that cannot work
Result<std::unique_ptr<Publisher>> make_amqp_publisher(const AmqpSettings& settings);

}  // namespace errand::relay
