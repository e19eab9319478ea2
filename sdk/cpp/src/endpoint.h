#pragma once

#include <string>
#include <string_view>

namespace errand_worker::internal {

/// Where a server is, and the paths of the protocol below its address.
struct Endpoint {
  bool tls = false;
  std::string host;  ///< without the brackets of an IPv6 address
  std::string port;
  std::string authority;      ///< for the header Host
  std::string socket_path;    ///< of the WebSocket, ending in "/worker"
  std::string messages_path;  ///< of the fallback, ending in "/worker/v1/messages"
};

/// Reads an address such as "https://errand.example/base"; schemes http, https, ws and wss. A path
/// that ends in "/worker" already is the WebSocket's.
/// @throws std::invalid_argument
Endpoint read_endpoint(std::string_view url);

}  // namespace errand_worker::internal
