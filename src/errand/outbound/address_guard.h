#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"
#include "errand/outbound/ip_address.h"
#include "errand/outbound/target_url.h"

namespace errand::outbound {

/// Says where requests may go, so that a URL from outside cannot reach what only this machine can:
/// its own services, its network, a cloud's metadata (server-side request forgery).
///
/// A name says nothing: what counts is the address that a socket is about to use. So it is asked
/// twice, check_url() for what the text tells and check_address() at each connection; between them
/// a name may have come to mean something else (DNS rebinding).
///
/// Refused are all addresses that are not of the public Internet, and those of the IPv6 transition
/// mechanisms (NAT64, 6to4, Teredo), which hide IPv4 addresses within; an IPv4-mapped one is judged
/// as what it maps. Options::allow makes exceptions.
///
/// Immutable, hence safe to share between threads.
class AddressGuard {
 public:
  struct Options {
    /// What may be reached in spite of its address; setting `outbound.allow`. Each one is
    /// - a subnet or address: "10.1.0.0/16", "127.0.0.1", "fd00::/8";
    /// - a host name: "jobs.internal", or "*.svc.cluster.local" for all names below. It is trusted
    ///   whatever it resolves to.
    /// One of NAT64, 6to4 or Teredo allows the mechanism, while the IPv4 address within still has
    /// to pass.
    std::vector<std::string> allow;
    /// Subnets and addresses that stay refused, whatever `allow` says; setting `outbound.deny`.
    std::vector<std::string> deny;
    /// Addresses of this machine, such as local_addresses(): refused, as what listens there may
    /// take the server's own requests for trusted ones. `allow` outranks them.
    std::vector<IpAddress> own;
    /// Ports that URLs may name; setting `outbound.ports`.
    std::vector<std::uint16_t> ports{443, 8443, 80};
    bool allow_http = false;  ///< without TLS too; setting `outbound.http`
  };

  /// @return kInvalidArgument naming the entry of `allow` or `deny` that is none
  static Result<AddressGuard> create(const Options& options);

  /// What can be told without resolving: scheme, port, and the address of a host that is one.
  /// @return kForbidden naming the host, the rule and the setting that would allow it
  [[nodiscard]] Result<void> check_url(const TargetUrl& url) const;

  /// Whether a socket may be connected to `address`, which `host` (TargetUrl::host) resolved to.
  /// @return kForbidden naming host, address, rule and the setting that would allow it
  [[nodiscard]] Result<void> check_address(std::string_view host, const IpAddress& address) const;

  [[nodiscard]] bool allows_http() const noexcept { return allow_http_; }

 private:
  AddressGuard() = default;

  [[nodiscard]] bool is_allowed_name(std::string_view host) const;
  /// Why `address` is refused; "" when it is not.
  [[nodiscard]] std::string_view refusal(const IpAddress& address) const;

  std::vector<Subnet> allow_;
  std::vector<Subnet> deny_;
  std::vector<IpAddress> own_;
  std::vector<std::string> allow_names_;     ///< exact
  std::vector<std::string> allow_suffixes_;  ///< ".svc.cluster.local"
  std::vector<std::uint16_t> ports_;
  bool allow_http_ = false;
};

/// The addresses of this machine's network interfaces at this moment.
std::vector<IpAddress> local_addresses();

}  // namespace errand::outbound
