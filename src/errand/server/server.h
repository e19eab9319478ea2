#pragma once

#include <span>

#include "errand/net/router.h"
#include "errand/server/asset.h"
#include "errand/server/graphql_http.h"
#include "errand/server/graphql_transport_ws.h"
#include "errand/server/health.h"

namespace errand::server {

/// Everything that a client of the server meets over HTTP, put on a router:
///
/// | path | what |
/// |---|---|
/// | `POST /graphql`, `GET /graphql` | GraphQL over HTTP |
/// | WebSocket `/graphql` | `graphql-transport-ws` |
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

 private:
  std::span<const Asset> assets_;
  telemetry::Metrics* metrics_;
  GraphqlHttp http_;
  GraphqlTransportWs web_socket_;
  Health health_;
};

}  // namespace errand::server
