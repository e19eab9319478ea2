#pragma once

#include <variant>

#include "errand/net/http_server.h"
#include "errand/server/graphql_http.h"

namespace errand::server {

/// GraphQL over WebSocket, subprotocol `graphql-transport-ws` (graphql-ws, PROTOCOL.md): queries,
/// mutations and subscriptions. Thread-safe; each connection has a session of its own.
///
/// The token comes with the upgrade (`Authorization`) or in the payload of connection_init
/// (`{"authorization": "Bearer ..."}`, in any case of its name, or the same within `headers`),
/// which outranks it. So do other headers that jobs carry on. Without a valid one the connection is
/// closed with 4403. A request error is an `error` message, never a closed socket. A source is read
/// no faster than its client reads; one that does not read is closed with 1013.
///
/// The headers `traceparent`, `x-correlation-id` and `x-request-id` of the upgrade hold for every
/// operation; `payload.extensions` of one operation outranks them (`traceparent`, `correlationId`,
/// `idempotencyKey`).
///
/// In front of another server, operations of that one are relayed over a WebSocket to there, beside
/// those of this one. A client whose token is none here may be known there: it is let in, and its
/// operations here are refused (UNAUTHENTICATED).
class GraphqlTransportWs {
 public:
  struct Options {
    Milliseconds init_timeout{10'000};  ///< until connection_init, else 4408
    std::size_t operations_max = 100;   ///< at once on one connection; more get `error`
    Milliseconds request_timeout{120'000};
    /// How increments of `@defer` and `@stream` are written where connection_init does not say
    /// (`{"incrementalSpec":"v0.2"}` or `{"deferSpec":"20220824"}`). The default is what graphql-js
    /// 17 sends, and so what graphql-ws brings.
    graphql::request::IncrementalFormat incremental = graphql::request::IncrementalFormat::kDraft;
    net::WebSocketOptions socket;
  };

  GraphqlTransportWs(GraphqlDependencies dependencies, Options options);

  /// Decides on an upgrade: refuses one with a wrong token (401), unless it may be the upstream's.
  std::variant<net::WebSocketAccept, net::HttpResponse> upgrade(const net::HttpRequest& request);

 private:
  class Session;

  GraphqlDependencies deps_;
  Options options_;
};

}  // namespace errand::server
