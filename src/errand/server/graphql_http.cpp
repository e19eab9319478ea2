#include "errand/server/graphql_http.h"

#include "errand/json/parse.h"
#include "errand/telemetry/metric_names.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::request::Outcome;
using graphql::request::Response;
using graphql::request::Service;

namespace {

/// Headers that a page of another origin cannot send without a preflight (CSRF). The first is ours,
/// the others are what clients of other servers send already.
constexpr std::string_view kPreflightHeaders[] = {"x-errand-preflight", "apollo-require-preflight",
                                                  "x-apollo-operation-name",
                                                  "graphql-require-preflight", "Authorization"};

bool is_preflighted(const net::HttpRequest& request) {
  for (const std::string_view name : kPreflightHeaders) {
    if (request.header(name)) return true;
  }
  return false;
}

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

}  // namespace

unsigned response_status(const Response& response, GraphqlMediaType type) noexcept {
  if (response.http_status && *response.http_status >= 200 && *response.http_status <= 599) {
    return static_cast<unsigned>(*response.http_status);
  }
  const bool json = type == GraphqlMediaType::kJson;
  switch (response.outcome) {
    case Outcome::kExecuted:
      return 200;
    case Outcome::kSyntaxError:
    case Outcome::kValidationError:
    case Outcome::kLimitExceeded:
    case Outcome::kOperationUnresolved:
    case Outcome::kVariablesInvalid:
      return json ? 200 : 400;
    case Outcome::kNotAllowed:
      return 405;
    case Outcome::kFailed:
      return 503;
  }
  return 500;
}

net::HttpResponse error_response(unsigned status, GraphqlMediaType type, const Error& error) {
  return graphql_response(status, type,
                          Response::failure(Outcome::kFailed, error.code, error.message).body);
}

std::string_view operation_type(const Response& response) noexcept {
  return response.operation_type.empty() ? "none" : response.operation_type;
}

void count_rejected(telemetry::Metrics* metrics, const Response& response) {
  if (metrics == nullptr || response.outcome != Outcome::kLimitExceeded) return;
  constexpr std::string_view kKey = "\"code\":\"";
  const std::size_t at = response.body.find(kKey);
  if (at == std::string::npos) return;
  const std::string_view rest = std::string_view(response.body).substr(at + kKey.size());
  metrics->counter(telemetry::kGraphqlRejected, {rest.substr(0, rest.find('"'))}).add();
}

GraphqlHttp::GraphqlHttp(GraphqlDependencies dependencies, Options options)
    : deps_(std::move(dependencies)), options_(options) {}

asio::awaitable<net::HttpResponse> GraphqlHttp::handle(net::HttpRequest request) {
  RequestInfo info = read_request_info(request.headers, deps_.clock, deps_.random);
  info.transport = "http";
  const std::string request_id = info.request_id;
  const auto type = negotiate(request.headers.joined("Accept"));
  net::HttpResponse response;
  if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
    response = error_response(405, GraphqlMediaType::kJson,
                              {ErrorCode::kInvalidArgument, "Send GraphQL requests by POST."});
    response.headers.set("Allow", "GET, HEAD, POST");
  } else if (!type) {
    response = error_response(
        406, GraphqlMediaType::kJson,
        {ErrorCode::kInvalidArgument,
         "Accept allows neither application/graphql-response+json nor application/json."});
  } else {
    response = co_await answer(std::move(request), *type, std::move(info));
  }
  response.headers.set("X-Request-Id", request_id);
  co_return response;
}

