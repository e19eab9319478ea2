#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/graphql/request/request_parameters.h"

/// Messages of the subprotocol `graphql-transport-ws` (graphql-ws, PROTOCOL.md).
namespace errand::server::transport_ws {

struct ConnectionInit {
  std::optional<boost::json::object> payload;
};
struct Subscribe {
  std::string id;
  graphql::request::RequestParameters parameters;
};
struct Complete {
  std::string id;
};
struct Ping {
  std::optional<boost::json::object> payload;
};
struct Pong {};

using ClientMessage = std::variant<ConnectionInit, Subscribe, Complete, Ping, Pong>;

/// Longest id that a client may give, in bytes.
inline constexpr std::size_t kIdBytesMax = 256;

/// Reads one message of a client.
/// @return kProtocolError saying what is wrong, short enough for a close reason of 4400.
Result<ClientMessage> parse_client_message(std::string_view text);

// Messages of the server. `payload` is JSON text.
std::string connection_ack();
std::string next(std::string_view id, std::string_view payload);
std::string error(std::string_view id, std::string_view errors);
std::string complete(std::string_view id);
std::string pong(const std::optional<boost::json::object>& payload);

}  // namespace errand::server::transport_ws
