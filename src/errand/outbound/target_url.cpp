#include "errand/outbound/target_url.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

namespace errand::outbound {
namespace {

constexpr std::size_t kUrlCharactersMax = 8'192;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool has_hex_prefix(std::string_view part) {
  return part.size() >= 2 && part[0] == '0' && (part[1] == 'x' || part[1] == 'X');
}

/// "Ends in a number checker" of the WHATWG's URL standard: such a host is an IPv4 address or
/// nothing.
bool is_number(std::string_view part) {
  if (has_hex_prefix(part)) return std::ranges::all_of(part.substr(2), is_hex_digit);
  return !part.empty() && std::ranges::all_of(part, is_digit);
}

/// "IPv4 number parser": decimal, octal after a 0, hexadecimal after a 0x. Caps what is too large.
std::optional<std::uint64_t> read_number(std::string_view part) {
  if (!is_number(part)) return std::nullopt;
  std::uint64_t base = 10;
  if (has_hex_prefix(part)) {
    base = 16;
    part.remove_prefix(2);
  } else if (part.size() > 1 && part[0] == '0') {
    base = 8;
    part.remove_prefix(1);
  }
  std::uint64_t number = 0;
  for (const char c : part) {
    const auto digit = static_cast<std::uint64_t>(is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10);
    if (digit >= base) return std::nullopt;
    number = std::min<std::uint64_t>(number * base + digit, std::uint64_t{1} << 40);
  }
  return number;
}

/// "IPv4 parser": one to four numbers, of which the last fills what is left.
std::optional<IpAddress> read_ipv4(const std::vector<std::string_view>& parts) {
  if (parts.size() > 4) return std::nullopt;
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = read_number(parts[i]);
    if (!number) return std::nullopt;
    const bool last = i + 1 == parts.size();
    const std::uint64_t bytes = last ? 4 - i : 1;
    if (*number >= std::uint64_t{1} << (8 * bytes)) return std::nullopt;
    address = (address << (8 * bytes)) | *number;
  }
  return IpAddress::v4(static_cast<std::uint32_t>(address));
}

/// Whether `text` holds nothing but what RFC 3986, 3.3 and 3.4 allow.
bool is_path_and_query(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) {
        return false;
      }
    } else if (!is_digit(c) && (to_lower(c) < 'a' || to_lower(c) > 'z') &&
               !std::string_view("-._~!$&'()*+,;=:@/?").contains(c)) {
      return false;
    }
  }
  return true;
}

std::unexpected<Error> invalid(std::string why) {
  return fail(ErrorCode::kInvalidArgument, std::move(why));
}

}  // namespace

std::string TargetUrl::origin() const {
  const bool brackets = address && !address->is_v4();
  return scheme + "://" + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string TargetUrl::str() const { return origin() + path_and_query; }

std::optional<std::string> normalize_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > 253) return std::nullopt;
  for (const std::string_view label : split(name, '.')) {
    if (label.empty() || label.size() > 63) return std::nullopt;
    const bool plain = std::ranges::all_of(label, [](char c) {
      return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
    });
    if (!plain) return std::nullopt;
  }
  std::string normal(name);
  std::ranges::transform(normal, normal.begin(), to_lower);
  return normal;
}

Result<TargetUrl> parse_target_url(std::string_view url) {
  if (url.size() > kUrlCharactersMax) return invalid("The URL has more than 8,192 characters.");
  TargetUrl target;
  const std::size_t colon = url.find("://");
  std::ranges::transform(url.substr(0, colon == std::string_view::npos ? 0 : colon),
                         std::back_inserter(target.scheme), to_lower);
  if (target.scheme != "https" && target.scheme != "http") {
    return invalid("The URL does not begin with https:// or http://.");
  }
  target.port = target.scheme == "https" ? 443 : 80;

  const std::string_view rest = url.substr(colon + 3);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  std::string_view path_and_query = rest.substr(end);
  path_and_query = path_and_query.substr(0, path_and_query.find('#'));
  if (!is_path_and_query(path_and_query)) {
    return invalid("The URL's path or query holds characters that RFC 3986 wants percent-encoded.");
  }
  target.path_and_query = path_and_query.starts_with('/') ? "" : "/";
  target.path_and_query += path_and_query;

  if (authority.contains('@')) {
    return invalid("The URL holds a user name or password; send credentials in a header.");
  }
  const std::size_t bracket = authority.find(']');
  const std::size_t port_at = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port_at != std::string_view::npos) {
    const std::string_view port = authority.substr(port_at + 1);
    authority = authority.substr(0, port_at);
    if (!port.empty()) {
      const auto [last, ec] = std::from_chars(port.data(), port.data() + port.size(), target.port);
      if (ec != std::errc() || last != port.data() + port.size() || target.port == 0) {
        return invalid("The URL's port is not within 1 and 65535.");
      }
    }
  }

  const auto refuse = [authority](const char* why) {
    return invalid("The URL's host \"" + std::string(authority) + "\" " + why);
  };
  if (authority.empty()) return invalid("The URL has no host.");
  if (authority.starts_with('[')) {
    if (!authority.ends_with(']')) return refuse("is no IPv6 address.");
    target.address = IpAddress::parse(authority.substr(1, authority.size() - 2));
    if (!target.address || target.address->is_v4()) return refuse("is no IPv6 address.");
    target.host = target.address->str();
    return target;
  }
  if (authority.contains('%')) {
    return refuse("is percent-encoded; write it plain, an international name as \"xn--...\".");
  }
  auto name = normalize_host_name(authority);
  if (!name) return refuse("is no host name; write an international one as \"xn--...\".");
  const auto labels = split(*name, '.');
  if (is_number(labels.back())) {
    target.address = read_ipv4(labels);
    if (!target.address) return refuse("ends in a number, but is no IPv4 address.");
    name = target.address->str();
  }
  target.host = std::move(*name);
  return target;
}

}  // namespace errand::outbound
