#pragma once

#include <memory>
#include <string>

#include "errand/app/config.h"
#include "errand/app/outbound_requests.h"
#include "errand/base/result.h"
#include "errand/graphql/type/schema.h"
#include "errand/telemetry/log.h"

namespace errand::app {

/// The schema of the server that this one stands in front of.
struct UpstreamSchema {
  std::shared_ptr<const graphql::type::Schema> schema;  ///< as that server has it
  std::string sdl;  ///< with the job forms: contract::front_sdl()
};

/// Reads it from the file of `upstream.schema`, or asks the server; blocks until it answers.
/// @return kSchemaInvalid or kUnavailable, saying what to do
Result<UpstreamSchema> load_upstream_schema(const Config::Upstream& config,
                                            OutboundRequests& requests, const telemetry::Log& log);

}  // namespace errand::app
