#include "errand/server/sse_connections.h"

#include <array>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>

#include "errand/async/deadline.h"
#include "errand/crypto/encoding.h"
#include "errand/server/caller.h"
#include "errand/server/front_routing.h"
#include "errand/server/stream_response.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::request::IncrementalFormat;
using graphql::request::Service;

namespace {

constexpr std::string_view kTokenHeader = "X-GraphQL-Event-Stream-Token";
/// Longest operation id that a client may give, in bytes.
constexpr std::size_t kOperationIdBytesMax = 256;

net::HttpResponse problem(unsigned status, ErrorCode code, std::string text) {
  return error_response(status, GraphqlMediaType::kJson, {code, std::move(text)});
}

/// One parameter of the query string; "" when it is missing or the string is malformed.
std::string query_parameter(const net::HttpRequest& request, std::string_view name) {
  for (auto& [key, value] : net::parse_query(request.query).value_or(net::QueryParameters())) {
    if (key == name) return std::move(value);
  }
  return "";
}

std::string token_of(const net::HttpRequest& request) {
  if (const auto header = request.header(kTokenHeader)) return std::string(*header);
  return query_parameter(request, "token");
}

asio::awaitable<void> close_session(std::shared_ptr<SseSession> session) {
  co_await session->close();
}

/// Principals are made anew at each reload of the credentials, so not by their address.
bool same(const auth::PrincipalPtr& a, const auth::PrincipalPtr& b) {
  if (!a || !b) return !a && !b;
  return a->tenant == b->tenant && a->subject == b->subject;
}

}  // namespace

