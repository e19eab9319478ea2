#include "errand/outbound/address_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::outbound {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

AddressGuard guard(const AddressGuard::Options& options = {}) {
  auto made = AddressGuard::create(options);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

IpAddress ip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress());
}

/// Empty: it may be reached.
std::string refusal(const AddressGuard& g, std::string_view address,
                    std::string_view host = "hooks.example") {
  const auto checked = g.check_address(host, ip(address));
  return checked ? "" : checked.error().message;
}

/// The refusal of a URL by its text, or by the address that its host is.
Error url_error(const AddressGuard& g, std::string_view url) {
  const auto target = parse_target_url(url);
  if (!target) return target.error();
  const auto checked = g.check_url(*target);
  return checked ? Error{.code = ErrorCode::kInternal, .message = "allowed"} : checked.error();
}

TEST(AddressGuard, LetsTheInternetThrough) {
  const AddressGuard g = guard();
  for (const char* address : {"1.1.1.1",
                              "8.8.8.8",
                              "9.255.255.255",
                              "11.0.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.1",
                              "169.253.255.255",
                              "169.255.0.0",
                              "172.15.255.255",
                              "172.32.0.0",
                              "191.255.255.255",
                              "192.0.1.0",
                              "192.0.3.0",
                              "192.88.98.255",
                              "192.88.100.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "198.17.255.255",
                              "198.20.0.0",
                              "198.51.99.255",
                              "198.51.101.0",
                              "203.0.112.255",
                              "203.0.114.0",
                              "223.255.255.255",
                              "2606:4700::1111",
                              "2001:200::1",
                              "2001:4860:4860::8888",
                              "2003::1",
                              "2a00::1",
                              "3ffe::1",
                              "::ffff:8.8.8.8",
                              "::8.8.8.8"}) {
    EXPECT_EQ(refusal(g, address), "") << address;
  }
}

