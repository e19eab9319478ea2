#pragma once

#include <span>

#include "errand/net/router.h"
#include "errand/server/asset.h"
#include "errand/server/graphql_http.h"
#include "errand/server/graphql_transport_ws.h"
#include "errand/server/health.h"
#include "errand/server/sse_connections.h"

namespace errand::server {

/// Everything that a client of the server meets over HTTP, put on a router:
///
/// | path | what |
/// |---|---|
/// | `POST /graphql`, `GET /graphql` | GraphQL over HTTP |
/// | WebSocket `/graphql` | `graphql-transport-ws` |
/// | `/graphql/stream` | GraphQL over SSE in both modes |
/// | `/healthz`, `/readyz` | liveness, readiness |
/// | `/metrics` | Prometheus text 0.0.4 |
/// | the assets' paths | the page |
///
/// Other parts add their routes (the workers' gateway) to the same router. Unknown paths answer 404
/// with the list of what exists. Knows no concrete schema, store or configuration.
class Server {
 public:
  struct Options {
    GraphqlHttp::Options http;
    GraphqlTransportWs::Options web_socket;
    SseConnections::Options sse;
  };

  struct Dependencies {
    GraphqlDependencies graphql;
    Health::Checks readiness;
    std::span<const Asset> assets;  ///< empty: no page; the bytes outlive the server
  };

  Server(Dependencies dependencies, Options options);

  /// Once, before the HTTP server starts. The router's owner must let go of it before this ends.
  void add_routes(net::Router& router);

  /// Makes /readyz say no, before the HTTP server stops.
  void drain() noexcept { health_.drain(); }

  /// Ends what no connection holds. After the HTTP server has stopped.
  boost::asio::awaitable<void> stop() { return sse_.stop(); }

 private:
  std::span<const Asset> assets_;
  telemetry::Metrics* metrics_;
  bool in_front_;  ///< of another server
  GraphqlHttp http_;
  GraphqlTransportWs web_socket_;
  SseConnections sse_;
  Health health_;
};

}  // namespace errand::server