/// Holds a session for the stream of a response. Where the response is dropped before its stream
/// began, the session is ended.
class SseConnections::Claim {
 public:
  Claim(SseConnections& owner, std::string token, std::shared_ptr<SseSession> session)
      : owner_(owner), token_(std::move(token)), session_(std::move(session)) {}
  ~Claim() { owner_.drop(token_); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  asio::awaitable<void> serve(net::BodyWriter& writer) {
    return session_->serve(writer, owner_.http_.heartbeat);
  }

 private:
  SseConnections& owner_;
  const std::string token_;
  const std::shared_ptr<SseSession> session_;
};

SseConnections::SseConnections(GraphqlDependencies dependencies, GraphqlHttp::Options http,
                               Options options)
    : deps_(std::move(dependencies)), http_(std::move(http)), options_(options) {}

SseConnections::~SseConnections() = default;

bool SseConnections::concerns(const net::HttpRequest& request) {
  return request.method == "PUT" || request.method == "DELETE" || !token_of(request).empty();
}

asio::awaitable<net::HttpResponse> SseConnections::handle(net::HttpRequest request) {
  drop_expired();
  RequestInfo info =
      read_request_info(request.headers, deps_.clock, deps_.random, deps_.forward_headers);
  info.transport = "http";
  const std::string token = token_of(request);
  const bool opens = request.method == "GET" && !token.empty();
  // The token is the ticket of an EventSource, which can send no header.
  const bool by_ticket = opens && !request.header("Authorization");
  if (deps_.authenticator != nullptr && !by_ticket) {
    auto principal = co_await find_caller(deps_, request.headers, info);
    if (!principal) {
      deps_.log.warn_limited("request without a valid token", {{"peer", request.peer}});
      co_return caller_refusal(GraphqlMediaType::kJson, principal.error());
    }
    info.principal = std::move(*principal);
  }
  if (request.method == "PUT") co_return co_await reserve(std::move(info.principal));
  if (token.empty()) {
    co_return problem(404, ErrorCode::kNotFound,
                      "Reserve an event stream by PUT and send its token along.");
  }
  if (opens) co_return open(token, by_ticket ? nullptr : &info.principal);
  if (request.method == "POST") {
    co_return co_await execute(std::move(request), token, std::move(info));
  }
  if (request.method == "DELETE") co_return co_await end_operation(request, token, info.principal);
  auto response =
      problem(405, ErrorCode::kInvalidArgument, "An event stream knows no such method.");
  response.headers.set("Allow", "GET, POST, PUT, DELETE");
  co_return response;
}

asio::awaitable<net::HttpResponse> SseConnections::reserve(auth::PrincipalPtr principal) {
  std::array<std::uint8_t, 32> bytes{};
  deps_.random.fill(bytes);
  std::string token = crypto::to_base64url(bytes);
  // The strand of this connection outlives it.
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto session = std::make_shared<SseSession>(executor, deps_, options_.session);
  {
    const std::lock_guard lock(mutex_);
    if (by_token_.size() >= options_.streams_max) {
      co_return problem(503, ErrorCode::kResourceExhausted,
                        "The server has too many event streams; try again in a while.");
    }
    std::size_t own = 0;
    for (const auto& [other, entry] : by_token_) own += same(entry.principal, principal) ? 1 : 0;
    if (own >= options_.streams_per_principal_max) {
      co_return problem(429, ErrorCode::kResourceExhausted,
                        "You have " + std::to_string(own) + " event streams; close one first.");
    }
    by_token_.emplace(token,
                      Entry{.session = std::move(session),
                            .principal = std::move(principal),
                            .expires = deps_.clock.now().monotonic + options_.reservation_timeout});
  }
  expiring_.spawn(executor, "reservation", expire());
  net::HttpResponse response = net::HttpResponse::text(201, std::move(token));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

net::HttpResponse SseConnections::open(const std::string& token,
                                       const auth::PrincipalPtr* principal) {
  std::shared_ptr<Claim> claim;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_token_.find(token);
    if (found == by_token_.end() ||
        (principal != nullptr && !same(found->second.principal, *principal))) {
      return problem(404, ErrorCode::kNotFound, "No event stream is reserved under this token.");
    }
    Entry& entry = found->second;
    if (entry.claimed) {
      return problem(409, ErrorCode::kConflict, "The event stream of this token is open already.");
    }
    entry.claimed = true;
    claim = std::make_shared<Claim>(*this, token, entry.session);
  }
  net::HttpResponse response = event_stream_response();
  response.endless = true;
  response.stream = [claim = std::move(claim)](net::BodyWriter& writer) {
    return claim->serve(writer);
  };
  return response;
}

asio::awaitable<net::HttpResponse> SseConnections::execute(net::HttpRequest request,
                                                           const std::string& token,
                                                           RequestInfo info) {
  const auto session = find(token, &info.principal);
  if (!session) {
    co_return problem(404, ErrorCode::kNotFound, "No event stream is reserved under this token.");
  }
  auto read = read_graphql_request(request, http_.read);
  if (!read) {
    co_return error_response(refusal_status(http_.status_profile, read.error().fault),
                             GraphqlMediaType::kJson, read.error().error);
  }
  if (read->batch) {
    co_return problem(400, ErrorCode::kInvalidArgument, "An event stream takes no batches.");
  }
  auto& parameters = *read->items.front();
  const boost::json::value* id = parameters.extensions.if_contains("operationId");
  if (id == nullptr || !id->is_string() || id->get_string().empty() ||
      id->get_string().size() > kOperationIdBytesMax) {
    co_return problem(400, ErrorCode::kInvalidArgument,
                      "extensions.operationId must be a text of at most 256 bytes.");
  }
  if (deps_.front != nullptr) {
    const FrontRoute route =
        route_parameters(parameters, deps_.front->root_fields(), deps_.service);
    if (route.error) co_return error_response(400, GraphqlMediaType::kJson, *route.error);
    if (route.side == upstream::Side::kUpstream) {
      co_return problem(400, ErrorCode::kInvalidArgument,
                        "This operation belongs to the server behind this one, which the event "
                        "stream of several operations does not reach. Send it by POST with Accept: "
                        "text/event-stream and without the stream's token, or over the WebSocket.");
    }
  }
  info.deadline = deps_.clock.now().monotonic + http_.request_timeout;
  std::string operation_id(id->get_string());
  auto result = co_await session->start(
      std::move(operation_id), std::move(parameters), std::move(info),
      {.allowed = Service::Allowed::kAll, .incremental = IncrementalFormat::kDraft});
  switch (result.outcome) {
    case SseSession::Start::kAccepted:
      break;
    case SseSession::Start::kRequestError: {
      // Not as application/json, whose status would be that of a success by the audits' profile.
      constexpr auto kType = GraphqlMediaType::kGraphqlResponse;
      co_return graphql_response(response_status(http_.status_profile, result.response, kType),
                                 kType, std::move(result.response.body));
    }
    case SseSession::Start::kIdInUse:
      co_return problem(409, ErrorCode::kConflict,
                        "An operation of this operationId runs already.");
    case SseSession::Start::kTooMany:
      co_return problem(429, ErrorCode::kResourceExhausted,
                        "This event stream has " + std::to_string(options_.session.operations_max) +
                            " operations open; complete one first.");
    case SseSession::Start::kClosed:
      co_return problem(404, ErrorCode::kNotFound, "The event stream has ended.");
  }
  net::HttpResponse response;
  response.status = 202;
  response.headers.add("Cache-Control", "no-store");
  co_return response;
}

asio::awaitable<net::HttpResponse> SseConnections::end_operation(
    const net::HttpRequest& request, const std::string& token,
    const auth::PrincipalPtr& principal) {
  const auto session = find(token, &principal);
  if (!session) {
    co_return problem(404, ErrorCode::kNotFound, "No event stream is reserved under this token.");
  }
  std::string id = query_parameter(request, "operationId");
  if (id.empty()) {
    co_return problem(400, ErrorCode::kInvalidArgument,
                      "The parameter operationId must name the operation.");
  }
  co_await session->end(std::move(id));
  net::HttpResponse response;
  response.headers.add("Cache-Control", "no-store");
  co_return response;
}

std::shared_ptr<SseSession> SseConnections::find(const std::string& token,
                                                 const auth::PrincipalPtr* principal) {
  const std::lock_guard lock(mutex_);
  const auto found = by_token_.find(token);
  if (found == by_token_.end() || !same(found->second.principal, *principal)) return nullptr;
  return found->second.session;
}

void SseConnections::drop(const std::string& token) {
  std::shared_ptr<SseSession> session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_token_.find(token);
    if (found == by_token_.end()) return;
    session = std::move(found->second.session);
    by_token_.erase(found);
  }
  spawn_close(std::move(session));
}

void SseConnections::spawn_close(std::shared_ptr<SseSession> session) {
  const auto executor = session->executor();
  closing_.spawn(executor, "event stream", close_session(std::move(session)));
}

asio::awaitable<void> SseConnections::expire() {
  co_await async::sleep_for(options_.reservation_timeout);
  drop_expired();
}

void SseConnections::drop_expired() {
  const MonotonicTime now = deps_.clock.now().monotonic;
  std::vector<std::shared_ptr<SseSession>> expired;
  {
    // Taken out at once, so that none is claimed in between.
    const std::lock_guard lock(mutex_);
    std::erase_if(by_token_, [&](auto& item) {
      auto& [token, entry] = item;
      if (entry.claimed || entry.expires > now) return false;
      expired.push_back(std::move(entry.session));
      return true;
    });
  }
  for (std::shared_ptr<SseSession>& session : expired) spawn_close(std::move(session));
}

asio::awaitable<void> SseConnections::stop() {
  expiring_.cancel();
  co_await expiring_.join();
  std::vector<std::string> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [token, entry] : by_token_) all.push_back(token);
  }
  for (const std::string& token : all) drop(token);
  co_await closing_.join();
}

}  // namespace errand::server
