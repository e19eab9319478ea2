#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <boost/asio/awaitable.hpp>

#include "errand/auth/authenticator.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/graphql/request/service.h"
#include "errand/net/http_message.h"
#include "errand/server/media_type.h"
#include "errand/server/request_info.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::server {

/// What the GraphQL transports need. The references outlive the server.
struct GraphqlDependencies {
  graphql::request::Service& service;
  /// nullptr: no authentication, RequestInfo::principal is null. For embedding and tests.
  const auth::Authenticator* authenticator = nullptr;
  ContextFactory make_context;
  const Clock& clock;
  Random& random;  ///< thread-safe
  telemetry::Log log;
  telemetry::Metrics* metrics = nullptr;  ///< may be null
};

/// Status of a GraphQL response, by the profile `audit`: what the public graphql-http audits ask
/// for. Under application/json a well-formed request is 200 whatever it has for errors.
unsigned response_status(const graphql::request::Response& response,
                         GraphqlMediaType type) noexcept;

/// GraphQL over HTTP (graphql-over-http, draft of 2026-08): POST with application/json, and GET
/// for queries. Thread-safe.
class GraphqlHttp {
 public:
  struct Options {
    std::size_t body_depth_max = 64;  ///< nesting of the JSON body
    /// For the work of one request, `waitFor` included.
    Milliseconds request_timeout{120'000};
  };

  GraphqlHttp(GraphqlDependencies dependencies, Options options);

  /// Answers GET, HEAD and POST; anything else is 405.
  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest request);

 private:
  struct Parsed {
    graphql::request::RequestParameters parameters;
    graphql::request::Service::Allowed allowed;
  };
  struct Refusal {
    unsigned status;
    Error error;
  };

  boost::asio::awaitable<net::HttpResponse> answer(net::HttpRequest request, GraphqlMediaType type,
                                                   RequestInfo info);
  [[nodiscard]] std::expected<Parsed, Refusal> parse(const net::HttpRequest& request) const;
  [[nodiscard]] std::expected<Parsed, Refusal> parse_get(const net::HttpRequest& request) const;
  [[nodiscard]] std::expected<Parsed, Refusal> parse_post(const net::HttpRequest& request) const;

  GraphqlDependencies deps_;
  Options options_;
};

/// A GraphQL response with one error and no data.
net::HttpResponse error_response(unsigned status, GraphqlMediaType type, const Error& error);

/// Measures a request for the metrics. Not by Clock, whose milliseconds are too coarse.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Label of `response` in errand_graphql_request_duration_seconds; "none" where nothing ran.
std::string_view operation_type(const graphql::request::Response& response) noexcept;

/// Counts a response that a limit refused, by the limit's code.
void count_rejected(telemetry::Metrics* metrics, const graphql::request::Response& response);

}  // namespace errand::server
