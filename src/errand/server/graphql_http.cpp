#include "errand/server/graphql_http.h"

#include <memory>
#include <optional>

#include "errand/server/caller.h"
#include "errand/server/front_routing.h"
#include "errand/server/result_delivery.h"
#include "errand/server/stream_response.h"
#include "errand/telemetry/metric_names.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::request::IncrementalFormat;
using graphql::request::Outcome;
using graphql::request::Response;
using graphql::request::Service;

namespace {

/// Whether everything is answered as events, also what could be one response.
bool wants_events(const Acceptable& acceptable) noexcept {
  return acceptable.stream == StreamMediaType::kEventStream &&
         (acceptable.event_stream_first || !acceptable.single);
}

/// What the client lets a request do, beyond what its method does.
Service::StartOptions start_options(const Acceptable& acceptable, Service::Allowed allowed) {
  Service::StartOptions options{.allowed = allowed, .incremental = acceptable.incremental};
  if (acceptable.stream) {
    options.allowed = allowed == Service::Allowed::kQueries
                          ? Service::Allowed::kQueriesAndSubscriptions
                          : Service::Allowed::kAll;
  }
  if (wants_events(acceptable) && options.incremental == IncrementalFormat::kNone) {
    options.incremental = IncrementalFormat::kDraft;
  }
  return options;
}

/// How `operation` is streamed; nullopt: it is answered as one response.
std::optional<StreamForm> stream_form(const Acceptable& acceptable,
                                      const StartedOperation& operation) {
  const auto* response = std::get_if<Response>(&operation);
  if (response != nullptr && response->outcome == Outcome::kNotAllowed) return std::nullopt;
  if (wants_events(acceptable)) return StreamForm::kEventStream;
  if (response != nullptr) {
    // Some client takes nothing but a subscription's parts.
    return acceptable.single || !acceptable.stream ? std::nullopt
                                                   : std::optional(StreamForm::kSubscriptionParts);
  }
  const auto& stream = *std::get<std::unique_ptr<graphql::request::ResponseStream>>(operation);
  if (stream.kind() == graphql::request::ResponseStream::Kind::kSubscription) {
    return acceptable.stream == StreamMediaType::kMultipart ? StreamForm::kSubscriptionParts
                                                            : StreamForm::kEventStream;
  }
  return acceptable.incremental == IncrementalFormat::kDraft ? StreamForm::kDraftIncrements
                                                             : StreamForm::k20220824Increments;
}

}  // namespace

net::HttpResponse graphql_response(unsigned status, GraphqlMediaType type, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", content_type(type));
  response.headers.add("Cache-Control", "no-store");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Vary", "Accept");
  response.body = std::move(body);
  return response;
}

net::HttpResponse error_response(unsigned status, GraphqlMediaType type, const Error& error) {
  return graphql_response(status, type,
                          Response::failure(Outcome::kFailed, error.code, error.message).body);
}

std::string_view operation_type(const Response& response) noexcept {
  return response.operation_type.empty() ? "none" : response.operation_type;
}

void count_rejected(telemetry::Metrics* metrics, const Response& response) {
  if (metrics == nullptr) return;
  const auto count = [&](ErrorCode limit) {
    metrics->counter(telemetry::kGraphqlRejected, {to_string(limit)}).add();
  };
  if (response.outcome == Outcome::kLimitExceeded && response.code) count(*response.code);
  if (response.out_of_time) count(ErrorCode::kDeadlineExceeded);
}

GraphqlHttp::GraphqlHttp(GraphqlDependencies dependencies, Options options)
    : deps_(std::move(dependencies)), options_(std::move(options)) {}

asio::awaitable<net::HttpResponse> GraphqlHttp::handle(net::HttpRequest request) {
  RequestInfo info =
      read_request_info(request.headers, deps_.clock, deps_.random, deps_.forward_headers);
  info.transport = "http";
  const std::string request_id = info.request_id;
  const Acceptable acceptable = negotiate(request.headers.joined("Accept"));
  const GraphqlMediaType type = acceptable.single.value_or(GraphqlMediaType::kJson);
  FrontRoute route{.side = upstream::Side::kLocal, .error = std::nullopt};
  if (deps_.front != nullptr) {
    route = route_request(request, deps_.front->root_fields(), deps_.service,
                          options_.read.body_depth_max);
  }
  net::HttpResponse response;
  switch (route.side) {
    case upstream::Side::kLocal:
      response = co_await answer_local(std::move(request), acceptable, std::move(info));
      break;
    case upstream::Side::kUpstream:
      response = co_await pass_on(std::move(request), type, std::move(info));
      // The upstream may have one of its own.
      if (response.headers.find("X-Request-Id")) co_return response;
      break;
    case upstream::Side::kMixed: {
      Response refusal =
          Response::failure(Outcome::kValidationError, route.error->code, route.error->message);
      const unsigned status = response_status(options_.status_profile, refusal, type);
      response = graphql_response(status, type, std::move(refusal.body));
      break;
    }
  }
  response.headers.set("X-Request-Id", request_id);
  co_return response;
}

asio::awaitable<net::HttpResponse> GraphqlHttp::answer_local(net::HttpRequest request,
                                                             Acceptable acceptable,
                                                             RequestInfo info) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    auto response = error_response(405, GraphqlMediaType::kJson,
                                   {ErrorCode::kInvalidArgument, "Send GraphQL requests by POST."});
    response.headers.set("Allow", "GET, HEAD, POST");
    co_return response;
  }
  if (!acceptable.single && !acceptable.stream &&
      acceptable.incremental == IncrementalFormat::kNone) {
    co_return error_response(
        406, GraphqlMediaType::kJson,
        {ErrorCode::kInvalidArgument,
         "Accept allows neither application/graphql-response+json nor application/json, nor a "
         "stream (text/event-stream, multipart/mixed)."});
  }
  co_return co_await answer(std::move(request), acceptable, std::move(info));
}

