#include "errand/outbound/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "errand/base/assert.h"

namespace errand::outbound {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton() wants an end of its own, and no address is longer.
  char buffer[INET6_ADDRSTRLEN + 1] = {};
  if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  std::ranges::copy(text, buffer);
  IpAddress address;
  address.v4_ = !text.contains(':');
  const int read = ::inet_pton(address.v4_ ? AF_INET : AF_INET6, buffer, address.bytes_.data());
  if (read != 1) return std::nullopt;
  return address;
}

std::optional<IpAddress> IpAddress::from_socket(const sockaddr& address) {
  IpAddress result;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(result.bytes_.data(), &v4.sin_addr, 4);
    result.v4_ = true;
    return result;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(result.bytes_.data(), &v6.sin6_addr, 16);
    return result;
  }
  return std::nullopt;
}

IpAddress IpAddress::v4(std::uint32_t number) {
  IpAddress address;
  address.v4_ = true;
  for (std::size_t i = 0; i < 4; ++i) {
    address.bytes_[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  return address;
}

std::uint32_t IpAddress::number() const {
  ERRAND_ASSERT(v4_);
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | bytes_[i];
  return number;
}

std::string IpAddress::str() const {
  char buffer[INET6_ADDRSTRLEN];
  const char* text = ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  ERRAND_ASSERT(text != nullptr);
  return text;
}

Result<Subnet> Subnet::parse(std::string_view text) {
  const auto invalid = [text](const char* why) {
    return fail(ErrorCode::kInvalidArgument, "\"" + std::string(text) + "\" " + why);
  };
  const std::size_t slash = text.find('/');
  const auto first = IpAddress::parse(text.substr(0, slash));
  if (!first) return invalid("is no IP address or subnet, such as \"10.0.0.0/8\"");
  const unsigned longest = first->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return Subnet(*first, longest);
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (ec != std::errc() || end != digits.data() + digits.size() || bits > longest) {
    return invalid("has no length of a prefix after its slash");
  }
  for (unsigned bit = bits; bit < longest; ++bit) {
    if ((first->bytes()[bit / 8] >> (7 - bit % 8) & 1) != 0) {
      return invalid("sets bits after its prefix");
    }
  }
  return Subnet(*first, bits);
}

bool Subnet::contains(const IpAddress& address) const noexcept {
  if (address.is_v4() != first_.is_v4()) return false;
  for (unsigned bit = 0; bit < bits_; bit += 8) {
    const unsigned whole = std::min(8U, bits_ - bit);
    const auto mask = static_cast<std::uint8_t>(0xFF << (8 - whole));
    if (((address.bytes()[bit / 8] ^ first_.bytes()[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string Subnet::str() const { return first_.str() + "/" + std::to_string(bits_); }

}  // namespace errand::outbound
