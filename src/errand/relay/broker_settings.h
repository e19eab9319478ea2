#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::relay {

/// How a broker is reached, whichever it is.
struct BrokerSettings {
  std::string url;               ///< "nats://host:4222", "amqps://host/vhost"; no credentials
  std::string credentials_file;  ///< one line "USER:PASSWORD", read at each connection; or empty
  std::string ca_file;           ///< certificates to trust instead of the system's; empty: those
  std::string topic = "errand";  ///< stands before each topic: is_topic_prefix()
  bool create = false;           ///< the stream or exchange is made where it is missing
  Milliseconds timeout{5'000};   ///< of one call, 1 s..60 s

  friend bool operator==(const BrokerSettings&, const BrokerSettings&) = default;
};

/// Where the certificates are that Debian trusts.
inline constexpr const char* kSystemCertificates = "/etc/ssl/certs/ca-certificates.crt";

/// Where a broker is.
struct BrokerAddress {
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 0;
  bool tls = false;
  std::string path;  ///< decoded, without the first slash
};

/// Reads `url` with the schemes "SCHEME" and, for TLS, `tls_scheme`.
/// @return kConfigInvalid saying what is wrong, without the URL's credentials
Result<BrokerAddress> read_broker_url(std::string_view url, std::string_view scheme,
                                      std::string_view tls_scheme, std::uint16_t port,
                                      std::uint16_t tls_port);

struct UserPassword {
  std::string user;
  std::string password;
};

/// Reads a credentials file.
/// @return kUnavailable naming the file, never what is in it
Result<UserPassword> read_user_password(const std::string& file);

}  // namespace errand::relay
