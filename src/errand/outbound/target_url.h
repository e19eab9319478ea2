#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/outbound/ip_address.h"

namespace errand::outbound {

/// Where a request goes, in one spelling: whoever judges the URL and whoever connects read the
/// same. Made by parse_target_url().
struct TargetUrl {
  std::string scheme;  ///< "https" or "http"
  /// Lower-case name without a last dot, dotted quad, or IPv6 address without brackets.
  std::string host;
  std::optional<IpAddress> address;  ///< of a host that is no name
  std::uint16_t port = 0;
  std::string path_and_query;  ///< as sent: "/hooks?a=1"

  /// "https://host:port": requests with the same origin share connections and limits.
  [[nodiscard]] std::string origin() const;
  /// The whole URL, its port written out.
  [[nodiscard]] std::string str() const;
};

/// Reads an absolute http or https URL (RFC 3986, without the leniency of browsers: no blanks,
/// backslashes or control characters). The host is normalised as by the WHATWG's URL standard, so
/// that "127.1", "0x7f.1", "017700000001" and "2130706433" are all 127.0.0.1; one that ends in a
/// number but is no IPv4 address is refused. A fragment is dropped, since it is never sent.
///
/// Refused: other schemes, userinfo, percent-encoded hosts (they hide what they are), hosts beyond
/// ASCII (write their "xn--" form), IPv6 zones, port 0, more than 8,192 characters.
///
/// @return kInvalidArgument, its message naming host and reason but never path or query, which may
///         hold secrets
Result<TargetUrl> parse_target_url(std::string_view url);

/// A host name as TargetUrl::host has it: lower case, no last dot, letters, digits, "-" and "_" in
/// labels of 1 to 63 characters, at most 253 in all.
/// @return nullopt for anything else
std::optional<std::string> normalize_host_name(std::string_view name);

}  // namespace errand::outbound
