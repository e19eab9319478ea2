#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errand/auth/principal.h"
#include "errand/graphql/execution/request_context.h"

namespace errand::api {

/// What a transport knows of a request and the resolvers need: who asks, and what the request goes
/// back to. Filled in by the transport before the request is executed, unchanged afterwards.
class Context final : public graphql::execution::RequestContext {
 public:
  auth::PrincipalPtr principal;  ///< never null
  std::string request_id;        ///< names the request in the log; never empty
  /// `traceparent` header (W3C Trace Context) as received or begun by the server; may be empty.
  std::string traceparent;
  /// `X-Correlation-Id` header or its like; empty: a job takes its own from the options, or gets
  /// a fresh one.
  std::string correlation_id;
  /// `Idempotency-Key` header as received, quoted or bare. Read when a job is submitted.
  std::optional<std::string> idempotency_key;
  /// Place in a batch of requests that share `idempotency_key`; nullopt outside of one.
  std::optional<std::size_t> batch_index;
  /// Of forwarded_header_names() those that were sent, in lower case and each once. Secrets: only
  /// sealed may they leave this object.
  std::vector<std::pair<std::string, std::string>> forwarded_headers;
  /// `Last-Event-ID` of an SSE client: a cursor that outranks the argument `after`.
  std::string last_event_id;
};

}  // namespace errand::api
