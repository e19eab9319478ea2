#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/relay/broker_settings.h"
#include "errand/relay/publisher.h"

namespace errand::relay {

struct NatsSettings {
  BrokerSettings broker;  ///< topic: what subjects begin with
  std::string stream;     ///< of JetStream, which takes the subjects

  friend bool operator==(const NatsSettings&, const NatsSettings&) = default;
};

/// Publishes to a stream of NATS JetStream on libnats: subject "PREFIX.TENANT.JOBTYPE.EVENT",
/// header `Nats-Msg-Id` with the event's id, followed by "@PREFIX" where the prefix is not the
/// default, by which the server drops what it has taken within its duplicate window. A message is
/// confirmed by the stream's PubAck.
///
/// @return kConfigInvalid for settings that cannot work
Result<std::unique_ptr<Publisher>> make_nats_publisher(const NatsSettings& settings);

/// Whether `text` can name a stream.
bool is_stream_name(std::string_view text);

}  // namespace errand::relay
