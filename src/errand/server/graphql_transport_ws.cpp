#include "errand/server/graphql_transport_ws.h"

#include <algorithm>
#include <unordered_map>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "errand/async/task_group.h"
#include "errand/auth/job_credentials.h"
#include "errand/server/caller.h"
#include "errand/server/front_routing.h"
#include "errand/server/result_delivery.h"
#include "errand/server/transport_ws_message.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::execution::StreamedResponse;
using graphql::request::IncrementalFormat;
using graphql::request::Outcome;
using graphql::request::Response;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::optional<std::string_view> find_text(const boost::json::object& object,
                                          std::string_view name) {
  for (const auto& [key, value] : object) {
    if (value.is_string() && net::equals_ignoring_case(key, name)) {
      return std::string_view(value.get_string());
    }
  }
  return std::nullopt;
}

/// What a browser, which can set no header of a WebSocket, says in connection_init instead: a
/// member of the payload, or else of its member `headers`. Names are in any case.
std::optional<std::string_view> find_header(const boost::json::object& payload,
                                            std::string_view name) {
  if (const auto value = find_text(payload, name)) return value;
  const boost::json::value* headers = payload.if_contains("headers");
  if (headers == nullptr || !headers->is_object()) return std::nullopt;
  return find_text(headers->get_object(), name);
}

std::optional<std::string> text_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty() ||
      value->get_string().size() > kIdBytesMax) {
    return std::nullopt;
  }
  return std::string(value->get_string());
}

/// The format of increments that connection_init's payload asks for; `otherwise` where it does not.
IncrementalFormat incremental_format(const boost::json::object& payload,
                                     IncrementalFormat otherwise) {
  if (text_member(payload, "incrementalSpec") == "v0.2") return IncrementalFormat::kDraft;
  if (text_member(payload, "deferSpec") == "20220824") return IncrementalFormat::k20220824;
  return otherwise;
}

}  // namespace

