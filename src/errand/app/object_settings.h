#pragma once

#include <string>

#include <toml++/toml.h>

#include "errand/app/config.h"
#include "errand/base/result.h"

/// Settings whose values are objects: tables of errand.toml with members of their own.
namespace errand::app {

/// `upstream.jobs`: a table for each mutation that is a job.
/// @return kConfigInvalid naming the mutation and the member
Result<void> read_job_forms(Config& config, const toml::table& table);
std::string show_job_forms(const Config& config);

/// `webhooks.endpoints`: a table for each endpoint.
/// @return kConfigInvalid naming the endpoint and the member
Result<void> read_endpoints(Config& config, const toml::table& table);
std::string show_endpoints(const Config& config);

/// `webhooks.callback_hosts`: a list of hosts for each tenant.
Result<void> read_callback_hosts(Config& config, const toml::table& table);
std::string show_callback_hosts(const Config& config);

}  // namespace errand::app
