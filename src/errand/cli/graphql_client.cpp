#include "errand/cli/graphql_client.h"

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json/array.hpp>
#include <boost/url/parse.hpp>
#include <fmt/format.h>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::cli {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::use_awaitable;

constexpr std::size_t kAnswerBytesMax = 64 << 20;
constexpr json::ParseLimits kAnswerLimits{.bytes_max = kAnswerBytesMax, .depth_max = 256};

/// Runs a coroutine to its end on a loop of its own. Asio throws; a Result leaves.
template <class T>
Result<T> run(const std::string& url, const std::function<asio::awaitable<Result<T>>()>& start) {
  asio::io_context context(1);
  std::optional<Result<T>> outcome;
  asio::co_spawn(context, start(), [&](std::exception_ptr error, Result<T> value) {
    if (!error) {
      outcome = std::move(value);
      return;
    }
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      const auto code = e.code();
      const std::string why = code == beast::error::timeout ? "no answer in time" : code.message();
      outcome = fail(ErrorCode::kUnavailable, fmt::format("no answer from {}: {}", url, why));
    } catch (const std::exception& e) {
      outcome = fail(ErrorCode::kInternal, e.what());
    }
  });
  context.run();
  return *std::move(outcome);
}

asio::awaitable<void> connect(beast::tcp_stream& stream, const std::string& host,
                              const std::string& port, Milliseconds timeout) {
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const auto addresses = co_await resolver.async_resolve(host, port, use_awaitable);
  stream.expires_after(timeout);
  co_await stream.async_connect(addresses, use_awaitable);
}

ErrorCode code_of(std::string_view name) {
  for (const auto code :
       {ErrorCode::kUnauthenticated, ErrorCode::kForbidden, ErrorCode::kNotFound}) {
    if (name == to_string(code)) return code;
  }
  return ErrorCode::kInvalidArgument;
}

/// The `errors` of a GraphQL answer as one Error: the code of the first, the texts of all.
Error to_error(const boost::json::array& errors) {
  Error error{ErrorCode::kInvalidArgument, ""};
  for (const auto& item : errors) {
    const auto* object = item.if_object();
    if (!object) continue;
    const auto* message = object->if_contains("message");
    const auto* extensions = object->if_contains("extensions");
    const auto* code = extensions && extensions->is_object()
                           ? extensions->get_object().if_contains("code")
                           : nullptr;
    std::string line = message && message->is_string() ? std::string(message->get_string())
                                                       : std::string("the server gave no reason");
    if (code && code->is_string()) {
      if (error.message.empty()) error.code = code_of(code->get_string());
      line += fmt::format(" [{}]", std::string_view(code->get_string()));
    }
    if (!error.message.empty()) error.message += "\n";
    error.message += line;
  }
  return error;
}

/// `data` of an execution result, or its errors.
Result<boost::json::object> data_of(const boost::json::object& result) {
  if (const auto* errors = result.if_contains("errors"); errors && errors->is_array()) {
    return std::unexpected(to_error(errors->get_array()));
  }
  if (const auto* data = result.if_contains("data"); data && data->is_object()) {
    return data->get_object();
  }
  return fail(ErrorCode::kProtocolError, "the answer has neither data nor errors");
}

}  // namespace

Result<GraphqlClient> GraphqlClient::create(Options options) {
  const auto url = boost::urls::parse_uri(options.url);
  if (!url || url->host().empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("\"{}\" is not a URL; write for example http://127.0.0.1:7420", options.url));
  }
  if (url->scheme() != "http") {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("\"{}\": only http:// addresses can be used; for a server behind TLS, run "
                    "the command where it is reached directly",
                    options.url));
  }
  std::string path = url->path();
  while (path.ends_with('/')) path.pop_back();
  std::string port = url->has_port() ? std::string(url->port()) : "80";
  std::string host = url->host_address();
  return GraphqlClient(std::move(options), std::move(host), std::move(port), path + "/graphql");
}

