#pragma once

#include <optional>
#include <stop_token>

#include "errand/base/clock.h"

namespace errand::graphql::execution {

/// What the owner of a request hands to its resolvers: who asks, with what cause, until when.
///
/// Execution knows only the two ways to end early; a derived class adds the rest, and its resolvers
/// cast down with ResolveInfo::context_as(). Shared by all resolvers of one request, which run on
/// one strand.
class RequestContext {
 public:
  RequestContext() = default;
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;
  virtual ~RequestContext() = default;

  /// Asked to stop: the client has gone, or the server shuts down. Looked at before each field that
  /// waits; the request then ends with CANCELLED.
  std::stop_token stop;

  /// Last moment for the request's own work: an awaitable field that would start later fails with
  /// DEADLINE_EXCEEDED, and resolvers hand it down to what they wait for. Subscriptions are bound
  /// by it only until their stream is open. A resolver that holds the request on the client's own
  /// wish may move it. Needs `clock`.
  std::optional<MonotonicTime> deadline;

  /// Clock to read `deadline` by; must outlive the request. nullptr: no deadline.
  const Clock* clock = nullptr;
};

}  // namespace errand::graphql::execution