TEST(AddressGuard, RefusesWhatIsNotOfTheInternet) {
  struct Case {
    const char* first;
    const char* last;
    const char* rule;
  };
  const AddressGuard g = guard();
  for (const auto& [first, last, rule] : {
           Case{"0.0.0.0", "0.255.255.255", "this network"},
           Case{"10.0.0.0", "10.255.255.255", "private"},
           Case{"100.64.0.0", "100.127.255.255", "shared by carriers"},
           Case{"127.0.0.0", "127.255.255.255", "loopback"},
           Case{"169.254.0.0", "169.254.255.255", "link-local"},
           Case{"172.16.0.0", "172.31.255.255", "private"},
           Case{"192.0.0.0", "192.0.0.255", "protocol assignments"},
           Case{"192.0.2.0", "192.0.2.255", "documentation"},
           Case{"192.88.99.0", "192.88.99.255", "6to4 relay"},
           Case{"192.168.0.0", "192.168.255.255", "private"},
           Case{"198.18.0.0", "198.19.255.255", "benchmarking"},
           Case{"198.51.100.0", "198.51.100.255", "documentation"},
           Case{"203.0.113.0", "203.0.113.255", "documentation"},
           Case{"224.0.0.0", "239.255.255.255", "multicast"},
           Case{"240.0.0.0", "255.255.255.255", "reserved"},
           Case{"::", "::", "unspecified"},
           Case{"::1", "::1", "loopback"},
           Case{"::127.0.0.1", "::127.255.255.255", "loopback"},
           Case{"::10.0.0.0", "::10.255.255.255", "private"},
           Case{"::2", "::00ff:ffff", "this network"},
           Case{"::ffff:0.0.0.0", "::ffff:0.255.255.255", "this network"},
           Case{"::ffff:127.0.0.0", "::ffff:127.255.255.255", "loopback"},
           Case{"::ffff:169.254.0.0", "::ffff:169.254.255.255", "link-local"},
           Case{"::ffff:192.168.0.0", "::ffff:192.168.255.255", "private"},
           Case{"::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "IPv4-translated"},
           Case{"64:ff9b::", "64:ff9b::ffff:ffff", "NAT64"},
           Case{"64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "NAT64"},
           Case{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"},
           Case{"100::", "100::ffff:ffff:ffff:ffff", "discard"},
           Case{"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"},
           Case{"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments"},
           Case{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
           Case{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"},
           Case{"2002:7f00:1::", "2002:808:808::1", "6to4"},
           Case{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
           Case{"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "segment routing"},
           Case{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"},
           Case{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"},
           Case{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "site-local"},
           Case{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
           Case{"100:0:0:1::", "1fff::", "not handed out"},
           Case{"4000::", "5eff::", "not handed out"},
           Case{"6000::", "fbff::", "not handed out"},
       }) {
    EXPECT_THAT(refusal(g, first), HasSubstr(rule)) << first;
    EXPECT_THAT(refusal(g, last), HasSubstr(rule)) << last;
  }
}

TEST(AddressGuard, SaysHostAddressRuleAndRemedy) {
  const AddressGuard g = guard();
  EXPECT_EQ(refusal(g, "::ffff:10.0.0.1", "evil.example"),
            "The address ::ffff:10.0.0.1 of evil.example (that is, 10.0.0.1) is refused: private "
            "(RFC 1918). An entry in outbound.allow would allow it.");
  EXPECT_EQ(refusal(g, "127.0.0.1", "127.0.0.1"),
            "The address 127.0.0.1 is refused: loopback (RFC 1122). An entry in outbound.allow "
            "would allow it.");
}

TEST(AddressGuard, RefusesPlainHttpAndOtherPortsUntilTheyAreAllowed) {
  EXPECT_THAT(url_error(guard(), "http://hooks.example/").message, HasSubstr("outbound.http"));
  EXPECT_EQ(url_error(guard({.allow_http = true}), "http://hooks.example/").message, "allowed");
  EXPECT_EQ(url_error(guard(), "https://hooks.example:8443/").message, "allowed");
  EXPECT_THAT(url_error(guard(), "https://hooks.example:22/").message,
              AllOf(HasSubstr("port 22"), HasSubstr("outbound.ports")));
  EXPECT_EQ(url_error(guard({.ports = {22}}), "https://hooks.example:22/").message, "allowed");
}

TEST(AddressGuard, AllowsSubnets) {
  const AddressGuard g = guard({.allow = {"10.1.0.0/16", "127.0.0.1", "fd00::/8"}});
  EXPECT_EQ(refusal(g, "10.1.2.3"), "");
  EXPECT_EQ(refusal(g, "::ffff:10.1.2.3"), "");
  EXPECT_EQ(refusal(g, "127.0.0.1"), "");
  EXPECT_EQ(refusal(g, "fd12::1"), "");
  EXPECT_NE(refusal(g, "10.2.0.0"), "");
  EXPECT_NE(refusal(g, "127.0.0.2"), "");
  EXPECT_NE(refusal(g, "fc00::1"), "");
}

TEST(AddressGuard, AllowsNamesWhateverTheyResolveTo) {
  const AddressGuard g = guard({.allow = {"Jobs.Internal.", "*.svc.cluster.local"}});
  EXPECT_EQ(refusal(g, "10.0.0.1", "jobs.internal"), "");
  EXPECT_EQ(refusal(g, "10.0.0.1", "a.svc.cluster.local"), "");
  EXPECT_EQ(refusal(g, "10.0.0.1", "a.b.svc.cluster.local"), "");
  for (const char* host : {"other.internal", "jobs.internal.evil.example", "svc.cluster.local",
                           "asvc.cluster.local", ".svc.cluster.local", "evil-jobs.internal"}) {
    EXPECT_NE(refusal(g, "10.0.0.1", host), "") << host;
  }
}

TEST(AddressGuard, JudgesTheAddressWithinAnAllowedTransitionMechanism) {
  const AddressGuard g =
      guard({.allow = {"64:ff9b::/96", "2002::/16", "2001::/32", "192.168.0.0/16"}});
  EXPECT_EQ(refusal(g, "64:ff9b::8.8.8.8"), "");
  EXPECT_EQ(refusal(g, "64:ff9b::192.168.0.1"), "");
  EXPECT_THAT(refusal(g, "64:ff9b::169.254.169.254"), HasSubstr("link-local"));
  EXPECT_EQ(refusal(g, "2002:808:808::1"), "");
  EXPECT_THAT(refusal(g, "2002:7f00:1::1"), HasSubstr("loopback"));
  EXPECT_EQ(refusal(g, "2001:0:4136:e378:8000:63bf:f7f7:f7f7"), "");  // client 8.8.8.8
  EXPECT_THAT(refusal(g, "2001:0:4136:e378:8000:63bf:80ff:fffe"), HasSubstr("loopback"));
}

TEST(AddressGuard, DenyOutranksAllow) {
  const AddressGuard g = guard({.allow = {"0.0.0.0/0", "64:ff9b::/96", "trusted.example"},
                                .deny = {"169.254.0.0/16", "8.8.8.0/24"}});
  EXPECT_EQ(refusal(g, "10.0.0.1"), "");
  for (const char* address :
       {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "8.8.8.8"}) {
    for (const char* host : {"hooks.example", "trusted.example"}) {
      EXPECT_THAT(refusal(g, address, host),
                  AllOf(HasSubstr("outbound.deny"), Not(HasSubstr("outbound.allow"))))
          << address;
    }
  }
}

TEST(AddressGuard, RefusesTheMachinesOwnAddresses) {
  AddressGuard::Options options{.own = {ip("8.8.4.4"), ip("2a00::5")}};
  EXPECT_THAT(refusal(guard(options), "8.8.4.4"), HasSubstr("own"));
  EXPECT_THAT(refusal(guard(options), "::ffff:8.8.4.4"), HasSubstr("own"));
  EXPECT_THAT(refusal(guard(options), "2a00::5"), HasSubstr("own"));
  options.allow = {"8.8.4.4"};
  EXPECT_EQ(refusal(guard(options), "8.8.4.4"), "");
  EXPECT_THAT(local_addresses(), testing::Contains(ip("127.0.0.1")));
}

TEST(AddressGuard, NamesTheEntryThatIsNone) {
  for (const char* entry :
       {"", "10.0.0", "10.0.0.0/33", "10.0.0.1/8", "fd00::/129", "fe80::1%eth0", "*", "*.", "a..b",
        "http://a.example", "a.example:80", "10.0.0.0/", "/8", "10.0.0.0/-1", "10.0.0.0/8x"}) {
    const auto made = AddressGuard::create({.allow = {"10.0.0.0/8", entry}});
    ASSERT_FALSE(made) << entry;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(made.error().message,
                AllOf(HasSubstr("outbound.allow"), HasSubstr("\"" + std::string(entry) + "\"")));
  }
  EXPECT_FALSE(AddressGuard::create({.deny = {"name.example"}}));
}

}  // namespace
}  // namespace errand::outbound
