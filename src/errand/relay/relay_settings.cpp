#include "errand/relay/relay_settings.h"

namespace errand::relay {

Result<std::unique_ptr<Publisher>> make_publisher(const RelaySettings& settings) {
  if (const auto* nats = std::get_if<NatsSettings>(&settings.broker)) {
    return make_nats_publisher(*nats);
  }
  return make_amqp_publisher(std::get<AmqpSettings>(settings.broker));
}

}  // namespace errand::relay
