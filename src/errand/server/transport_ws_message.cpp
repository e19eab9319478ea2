#include "errand/server/transport_ws_message.h"

#include <utility>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::server::transport_ws {

namespace {

std::unexpected<Error> invalid(std::string text) {
  return fail(ErrorCode::kProtocolError, std::move(text));
}

/// The payload of connection_init, ping and pong: an object, null or nothing. It outlives the
/// memory of the message.
Result<std::optional<boost::json::object>> read_payload(const boost::json::object& message,
                                                        std::string_view type) {
  const boost::json::value* payload = message.if_contains("payload");
  if (payload == nullptr || payload->is_null()) return std::optional<boost::json::object>();
  if (!payload->is_object()) {
    return invalid("The payload of \"" + std::string(type) + "\" must be an object or null");
  }
  return std::optional<boost::json::object>(std::in_place, payload->get_object(),
                                            boost::json::storage_ptr());
}

Result<std::string> read_id(const boost::json::object& message, std::string_view type) {
  const boost::json::value* id = message.if_contains("id");
  if (id == nullptr || !id->is_string() || id->get_string().empty()) {
    return invalid("The id of \"" + std::string(type) + "\" must be a non-empty string");
  }
  if (id->get_string().size() > kIdBytesMax) {
    return invalid("The id of \"" + std::string(type) + "\" is longer than 256 bytes");
  }
  return std::string(id->get_string());
}

std::string with_payload(std::string_view type, std::string_view id, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + id.size() + 48);
  out += R"({"id":)";
  json::append_string(out, id);
  out += R"(,"type":")";
  out += type;
  out += R"(","payload":)";
  out += payload;
  out += '}';
  return out;
}

}  // namespace

Result<ClientMessage> parse_client_message(std::string_view text) {
  auto memory = graphql::request::RequestMemory::make();
  auto parsed = json::parse(text, {.bytes_max = text.size() + 1}, memory.storage());
  if (!parsed) return invalid("The message is not JSON");
  boost::json::object* message = parsed->if_object();
  if (message == nullptr) return invalid("The message is not a JSON object");
  const boost::json::value* type_value = message->if_contains("type");
  if (type_value == nullptr || !type_value->is_string()) {
    return invalid("The message has no \"type\"");
  }
  const std::string_view type = type_value->get_string();

  if (type == "connection_init") {
    auto payload = read_payload(*message, type);
    if (!payload) return std::unexpected(payload.error());
    return ConnectionInit{std::move(*payload)};
  }
  if (type == "ping") {
    auto payload = read_payload(*message, type);
    if (!payload) return std::unexpected(payload.error());
    return Ping{std::move(*payload)};
  }
  if (type == "pong") {
    auto payload = read_payload(*message, type);
    if (!payload) return std::unexpected(payload.error());
    return Pong{};
  }
  if (type == "complete") {
    auto id = read_id(*message, type);
    if (!id) return std::unexpected(id.error());
    return Complete{std::move(*id)};
  }
  if (type == "subscribe") {
    auto id = read_id(*message, type);
    if (!id) return std::unexpected(id.error());
    boost::json::value* payload = message->if_contains("payload");
    if (payload == nullptr || !payload->is_object()) {
      return invalid("The payload of \"subscribe\" must be an object");
    }
    auto parameters =
        graphql::request::parse_request_parameters(std::move(*payload), std::move(memory));
    if (!parameters) return invalid("In \"subscribe\": " + parameters.error().message);
    return Subscribe{std::move(*id), std::move(*parameters)};
  }
  if (type == "connection_ack" || type == "next" || type == "error") {
    return invalid("\"" + std::string(type) + "\" is the server's to send");
  }
  return invalid("Unknown message type");
}

std::string connection_ack() { return R"({"type":"connection_ack"})"; }

std::string next(std::string_view id, std::string_view payload) {
  return with_payload("next", id, payload);
}

std::string error(std::string_view id, std::string_view errors) {
  return with_payload("error", id, errors);
}

std::string complete(std::string_view id) {
  std::string out = R"({"id":)";
  json::append_string(out, id);
  out += R"(,"type":"complete"})";
  return out;
}

std::string pong(const std::optional<boost::json::object>& payload) {
  if (!payload) return R"({"type":"pong"})";
  std::string out = R"({"type":"pong","payload":)";
  json::append_value(out, *payload);
  out += '}';
  return out;
}

}  // namespace errand::server::transport_ws
