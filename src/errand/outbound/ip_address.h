#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/result.h"

struct sockaddr;

namespace errand::outbound {

/// An IPv4 or IPv6 address: a plain value without port or zone.
class IpAddress {
 public:
  /// Reads a dotted quad ("192.0.2.1", no leading zeros) or a text of RFC 4291, 2.2 without zone.
  static std::optional<IpAddress> parse(std::string_view text);
  /// The address of a socket; nullopt for families other than IPv4 and IPv6.
  static std::optional<IpAddress> from_socket(const sockaddr& address);
  /// From the number whose highest byte comes first in the text.
  static IpAddress v4(std::uint32_t number);

  [[nodiscard]] bool is_v4() const noexcept { return v4_; }
  /// The number of an IPv4 address. It is one.
  [[nodiscard]] std::uint32_t number() const;
  /// In network order: 4 bytes that count of an IPv4 address, else 16. The rest is zero.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }

  /// As parse() reads it, in the form of RFC 5952.
  [[nodiscard]] std::string str() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = false;
};

/// The addresses that begin with the same bits. A plain value.
class Subnet {
 public:
  /// Reads "10.0.0.0/8", "fd00::/8", or a single address.
  /// @return kInvalidArgument where it is neither, or bits after the prefix are set ("10.1.2.3/8"),
  ///         which is rather a slip than meant so
  static Result<Subnet> parse(std::string_view text);

  Subnet(IpAddress first, unsigned prefix_bits) : first_(first), bits_(prefix_bits) {}

  /// Whether `address` is in it. One of the other family never is, also not IPv4-mapped.
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;

  [[nodiscard]] std::string str() const;

 private:
  IpAddress first_;
  unsigned bits_;
};

}  // namespace errand::outbound
