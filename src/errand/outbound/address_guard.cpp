#include "errand/outbound/address_guard.h"

#include <algorithm>
#include <optional>

#include <ifaddrs.h>

#include "errand/base/assert.h"

namespace errand::outbound {
namespace {

struct Rule {
  Subnet subnet;
  std::string_view name;
};

std::vector<Rule> rules(std::initializer_list<std::pair<const char*, const char*>> table) {
  std::vector<Rule> result;
  for (const auto& [subnet, name] : table) {
    auto parsed = Subnet::parse(subnet);
    ERRAND_ASSERT(parsed);
    result.push_back({*parsed, name});
  }
  return result;
}

/// IANA's registries of special-purpose addresses, the first that fits names the refusal.
const std::vector<Rule>& special() {
  static const std::vector<Rule> table = rules({
      {"0.0.0.0/8", "this network (RFC 791)"},
      {"10.0.0.0/8", "private (RFC 1918)"},
      {"100.64.0.0/10", "shared by carriers (RFC 6598)"},
      {"127.0.0.0/8", "loopback (RFC 1122)"},
      {"169.254.0.0/16", "link-local, where clouds serve metadata (RFC 3927)"},
      {"172.16.0.0/12", "private (RFC 1918)"},
      {"192.0.0.0/24", "protocol assignments (RFC 6890)"},
      {"192.0.2.0/24", "documentation (RFC 5737)"},
      {"192.88.99.0/24", "6to4 relay (RFC 7526)"},
      {"192.168.0.0/16", "private (RFC 1918)"},
      {"198.18.0.0/15", "benchmarking (RFC 2544)"},
      {"198.51.100.0/24", "documentation (RFC 5737)"},
      {"203.0.113.0/24", "documentation (RFC 5737)"},
      {"224.0.0.0/4", "multicast (RFC 5771)"},
      {"240.0.0.0/4", "reserved (RFC 1112)"},
      {"::/128", "unspecified (RFC 4291)"},
      {"::1/128", "loopback (RFC 4291)"},
      {"::ffff:0:0:0/96", "IPv4-translated (RFC 2765)"},
      {"64:ff9b::/96", "NAT64 (RFC 6052)"},
      {"64:ff9b:1::/48", "local NAT64 (RFC 8215)"},
      {"100::/64", "discard (RFC 6666)"},
      {"2001::/32", "Teredo (RFC 4380)"},
      {"2001::/23", "protocol assignments (RFC 2928)"},
      {"2001:db8::/32", "documentation (RFC 3849)"},
      {"2002::/16", "6to4 (RFC 3056)"},
      {"3fff::/20", "documentation (RFC 9637)"},
      {"5f00::/16", "segment routing (RFC 9602)"},
      {"fc00::/7", "unique local (RFC 4193)"},
      {"fe80::/10", "link-local (RFC 4291)"},
      {"fec0::/10", "site-local (RFC 3879)"},
      {"ff00::/8", "multicast (RFC 4291)"},
  });
  return table;
}

/// All that IANA has handed out for the Internet. What it may hand out one day is refused until
/// then.
const Subnet& global_unicast() {
  static const Subnet subnet = *Subnet::parse("2000::/3");
  return subnet;
}

IpAddress v4_at(const IpAddress& address, std::size_t byte, std::uint8_t flip = 0) {
  std::uint32_t number = 0;
  for (std::size_t i = byte; i < byte + 4; ++i) {
    number = number << 8 | static_cast<std::uint8_t>(address.bytes()[i] ^ flip);
  }
  return IpAddress::v4(number);
}

/// The IPv4 address that an IPv4-mapped or IPv4-compatible address (RFC 4291, 2.5.5) stands for.
std::optional<IpAddress> same_as_v4(const IpAddress& address) {
  static const Subnet mapped = *Subnet::parse("::ffff:0:0/96");
  static const Subnet compatible = *Subnet::parse("::/96");
  if (mapped.contains(address)) return v4_at(address, 12);
  // :: and ::1 are not meant by it, and are named better by their own rules.
  const auto v4 = compatible.contains(address) ? std::optional(v4_at(address, 12)) : std::nullopt;
  return v4 && v4->number() > 1 ? v4 : std::nullopt;
}

/// The IPv4 address that a gateway would send a packet for `address` on to.
std::optional<IpAddress> relayed_v4(const IpAddress& address) {
  static const Subnet nat64 = *Subnet::parse("64:ff9b::/96");
  static const Subnet translated = *Subnet::parse("::ffff:0:0:0/96");
  static const Subnet six_to_four = *Subnet::parse("2002::/16");
  static const Subnet teredo = *Subnet::parse("2001::/32");
  if (nat64.contains(address) || translated.contains(address)) return v4_at(address, 12);
  if (six_to_four.contains(address)) return v4_at(address, 2);
  if (teredo.contains(address)) return v4_at(address, 12, 0xFF);  // the client's, inverted
  return std::nullopt;
}

bool holds(const std::vector<Subnet>& subnets, const IpAddress& address) {
  return std::ranges::any_of(subnets,
                             [&](const Subnet& subnet) { return subnet.contains(address); });
}

template <class T, class U>
bool contains(const std::vector<T>& values, const U& value) {
  return std::ranges::find(values, value) != values.end();
}

std::unexpected<Error> forbid(std::string why) {
  return fail(ErrorCode::kForbidden, std::move(why));
}

Result<std::vector<Subnet>> parse_subnets(const std::vector<std::string>& texts) {
  std::vector<Subnet> subnets;
  for (const std::string& text : texts) {
    auto subnet = Subnet::parse(text);
    if (!subnet) return std::unexpected(subnet.error());
    subnets.push_back(*subnet);
  }
  return subnets;
}

}  // namespace

Result<AddressGuard> AddressGuard::create(const Options& options) {
  AddressGuard guard;
  auto deny = parse_subnets(options.deny);
  if (!deny) {
    return fail(ErrorCode::kInvalidArgument, "outbound.deny: " + deny.error().message);
  }
  guard.deny_ = std::move(*deny);
  for (const std::string& entry : options.allow) {
    if (auto subnet = Subnet::parse(entry)) {
      guard.allow_.push_back(*subnet);
      continue;
    }
    const bool below = entry.starts_with("*.");
    auto name = normalize_host_name(below ? std::string_view(entry).substr(2) : entry);
    // "10.0.0" or "1.2.3.4/33" are slips in writing a subnet.
    const bool like_address = name && name->find_first_not_of("0123456789.") == std::string::npos;
    if (!name || like_address) {
      return fail(ErrorCode::kInvalidArgument,
                  "outbound.allow: \"" + entry +
                      "\" is no subnet, address or host name, such as \"10.1.0.0/16\", "
                      "\"jobs.internal\" or \"*.internal\"");
    }
    if (below) {
      guard.allow_suffixes_.push_back("." + *name);
    } else {
      guard.allow_names_.push_back(std::move(*name));
    }
  }
  guard.own_ = options.own;
  guard.ports_ = options.ports;
  guard.allow_http_ = options.allow_http;
  return guard;
}

Result<void> AddressGuard::check_url(const TargetUrl& url) const {
  if (url.scheme != "https" && !allow_http_) {
    return forbid(
        "The target " + url.host +
        " is refused: it is asked for without TLS (http). The setting outbound.http would "
        "allow it.");
  }
  if (!contains(ports_, url.port)) {
    return forbid("The target " + url.host + " is refused: port " + std::to_string(url.port) +
                  " is not among outbound.ports.");
  }
  if (url.address) return check_address(url.host, *url.address);
  return {};
}

Result<void> AddressGuard::check_address(std::string_view host, const IpAddress& address) const {
  const IpAddress judged = same_as_v4(address).value_or(address);
  std::string_view why;
  const char* remedy = " An entry in outbound.allow would allow it.";
  const auto relayed = relayed_v4(judged);
  if (holds(deny_, judged) || (relayed && holds(deny_, *relayed))) {
    why = "outbound.deny names it";
    remedy = "";
  } else if (!is_allowed_name(host)) {
    why = refusal(judged);
  }
  if (why.empty()) return {};

  std::string text = address.str();
  if (host != text) text += " of " + std::string(host);
  if (judged != address) text += " (that is, " + judged.str() + ")";
  return forbid("The address " + text + " is refused: " + std::string(why) + "." + remedy);
}

bool AddressGuard::is_allowed_name(std::string_view host) const {
  return contains(allow_names_, host) ||
         std::ranges::any_of(allow_suffixes_, [host](const std::string& suffix) {
           return host.size() > suffix.size() && host.ends_with(suffix);
         });
}

std::string_view AddressGuard::refusal(const IpAddress& address) const {
  const bool allowed = holds(allow_, address);
  if (const auto v4 = relayed_v4(address); v4 && allowed) return refusal(*v4);
  if (allowed) return {};
  if (contains(own_, address)) return "it is this machine's own";
  for (const Rule& rule : special()) {
    if (rule.subnet.contains(address)) return rule.name;
  }
  if (!address.is_v4() && !global_unicast().contains(address)) {
    return "not handed out for the Internet (RFC 4291)";
  }
  return {};
}

std::vector<IpAddress> local_addresses() {
  std::vector<IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (const auto address = IpAddress::from_socket(*entry->ifa_addr)) {
      addresses.push_back(*address);
    }
  }
  ::freeifaddrs(list);
  return addresses;
}

}  // namespace errand::outbound
