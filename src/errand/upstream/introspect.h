#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/log.h"

namespace errand::upstream {

struct IntrospectionRequest {
  std::string url;
  net::HttpHeaders headers;                               ///< credentials, for one
  std::shared_ptr<const outbound::AddressGuard> guard{};  ///< nullptr: the client's
  /// Until when a server that cannot be reached is tried again: it may be starting, too.
  std::chrono::steady_clock::time_point deadline;
};

/// Asks a GraphQL server for its schema, as SDL. Blocks the calling thread, which is none of the
/// client's.
/// @return kUnavailable where it cannot be reached; kSchemaInvalid where it does not tell its
///         schema; each says what to do
Result<std::string> introspect(const IntrospectionRequest& request, outbound::HttpClient& client,
                               const telemetry::Log& log);

}  // namespace errand::upstream
