#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/auth/authenticator.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/graphql/request/service.h"
#include "errand/net/http_message.h"
#include "errand/server/graphql_http_request.h"
#include "errand/server/media_type.h"
#include "errand/server/request_info.h"
#include "errand/server/status_profile.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/upstream/front.h"

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
  /// The server behind this one, which answers the operations that are not this one's; nullptr:
  /// there is none.
  upstream::Front* front = nullptr;
  /// Names in lower case of the headers that some job type carries on; of no other header a value
  /// is kept beyond its request. Each once.
  std::vector<std::string> forward_headers = {};
};

/// GraphQL over HTTP (graphql-over-http, draft of 2026-08): POST with application/json, and GET
/// for queries. Thread-safe.
///
/// Where the client takes a stream, subscriptions come as one: server-sent events (GraphQL over
/// SSE, distinct connections mode) or Apollo's multipart; increments of `@defer` and `@stream` in
/// parts.
///
/// A batch, where allowed, is a JSON array of requests. They run one after the other, share one
/// deadline, and are answered with 200 and the array of their responses in the same order.
///
/// In front of another server, requests for operations of that one are passed on as they are: they
/// are neither authenticated here nor bound by the limits on documents.
class GraphqlHttp {
 public:
  struct Options {
    StatusProfile status_profile = StatusProfile::kAudit;
    GraphqlHttpReadOptions read;
    /// For the work of one request, `waitFor` included.
    Milliseconds request_timeout{120'000};
    /// Between two signs of life on a stream.
    Milliseconds heartbeat{10'000};
  };

  GraphqlHttp(GraphqlDependencies dependencies, Options options);

  /// Answers GET, HEAD and POST; anything else is 405, or the upstream's.
  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest request);

 private:
  boost::asio::awaitable<net::HttpResponse> answer_local(net::HttpRequest request,
                                                         Acceptable acceptable, RequestInfo info);
  boost::asio::awaitable<net::HttpResponse> pass_on(net::HttpRequest request, GraphqlMediaType type,
                                                    RequestInfo info);
  boost::asio::awaitable<net::HttpResponse> answer(net::HttpRequest request, Acceptable acceptable,
                                                   RequestInfo info);
  boost::asio::awaitable<net::HttpResponse> answer_single(GraphqlHttpRequest request,
                                                          Acceptable acceptable, RequestInfo info);
  boost::asio::awaitable<net::HttpResponse> answer_batch(GraphqlHttpRequest request,
                                                         GraphqlMediaType type, RequestInfo info);
  /// Runs one request and measures it.
  boost::asio::awaitable<graphql::request::Response> execute(
      graphql::request::RequestParameters parameters, RequestInfo info,
      graphql::request::Service::Allowed allowed);

  GraphqlDependencies deps_;
  Options options_;
};

/// A GraphQL response; `body` is its JSON text.
net::HttpResponse graphql_response(unsigned status, GraphqlMediaType type, std::string body);

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

/// Counts a response that a limit refused or cut short, by the limit's code.
void count_rejected(telemetry::Metrics* metrics, const graphql::request::Response& response);

}  // namespace errand::server
