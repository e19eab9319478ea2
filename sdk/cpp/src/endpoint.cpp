#include "endpoint.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace errand_worker::internal {
namespace {

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
  throw std::invalid_argument("url: " + std::string(why) + ": " + std::string(url));
}

}  // namespace

Endpoint read_endpoint(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  std::string scheme(url.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  Endpoint endpoint;
  if (scheme == "https" || scheme == "wss") {
    endpoint.tls = true;
  } else if (scheme != "http" && scheme != "ws") {
    refuse(url, "it must begin with http:, https:, ws: or wss:");
  }
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, path_begin);
  std::string path(rest.substr(path_begin));
  if (authority.find('@') != std::string_view::npos) {
    refuse(url, "a name and password are not used: pass the token as an option");
  }
  const bool printable =
      std::ranges::all_of(rest, [](unsigned char c) { return c > ' ' && c < 127; });
  if (!printable) refuse(url, "it has a character that must be escaped");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) refuse(url, "a bracket is not closed");
    endpoint.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    endpoint.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (endpoint.host.empty()) refuse(url, "it names no host");
  if (port.starts_with(':')) port.remove_prefix(1);
  const bool digits = std::ranges::all_of(port, [](unsigned char c) { return std::isdigit(c); });
  if (!digits || port.size() > 5) refuse(url, "the port is not a number");
  endpoint.port = port.empty() ? (endpoint.tls ? "443" : "80") : std::string(port);
  endpoint.authority = authority;

  while (path.ends_with('/')) path.pop_back();
  constexpr std::string_view kWorker = "/worker";
  if (path.ends_with(kWorker)) path.resize(path.size() - kWorker.size());
  endpoint.socket_path = path + "/worker";
  endpoint.messages_path = path + "/worker/v1/messages";
  return endpoint;
}

}  // namespace errand_worker::internal