/// One connection. Everything runs on the socket's strand.
class GraphqlTransportWs::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(const GraphqlDependencies& deps, const Options& options,
          std::shared_ptr<net::WebSocket> socket, net::HttpRequest request,
          auth::PrincipalPtr principal)
      : deps_(deps),
        options_(options),
        socket_(std::move(socket)),
        headers_(std::move(request.headers)),
        query_(std::move(request.query)),
        peer_(std::move(request.peer)),
        principal_(std::move(principal)),
        forwarded_headers_(read_forwarded_headers(headers_, deps.forward_headers)),
        incremental_(options.incremental),
        init_timer_(socket_->executor()),
        operations_([log = deps.log](std::string_view, const std::exception_ptr& error) {
          try {
            std::rethrow_exception(error);
          } catch (const std::exception& e) {
            log.error("GraphQL operation failed", {{"error", e.what()}});
          } catch (...) {
            log.error("GraphQL operation failed");
          }
        }) {}

  asio::awaitable<void> run() {
    const auto self = shared_from_this();
    init_timer_.expires_after(options_.init_timeout);
    init_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto session = weak.lock();
      if (ec || !session || session->initialised_) return;
      session->socket_->close({4408, "Connection initialisation timeout"});
    });
    std::exception_ptr failure;
    try {
      co_await read_loop();
    } catch (...) {
      failure = std::current_exception();
    }
    // The operations must end before the session does, also when this coroutine is cancelled.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    init_timer_.cancel();
    for (auto& [id, operation] : by_id_) stop(*operation);
    by_id_.clear();
    operations_.cancel();
    co_await operations_.join();
    if (relay_) co_await relay_->close();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  struct Operation {
    std::string id;
    bool stopped = false;  ///< nothing more is sent for it
    bool relayed = false;  ///< to the upstream
    asio::cancellation_signal cancellation;
  };
  using OperationPtr = std::shared_ptr<Operation>;

  /// Sends what comes of one operation. A slow client is waited for, so that the source coalesces,
  /// or reads on from its cursor.
  class Sink final : public ResultSink {
   public:
    Sink(Session& session, Operation& operation) : session_(session), operation_(operation) {}

    asio::awaitable<bool> next(StreamedResponse response) override {
      if (operation_.stopped) co_return false;
      const bool sent = co_await session_.socket_->send_when_room(
          transport_ws::next(operation_.id, response.body));
      co_return sent && !operation_.stopped;
    }
    asio::awaitable<void> fail(std::string body, OperationFailure) override {
      return end(transport_ws::error(operation_.id, errors_of(body)));
    }
    asio::awaitable<void> complete() override { return end(transport_ws::complete(operation_.id)); }

   private:
    asio::awaitable<void> end(std::string message) {
      if (operation_.stopped) co_return;
      // While it waits it counts among the operations, so that these bound what waits.
      co_await session_.socket_->send_when_room(std::move(message));
      session_.finish(operation_);
    }

    Session& session_;
    Operation& operation_;
  };

  asio::awaitable<void> read_loop() {
    while (true) {
      auto message = co_await socket_->read();
      if (!message) co_return;
      if (!message->text) {
        socket_->close({4400, "Binary messages are not served"});
        co_return;
      }
      auto parsed = transport_ws::parse_client_message(message->data);
      if (!parsed) {
        deps_.log.warn_limited("malformed WebSocket message",
                               {{"reason", parsed.error().message}, {"peer", peer_}});
        socket_->close({4400, parsed.error().message});
        co_return;
      }
      received_ = std::move(message->data);
      const bool go_on = co_await std::visit(
          [this](auto& m) -> asio::awaitable<bool> { return on(std::move(m)); }, *parsed);
      if (!go_on) co_return;
    }
  }

  asio::awaitable<bool> on(transport_ws::ConnectionInit init) {
    if (initialised_) {
      socket_->close({4429, "Too many initialisation requests"});
      co_return false;
    }
    initialised_ = true;
    init_timer_.cancel();
    if (deps_.authenticator != nullptr) {
      const auto authorization =
          init.payload ? find_header(*init.payload, "authorization") : std::nullopt;
      if (authorization) {
        auto principal = deps_.authenticator->authenticate_header(*authorization);
        principal_ = principal ? std::move(*principal) : nullptr;
        authorization_ = *authorization;
      }
      if (!principal_ && deps_.front == nullptr) {
        deps_.log.warn_limited("WebSocket without a valid token", {{"peer", peer_}});
        socket_->close({4403, "Forbidden"});
        co_return false;
      }
    }
    if (deps_.front != nullptr) connection_init_ = std::move(received_);
    if (init.payload) incremental_ = incremental_format(*init.payload, incremental_);
    if (init.payload && !take_forwarded_headers(*init.payload)) {
      socket_->close({4400, "A header in the payload, kept for jobs, is too long"});
      co_return false;
    }
    acknowledged_ = true;
    co_return co_await socket_->send_when_room(transport_ws::connection_ack());
  }

  asio::awaitable<bool> on(transport_ws::Ping ping) {
    co_return co_await socket_->send_when_room(transport_ws::pong(ping.payload));
  }

  asio::awaitable<bool> on(transport_ws::Pong) { co_return true; }

  asio::awaitable<bool> on(transport_ws::Complete complete) {
    if (const auto found = by_id_.find(complete.id); found != by_id_.end()) {
      const OperationPtr operation = found->second;
      by_id_.erase(found);
      if (operation->relayed) relay_->complete(complete.id);
      stop(*operation);
    }
    co_return true;
  }

  asio::awaitable<bool> on(transport_ws::Subscribe subscribe) {
    if (!acknowledged_) {
      socket_->close({4401, "Unauthorized"});
      co_return false;
    }
    if (by_id_.contains(subscribe.id)) {
      socket_->close({4409, "Subscriber for " + subscribe.id + " already exists"});
      co_return false;
    }
    if (by_id_.size() >= options_.operations_max) {
      co_return co_await refuse(subscribe.id,
                                {ErrorCode::kResourceExhausted,
                                 "This connection has " + std::to_string(options_.operations_max) +
                                     " operations open; complete one first."});
    }
    if (deps_.front != nullptr) {
      FrontRoute route =
          route_parameters(subscribe.parameters, deps_.front->root_fields(), deps_.service);
      if (route.error) co_return co_await refuse(subscribe.id, *std::move(route.error));
      if (route.side == upstream::Side::kUpstream) co_return co_await relay(subscribe.id);
    }
    auth::PrincipalPtr principal = principal_;
    if (deps_.authenticator != nullptr && !principal) {
      auto found = co_await find_caller_of_operation();
      if (!found) {
        deps_.log.warn_limited("WebSocket without a valid token", {{"peer", peer_}});
        co_return co_await refuse(subscribe.id, std::move(found.error()));
      }
      principal = *std::move(found);
    }
    auto operation = std::make_shared<Operation>();
    operation->id = subscribe.id;
    by_id_.emplace(subscribe.id, operation);
    operations_.spawn(
        socket_->executor(), "operation",
        run_operation(operation, std::move(subscribe.parameters), std::move(principal)));
    co_return true;
  }

  /// Who is not known by a token of this server may be to the one behind it. Asked anew for each
  /// operation, so that a session which ended there ends here.
  asio::awaitable<Result<auth::PrincipalPtr>> find_caller_of_operation() {
    net::HttpHeaders headers = headers_;
    if (authorization_) headers.set("Authorization", *authorization_);
    // Who is asked about and what jobs carry on must be one person's; an empty value is none.
    for (const std::string& name : deps_.forward_headers) {
      const auto carried = std::ranges::find(
          forwarded_headers_, name, [](const auto& header) -> const auto& { return header.first; });
      headers.set(name, carried == forwarded_headers_.end() ? std::string() : carried->second);
    }
    const RequestInfo info = read_request_info(headers, deps_.clock, deps_.random);
    co_return co_await find_caller(deps_, std::move(headers), info);
  }

  asio::awaitable<bool> refuse(std::string id, Error why) {
    const auto refusal = Response::failure(Outcome::kFailed, why.code, why.message);
    co_return co_await socket_->send_when_room(transport_ws::error(id, refusal.errors_text()));
  }

  /// Passes the subscribe message that was just read on to the upstream.
  asio::awaitable<bool> relay(std::string id) {
    if (!relay_) make_relay();
    if (auto taken = relay_->subscribe(id, std::move(received_)); !taken) {
      co_return co_await refuse(std::move(id), std::move(taken.error()));
    }
    auto operation = std::make_shared<Operation>();
    operation->id = id;
    operation->relayed = true;
    by_id_.emplace(std::move(id), std::move(operation));
    co_return true;
  }

  void make_relay() {
    net::HttpRequest upgrade;
    upgrade.headers = headers_;
    upgrade.peer = peer_;
    const RequestInfo info = read_request_info(headers_, deps_.clock, deps_.random);
    relay_ = deps_.front->relay(
        {.strand = socket_->executor(),
         .headers = upstream::upgrade_headers(
             upgrade, {.traceparent = info.trace.traceparent(), .request_id = info.request_id}),
         .query = query_,
         .connection_init = connection_init_,
         .send =
             [this](std::string message) { return socket_->send_when_room(std::move(message)); },
         .ended =
             [this](std::string_view id) {
               if (const auto found = by_id_.find(std::string(id)); found != by_id_.end()) {
                 finish(*OperationPtr(found->second));
               }
             },
         .failed = [this](std::string id, Error why) -> asio::awaitable<void> {
           const auto found = by_id_.find(id);
           if (found == by_id_.end()) co_return;  // the client has completed it meanwhile
           finish(*OperationPtr(found->second));
           co_await refuse(std::move(id), std::move(why));
         }});
  }

  asio::awaitable<void> run_operation(OperationPtr operation,
                                      graphql::request::RequestParameters parameters,
                                      auth::PrincipalPtr principal) {
    const auto self = shared_from_this();
    if (operation->stopped) co_return;
    const auto [error] = co_await asio::co_spawn(
        socket_->executor(),
        serve_operation(operation, std::move(parameters), std::move(principal)),
        asio::bind_cancellation_slot(operation->cancellation.slot(), kTuple));
    if (operation->stopped) co_return;
    if (error) {
      const auto failure = Response::failure(Outcome::kFailed, ErrorCode::kInternal,
                                             "The server failed on this operation; see its log.");
      co_await socket_->send_when_room(transport_ws::error(operation->id, failure.errors_text()));
    }
    finish(*operation);
    if (error) std::rethrow_exception(error);
  }

  asio::awaitable<void> serve_operation(OperationPtr operation,
                                        graphql::request::RequestParameters parameters,
                                        auth::PrincipalPtr principal) {
    RequestInfo info = info_of(parameters);
    info.principal = std::move(principal);
    StartedOperation started = co_await start_operation(
        deps_, std::move(parameters), std::move(info), {.incremental = incremental_});
    Sink sink(*this, *operation);
    co_await deliver(std::move(started), sink, deps_.metrics, "websocket");
  }

  /// The id is free from here on, and nothing is left to stop.
  void finish(Operation& operation) {
    if (operation.stopped) return;
    operation.stopped = true;
    by_id_.erase(operation.id);
  }

  static void stop(Operation& operation) {
    operation.stopped = true;
    operation.cancellation.emit(asio::cancellation_type::terminal);
  }

  /// Takes what the payload of connection_init has in the place of headers that jobs carry on; it
  /// outranks the handshake. @return false where the connection would have to keep too much.
  bool take_forwarded_headers(const boost::json::object& payload) {
    for (const std::string& name : deps_.forward_headers) {
      const auto text = find_header(payload, name);
      if (!text) continue;
      const std::string_view value = net::trim(*text);
      if (value.size() > auth::kForwardedHeaderBytesMax) return false;
      std::erase_if(forwarded_headers_, [&](const auto& header) { return header.first == name; });
      if (!value.empty()) forwarded_headers_.emplace_back(name, value);
    }
    return true;
  }

  /// Cause and deadline of one operation.
  RequestInfo info_of(const graphql::request::RequestParameters& parameters) {
    const boost::json::object& extensions = parameters.extensions;
    net::HttpHeaders headers = headers_;
    if (const auto traceparent = text_member(extensions, "traceparent")) {
      headers.set("traceparent", *traceparent);
    }
    if (const auto correlation = text_member(extensions, "correlationId")) {
      headers.set("x-correlation-id", *correlation);
    }
    RequestInfo info = read_request_info(headers, deps_.clock, deps_.random);
    info.transport = "websocket";
    info.last_event_id.clear();  // a subscription of a socket says where it begins by an argument
    info.forwarded_headers = forwarded_headers_;
    info.deadline = deps_.clock.now().monotonic + options_.request_timeout;
    info.idempotency_key = text_member(extensions, "idempotencyKey");
    return info;
  }

  const GraphqlDependencies& deps_;
  const Options& options_;
  std::shared_ptr<net::WebSocket> socket_;
  net::HttpHeaders headers_;
  std::string query_;
  std::string peer_;
  auth::PrincipalPtr principal_;
  ForwardedHeaders forwarded_headers_;  ///< of every operation
  bool initialised_ = false;
  bool acknowledged_ = false;
  IncrementalFormat incremental_;
  asio::steady_timer init_timer_;
  async::TaskGroup operations_;
  std::unordered_map<std::string, OperationPtr> by_id_;
  std::string received_;                          ///< the message that is being handled, as it came
  std::string connection_init_;                   ///< the same, kept for the upstream
  std::optional<std::string> authorization_;      ///< of connection_init
  std::shared_ptr<upstream::SocketRelay> relay_;  ///< null until an operation needs it
};