Result<boost::json::object> GraphqlClient::execute(
    std::string_view query, const boost::json::object& variables,
    const std::map<std::string, std::string>& headers) const {
  http::request<http::string_body> request(http::verb::post, target_, 11);
  request.set(http::field::host, fmt::format("{}:{}", host_, port_));
  request.set(http::field::content_type, "application/json");
  request.set(http::field::accept, "application/graphql-response+json, application/json");
  request.set(http::field::user_agent, "errand-cli");
  request.set(http::field::connection, "close");
  if (!options_.token.empty()) request.set(http::field::authorization, "Bearer " + options_.token);
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = json::to_text(boost::json::object{{"query", query}, {"variables", variables}});
  request.prepare_payload();

  const auto exchange = [&]() -> asio::awaitable<Result<std::string>> {
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    co_await connect(stream, host_, port_, options_.timeout);
    stream.expires_after(options_.timeout);
    co_await http::async_write(stream, request, use_awaitable);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    co_await http::async_read(stream, buffer, parser, use_awaitable);
    co_return parser.release().body();
  };
  const auto body = run<std::string>(options_.url, exchange);
  if (!body) return std::unexpected(body.error());
  const auto answer = json::parse(*body, kAnswerLimits);
  if (!answer || !answer->is_object()) {
    return fail(ErrorCode::kProtocolError,
                fmt::format("{} does not answer as an Errand server does", options_.url));
  }
  return data_of(answer->get_object());
}

Result<void> GraphqlClient::subscribe(
    std::string_view query, const boost::json::object& variables,
    const std::function<bool(const boost::json::object& data)>& on_data) const {
  const auto follow = [&]() -> asio::awaitable<Result<void>> {
    websocket::stream<beast::tcp_stream> stream(co_await asio::this_coro::executor);
    co_await connect(beast::get_lowest_layer(stream), host_, port_, options_.timeout);
    beast::get_lowest_layer(stream).expires_never();
    auto timeouts = websocket::stream_base::timeout::suggested(beast::role_type::client);
    timeouts.keep_alive_pings = true;
    timeouts.idle_timeout = options_.timeout;
    stream.set_option(timeouts);
    stream.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
      request.set(http::field::sec_websocket_protocol, "graphql-transport-ws");
      request.set(http::field::user_agent, "errand-cli");
    }));
    stream.read_message_max(kAnswerBytesMax);
    co_await stream.async_handshake(fmt::format("{}:{}", host_, port_), target_, use_awaitable);

    const auto send = [&stream](boost::json::object message) -> asio::awaitable<void> {
      const std::string text = json::to_text(message);
      co_await stream.async_write(asio::buffer(text), use_awaitable);
    };
    boost::json::object init;
    if (!options_.token.empty()) init["authorization"] = "Bearer " + options_.token;
    co_await send({{"type", "connection_init"}, {"payload", std::move(init)}});

    beast::flat_buffer buffer;
    while (true) {
      buffer.clear();
      try {
        co_await stream.async_read(buffer, use_awaitable);
      } catch (const boost::system::system_error& e) {
        if (e.code() != websocket::error::closed) throw;
        const auto& reason = stream.reason();
        const auto code = reason.code == 4401 || reason.code == 4403 ? ErrorCode::kUnauthenticated
                                                                     : ErrorCode::kUnavailable;
        co_return fail(code, fmt::format("the server closed the connection: {} {}", reason.code,
                                         std::string_view(reason.reason.c_str())));
      }
      const auto text =
          std::string_view(static_cast<const char*>(buffer.cdata().data()), buffer.size());
      const auto message = json::parse(text, kAnswerLimits);
      if (!message || !message->is_object()) {
        co_return fail(ErrorCode::kProtocolError, "the server sent a message that is not JSON");
      }
      const auto& object = message->get_object();
      const auto* type = object.if_contains("type");
      const auto* payload = object.if_contains("payload");
      if (!type || !type->is_string()) {
        co_return fail(ErrorCode::kProtocolError, "the server sent a message without a type");
      }
      const std::string_view kind = type->get_string();
      if (kind == "connection_ack") {
        co_await send(
            {{"id", "1"},
             {"type", "subscribe"},
             {"payload", boost::json::object{{"query", query}, {"variables", variables}}}});
      } else if (kind == "ping") {
        co_await send({{"type", "pong"}});
      } else if (kind == "next" && payload && payload->is_object()) {
        const auto data = data_of(payload->get_object());
        if (!data) co_return std::unexpected(data.error());
        if (!on_data(*data)) break;
      } else if (kind == "error") {
        co_return std::unexpected(payload && payload->is_array()
                                      ? to_error(payload->get_array())
                                      : Error{ErrorCode::kProtocolError, "unknown error"});
      } else if (kind == "complete") {
        break;
      }
    }
    co_await stream.async_close(websocket::close_code::normal, use_awaitable);
    co_return Result<void>{};
  };
  return run<void>(options_.url, follow);
}

}  // namespace errand::cli
