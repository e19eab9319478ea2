#include "errand/relay/broker_settings.h"

#include <charconv>
#include <fstream>
#include <system_error>

#include <boost/url/parse.hpp>
#include <fmt/format.h>

namespace errand::relay {

Result<BrokerAddress> read_broker_url(std::string_view url, std::string_view scheme,
                                      std::string_view tls_scheme, std::uint16_t port,
                                      std::uint16_t tls_port) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("url {}; it is like {}://broker.example.com:{} or {}://...", what,
                            scheme, port, tls_scheme));
  };
  const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
  if (!parsed) return wrong("cannot be read");
  if (parsed->has_userinfo()) {
    return fail(ErrorCode::kConfigInvalid,
                "url has credentials in it; put USER:PASSWORD into a file and name it in "
                "credentials_file");
  }
  BrokerAddress address;
  const std::string_view has_scheme(parsed->scheme().data(), parsed->scheme().size());
  if (has_scheme != scheme && has_scheme != tls_scheme) return wrong("has another scheme");
  if (parsed->has_query() || parsed->has_fragment()) return wrong("has a query or a fragment");
  address.tls = has_scheme == tls_scheme;
  const auto host = parsed->host_address();
  address.host = host;
  if (address.host.empty()) return wrong("has no host");
  address.port = address.tls ? tls_port : port;
  if (parsed->has_port()) {
    const std::string_view text(parsed->port().data(), parsed->port().size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), address.port);
    if (error != std::errc{} || end != text.data() + text.size() || address.port == 0) {
      return wrong("has no port that can be used");
    }
  }
  address.path = parsed->path();
  if (address.path.starts_with('/')) address.path.erase(0, 1);
  return address;
}

Result<UserPassword> read_user_password(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line)) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the credentials file {} cannot be read", file));
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the first line of {} is not USER:PASSWORD", file));
  }
  return UserPassword{.user = line.substr(0, colon), .password = line.substr(colon + 1)};
}

}  // namespace errand::relay