GraphqlTransportWs::GraphqlTransportWs(GraphqlDependencies dependencies, Options options)
    : deps_(std::move(dependencies)), options_(options) {}

std::variant<net::WebSocketAccept, net::HttpResponse> GraphqlTransportWs::upgrade(
    const net::HttpRequest& request) {
  auth::PrincipalPtr principal;
  if (const auto header = request.header("Authorization");
      header && deps_.authenticator != nullptr) {
    auto found = deps_.authenticator->authenticate_header(*header);
    if (found) {
      principal = std::move(*found);
    } else if (deps_.front == nullptr) {
      auto response = error_response(401, GraphqlMediaType::kJson, found.error());
      response.headers.add("WWW-Authenticate", "Bearer");
      return response;
    }
  }
  return net::WebSocketAccept{
      .subprotocols = {"graphql-transport-ws"},
      .refusal = {.code = 4406, .reason = "Subprotocol not acceptable"},
      .options = options_.socket,
      .handler = [this, principal](std::shared_ptr<net::WebSocket> socket,
                                   net::HttpRequest upgrade) -> asio::awaitable<void> {
        const auto close_on_failure = socket;
        try {
          co_await std::make_shared<Session>(deps_, options_, std::move(socket), std::move(upgrade),
                                             principal)
              ->run();
        } catch (const boost::system::system_error& e) {
          if (e.code() == asio::error::operation_aborted) throw;
          deps_.log.error("WebSocket session failed", {{"error", e.what()}});
          close_on_failure->close({4500, "Internal server error"});
        } catch (const std::exception& e) {
          deps_.log.error("WebSocket session failed", {{"error", e.what()}});
          close_on_failure->close({4500, "Internal server error"});
        }
      }};
}

}  // namespace errand::server
