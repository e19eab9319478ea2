#pragma once

#include <string>

#include <toml++/toml.h>

#include "errand/app/config.h"
#include "errand/base/result.h"

/// Settings of relays: tables of errand.toml, [relay.nats.NAME] and [relay.amqp.NAME].
namespace errand::app {

/// @return kConfigInvalid naming the relay and the member
Result<void> read_nats_relays(Config& config, const toml::table& table);
Result<void> read_amqp_relays(Config& config, const toml::table& table);
std::string show_nats_relays(const Config& config);
std::string show_amqp_relays(const Config& config);

}  // namespace errand::app