asio::awaitable<net::HttpResponse> GraphqlHttp::answer(net::HttpRequest request,
                                                       GraphqlMediaType type, RequestInfo info) {
  if (deps_.authenticator != nullptr) {
    auto principal =
        deps_.authenticator->authenticate_header(request.header("Authorization").value_or(""));
    if (!principal) {
      deps_.log.warn_limited("request without a valid token", {{"peer", request.peer}});
      auto response = error_response(401, type, principal.error());
      response.headers.add("WWW-Authenticate", "Bearer");
      co_return response;
    }
    info.principal = std::move(*principal);
  }

  auto parsed = parse(request);
  if (!parsed) {
    auto response = error_response(parsed.error().status, type, parsed.error().error);
    if (parsed.error().status == 415) response.headers.add("Accept-Post", "application/json");
    co_return response;
  }
  info.deadline = deps_.clock.now().monotonic + options_.request_timeout;
  const Stopwatch stopwatch;
  const telemetry::Log log = deps_.log.enabled(telemetry::LogLevel::kDebug)
                                 ? deps_.log.with({{"request_id", info.request_id},
                                                   {"correlation_id", info.correlation_id},
                                                   {"trace_id", info.trace.trace_id_text()}})
                                 : telemetry::Log();
  const Response result = co_await deps_.service.execute(
      std::move(parsed->parameters), deps_.make_context(std::move(info)), parsed->allowed);
  const double seconds = stopwatch.seconds();
  if (deps_.metrics != nullptr) {
    deps_.metrics->histogram(telemetry::kGraphqlRequestDuration, {operation_type(result)})
        .observe(seconds);
  }
  count_rejected(deps_.metrics, result);

  const unsigned status = response_status(result, type);
  log.debug("GraphQL request answered", {{"status", status},
                                         {"errors", result.has_errors},
                                         {"duration_ms", seconds * 1'000},
                                         {"peer", request.peer}});
  net::HttpResponse response = graphql_response(status, type, result.body);
  if (status == 405) response.headers.set("Allow", "POST");
  co_return response;
}

std::expected<GraphqlHttp::Parsed, GraphqlHttp::Refusal> GraphqlHttp::parse(
    const net::HttpRequest& request) const {
  return request.method == "POST" ? parse_post(request) : parse_get(request);
}

std::expected<GraphqlHttp::Parsed, GraphqlHttp::Refusal> GraphqlHttp::parse_post(
    const net::HttpRequest& request) const {
  const auto refuse = [](unsigned status, ErrorCode code, std::string text) {
    return std::unexpected(Refusal{status, {code, std::move(text)}});
  };
  const auto header = request.header("Content-Type");
  if (!header) {
    return refuse(415, ErrorCode::kInvalidArgument,
                  "Content-Type is missing; send application/json.");
  }
  const auto type = parse_media_type(*header);
  // The simple content types of CORS fall here: other origins cannot send JSON unasked.
  if (!type || !type->is("application/json")) {
    return refuse(415, ErrorCode::kInvalidArgument,
                  "Only application/json is read here, not " + std::string(*header) + ".");
  }
  if (const auto charset = type->parameter("charset");
      charset && !net::equals_ignoring_case(*charset, "utf-8") &&
      !net::equals_ignoring_case(*charset, "utf8")) {
    return refuse(415, ErrorCode::kInvalidArgument, "The body must be UTF-8.");
  }
  if (request.header("Content-Encoding") &&
      !net::equals_ignoring_case(*request.header("Content-Encoding"), "identity")) {
    return refuse(415, ErrorCode::kInvalidArgument, "Compressed bodies are not read here.");
  }
  auto body = json::parse(
      request.body, {.bytes_max = request.body.size() + 1, .depth_max = options_.body_depth_max});
  if (!body) {
    return refuse(400, body.error().code, "The body is not JSON: " + body.error().message);
  }
  if (body->is_array()) {
    return refuse(400, ErrorCode::kInvalidArgument,
                  "Batches are not served; send one request at a time.");
  }
  auto parameters = graphql::request::parse_request_parameters(*body);
  if (!parameters) return std::unexpected(Refusal{400, parameters.error()});
  return Parsed{std::move(*parameters), Service::Allowed::kQueriesAndMutations};
}

std::expected<GraphqlHttp::Parsed, GraphqlHttp::Refusal> GraphqlHttp::parse_get(
    const net::HttpRequest& request) const {
  const auto refuse = [](std::string text) {
    return std::unexpected(Refusal{400, {ErrorCode::kInvalidArgument, std::move(text)}});
  };
  // Without tokens a browser's cookies or network place might be the caller's only right; a GET is
  // then taken only with a header that another origin's page cannot send unasked. With tokens the
  // Authorization header is that one.
  if (deps_.authenticator == nullptr && !is_preflighted(request)) {
    return refuse("A GET needs the header x-errand-preflight, so that other sites cannot send it.");
  }
  const auto query = net::parse_query(request.query);
  if (!query) return refuse("The query string is not percent-encoded UTF-8.");
  boost::json::object object;
  for (const auto& [name, value] : *query) {
    if (name != "query" && name != "operationName" && name != "variables" && name != "extensions") {
      continue;
    }
    if (object.contains(name)) return refuse("The parameter \"" + name + "\" is there twice.");
    if (value.empty()) continue;  // counts as absent
    if (name == "variables" || name == "extensions") {
      auto json = json::parse(value, {.depth_max = options_.body_depth_max});
      if (!json) return refuse("\"" + name + "\" is not JSON: " + json.error().message);
      object.emplace(name, std::move(*json));
    } else {
      object.emplace(name, value);
    }
  }
  auto parameters = graphql::request::parse_request_parameters(boost::json::value(object));
  if (!parameters) return std::unexpected(Refusal{400, parameters.error()});
  return Parsed{std::move(*parameters), Service::Allowed::kQueries};
}

}  // namespace errand::server
