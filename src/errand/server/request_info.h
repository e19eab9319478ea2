#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/auth/principal.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/graphql/execution/request_context.h"
#include "errand/net/http_message.h"
#include "errand/telemetry/trace_context.h"

namespace errand::server {

/// Headers of a request that jobs may carry on: names in lower case, each once, and their values.
/// Secrets: never logged.
using ForwardedHeaders = std::vector<std::pair<std::string, std::string>>;

/// What a transport knows of one GraphQL request besides its parameters.
struct RequestInfo {
  auth::PrincipalPtr principal;   ///< null only where the server runs without an authenticator
  telemetry::TraceContext trace;  ///< the server's own span, a child of the client's where sent
  /// From `x-correlation-id`, else `x-request-id`, else made here. Never empty.
  std::string correlation_id;
  /// From `x-request-id`, else made here. Names this one request in log and answer.
  std::string request_id;
  std::optional<std::string> idempotency_key;  ///< `Idempotency-Key` as received
  /// `Last-Event-ID` of a client whose stream broke off: the cursor to go on from. Outranks what
  /// the subscription's arguments say. May be empty.
  std::string last_event_id;
  /// Place in its batch: the items of one share the idempotency key, and this tells them apart.
  std::optional<std::size_t> batch_index;
  /// Those of GraphqlDependencies::forward_headers that were sent.
  ForwardedHeaders forwarded_headers;
  std::optional<MonotonicTime> deadline;  ///< of the request's own work
  std::string_view transport;             ///< "http" or "websocket"
};

/// Makes the context that resolvers see. Called once a request, on its strand.
using ContextFactory =
    std::function<std::shared_ptr<graphql::execution::RequestContext>(RequestInfo info)>;

/// Longest accepted correlation id and request id, in bytes.
inline constexpr std::size_t kIdBytesMax = 255;

/// Reads trace, ids and idempotency key of `headers`; a trace or id that is invalid counts as
/// missing.
/// @param forward  names in lower case of the headers to keep as well
RequestInfo read_request_info(const net::HttpHeaders& headers, const Clock& clock, Random& random,
                              std::span<const std::string> forward = {});

/// Those of `names`, in lower case, that are in `headers` and not empty. Several fields of one name
/// become one (RFC 9110, 5.3; cookies: RFC 9113, 8.2.3).
ForwardedHeaders read_forwarded_headers(const net::HttpHeaders& headers,
                                        std::span<const std::string> names);

}  // namespace errand::server