asio::awaitable<net::HttpResponse> GraphqlHttp::pass_on(net::HttpRequest request,
                                                        GraphqlMediaType type, RequestInfo info) {
  const Stopwatch stopwatch;
  const std::string peer = request.peer;
  auto answered = co_await deps_.front->forwarder().forward(
      std::move(request), {.traceparent = info.trace.traceparent(), .request_id = info.request_id});
  net::HttpResponse response;
  if (answered) {
    response = *std::move(answered);
  } else {
    const upstream::Forwarder::Failure& failure = answered.error();
    response = error_response(failure.status, type, failure.error);
    if (const auto wait = failure.error.retry_after) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait);
      response.headers.set("Retry-After", std::to_string(seconds.count()));
    }
  }
  if (deps_.log.enabled(telemetry::LogLevel::kDebug)) {
    deps_.log.debug("GraphQL request passed on", {{"status", response.status},
                                                  {"duration_ms", stopwatch.seconds() * 1'000},
                                                  {"peer", peer},
                                                  {"request_id", info.request_id},
                                                  {"correlation_id", info.correlation_id},
                                                  {"trace_id", info.trace.trace_id_text()}});
  }
  co_return response;
}

asio::awaitable<net::HttpResponse> GraphqlHttp::answer(net::HttpRequest request,
                                                       Acceptable acceptable, RequestInfo info) {
  const GraphqlMediaType type = acceptable.single.value_or(GraphqlMediaType::kJson);
  if (deps_.authenticator != nullptr) {
    auto principal = co_await find_caller(deps_, request.headers, info);
    if (!principal) {
      deps_.log.warn_limited("request without a valid token", {{"peer", request.peer}});
      co_return caller_refusal(type, principal.error());
    }
    info.principal = std::move(*principal);
  }

  auto read = read_graphql_request(request, options_.read);
  if (!read) {
    const unsigned status = refusal_status(options_.status_profile, read.error().fault);
    auto response = error_response(status, type, read.error().error);
    if (status == 415) response.headers.add("Accept-Post", "application/json");
    if (const ErrorCode code = read.error().error.code;
        deps_.metrics != nullptr && code == ErrorCode::kMaxTokensLimit) {
      deps_.metrics->counter(telemetry::kGraphqlRejected, {to_string(code)}).add();
    }
    co_return response;
  }
  info.deadline = deps_.clock.now().monotonic + options_.request_timeout;
  const Stopwatch stopwatch;
  const telemetry::Log log = deps_.log.enabled(telemetry::LogLevel::kDebug)
                                 ? deps_.log.with({{"request_id", info.request_id},
                                                   {"correlation_id", info.correlation_id},
                                                   {"trace_id", info.trace.trace_id_text()}})
                                 : telemetry::Log();
  net::HttpResponse response;
  if (read->batch) {
    response = co_await answer_batch(std::move(*read), type, std::move(info));
  } else {
    response = co_await answer_single(std::move(*read), acceptable, std::move(info));
  }
  log.debug("GraphQL request answered", {{"status", response.status},
                                         {"duration_ms", stopwatch.seconds() * 1'000},
                                         {"peer", request.peer}});
  co_return response;
}

asio::awaitable<net::HttpResponse> GraphqlHttp::answer_single(GraphqlHttpRequest request,
                                                              Acceptable acceptable,
                                                              RequestInfo info) {
  StartedOperation operation =
      co_await start_operation(deps_, std::move(*request.items.front()), std::move(info),
                               start_options(acceptable, request.allowed));
  if (const auto form = stream_form(acceptable, operation)) {
    co_return stream_response(
        std::move(operation),
        {.form = *form, .heartbeat = options_.heartbeat, .metrics = deps_.metrics});
  }
  Response& result = std::get<Response>(operation);
  const GraphqlMediaType type = acceptable.single.value_or(GraphqlMediaType::kJson);
  const unsigned status = response_status(options_.status_profile, result, type);
  net::HttpResponse response = graphql_response(status, type, std::move(result.body));
  if (!result.cache_control.empty()) response.headers.set("Cache-Control", result.cache_control);
  if (status == 405) response.headers.set("Allow", "POST");
  co_return response;
}

asio::awaitable<net::HttpResponse> GraphqlHttp::answer_batch(GraphqlHttpRequest request,
                                                             GraphqlMediaType type,
                                                             RequestInfo info) {
  std::string body = "[";
  for (std::size_t i = 0; i < request.items.size(); ++i) {
    if (i > 0) body += ',';
    auto& item = request.items[i];
    if (!item) {
      body += Response::failure(Outcome::kFailed, item.error().code, item.error().message).body;
      continue;
    }
    info.batch_index = i;
    body += (co_await execute(std::move(*item), info, request.allowed)).body;
  }
  body += ']';
  co_return graphql_response(200, type, std::move(body));
}

asio::awaitable<Response> GraphqlHttp::execute(graphql::request::RequestParameters parameters,
                                               RequestInfo info, Service::Allowed allowed) {
  const Stopwatch stopwatch;
  Response result = co_await deps_.service.execute(std::move(parameters),
                                                   deps_.make_context(std::move(info)), allowed);
  if (deps_.metrics != nullptr) {
    deps_.metrics->histogram(telemetry::kGraphqlRequestDuration, {operation_type(result)})
        .observe(stopwatch.seconds());
  }
  count_rejected(deps_.metrics, result);
  co_return result;
}

}  // namespace errand::server
