#include <array>
#include <chrono>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include "errand/outbound/http_client.h"
#include "errand/outbound/http_client_test_server.h"

// What a URL from outside may say in order to reach what it must not: server-side request forgery,
// through the whole client.

namespace {

/// Names of the tests, with what each resolves to: one answer after the other, the last for good.
/// Serves getaddrinfo(), which libcurl calls on threads of its own.
class Resolver {
 public:
  static Resolver& instance() {
    static Resolver resolver;
    return resolver;
  }

  void set(const std::string& name, std::vector<std::vector<std::string>> answers) {
    const std::lock_guard lock(mutex_);
    names_[name] = std::move(answers);
  }

  /// Empty for names that are not of a test.
  std::vector<std::string> resolve(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(name);
    if (found == names_.end()) return {};
    const std::vector<std::string> answer = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    return answer;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::vector<std::string>>> names_;
};

}  // namespace

// Stands before the one of libc for all of this program.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::vector<std::string> addresses =
      name == nullptr ? std::vector<std::string>() : Resolver::instance().resolve(name);
  if (addresses.empty()) return real(name, service, hints, result);
  // Lists that libc made, put one after the other, so that its freeaddrinfo() frees them.
  addrinfo** end = result;
  for (const std::string& address : addresses) {
    addrinfo numeric = hints == nullptr ? addrinfo{} : *hints;
    numeric.ai_family = AF_UNSPEC;
    numeric.ai_flags = AI_NUMERICHOST;
    if (const int failed = real(address.c_str(), service, &numeric, end); failed != 0)
      return failed;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

namespace errand::outbound {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

std::shared_ptr<const AddressGuard> guard(const AddressGuard::Options& options) {
  return std::make_shared<const AddressGuard>(AddressGuard::create(options).value());
}

HttpResult fetch(HttpClient& client, std::string url) {
  std::promise<HttpResult> promise;
  client.fetch({.url = std::move(url), .deadline = std::chrono::steady_clock::now() + 1min},
               [&promise](HttpResult result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

/// Answers every request; a client that comes so far has been led astray.
void answer(TestServer::Connection& connection) {
  while (connection.read()) connection.answer("secret");
}

struct Forgery {
  const char* authority;  ///< of the URL, without the port
  const char* why;        ///< part of the refusal
  bool by_name = false;   ///< only its resolution tells
};

constexpr std::array kForgeries{
    // IPv4 in every spelling that inet_aton() or a browser takes.
    Forgery{"127.0.0.1", "loopback"},
    Forgery{"127.0.0.1.", "loopback"},
    Forgery{"127.255.255.254", "loopback"},
    Forgery{"127.1", "loopback"},
    Forgery{"127.0.1", "loopback"},
    Forgery{"0x7f.1", "loopback"},
    Forgery{"0x7f.0.1", "loopback"},
    Forgery{"0x7F.0x0.0x0.0x1", "loopback"},
    Forgery{"0177.0.0.1", "loopback"},
    Forgery{"0177.1", "loopback"},
    Forgery{"00000000177.1", "loopback"},
    Forgery{"127.0x1", "loopback"},
    Forgery{"2130706433", "loopback"},
    Forgery{"0x7f000001", "loopback"},
    Forgery{"017700000001", "loopback"},
    Forgery{"0", "this network"},
    Forgery{"0x", "this network"},
    Forgery{"0.0.0.0", "this network"},
    Forgery{"00.0x0", "this network"},
    Forgery{"10.0.0.1", "private"},
    Forgery{"167772161", "private"},
    Forgery{"172.16.1", "private"},
    Forgery{"0xac.0x1f.1", "private"},
    Forgery{"192.168.1", "private"},
    Forgery{"0300.0250.1.1", "private"},
    Forgery{"3232235777", "private"},
    Forgery{"100.64.0.1", "shared by carriers"},
    Forgery{"255.255.255.255", "reserved"},
    Forgery{"224.0.0.1", "multicast"},
    // The metadata services of clouds.
    Forgery{"169.254.169.254", "link-local"},
    Forgery{"169.254.43518", "link-local"},
    Forgery{"2852039166", "link-local"},
    Forgery{"0xA9FEA9FE", "link-local"},
    Forgery{"0xa9.0xfe.0xa9.0xfe", "link-local"},
    Forgery{"0251.0376.0251.0376", "link-local"},
    Forgery{"025177524776", "link-local"},
    Forgery{"192.0.0.192", "protocol assignments"},
    Forgery{"100.100.100.200", "shared by carriers"},
    Forgery{"[fd00:ec2::254]", "unique local"},
    // IPv6, and IPv4 within it.
    Forgery{"[::]", "unspecified"},
    Forgery{"[::1]", "loopback"},
    Forgery{"[0:0:0:0:0:0:0:1]", "loopback"},
    Forgery{"[0000::0001]", "loopback"},
    Forgery{"[::127.0.0.1]", "loopback"},
    Forgery{"[::7f00:1]", "loopback"},
    Forgery{"[::ffff:127.0.0.1]", "loopback"},
    Forgery{"[::ffff:7f00:1]", "loopback"},
    Forgery{"[::FFFF:A9FE:A9FE]", "link-local"},
    Forgery{"[0:0:0:0:0:ffff:10.0.0.1]", "private"},
    Forgery{"[::ffff:0:127.0.0.1]", "IPv4-translated"},
    Forgery{"[64:ff9b::7f00:1]", "NAT64"},
    Forgery{"[64:ff9b::169.254.169.254]", "NAT64"},
    Forgery{"[64:ff9b:1::a00:1]", "NAT64"},
    Forgery{"[2002:7f00:1::]", "6to4"},
    Forgery{"[2002:a9fe:a9fe::1]", "6to4"},
    Forgery{"[2001:0:7f00:1::80ff:fffe]", "Teredo"},
    Forgery{"[fe80::1]", "link-local"},
    Forgery{"[fec0::1]", "site-local"},
    Forgery{"[fc00::1]", "unique local"},
    Forgery{"[ff02::1]", "multicast"},
    Forgery{"[100::1]", "discard"},
    // What parties read differently.
    Forgery{"user@127.0.0.1", "user name"},
    Forgery{"hooks.example@127.0.0.1", "user name"},
    Forgery{"hooks.example:443@[::1]", "user name"},
    Forgery{"hooks.example\\@127.0.0.1", "user name"},
    Forgery{"127.0.0.1%00.hooks.example", "percent-encoded"},
    Forgery{"%31%32%37.0.0.1", "percent-encoded"},
    Forgery{"[fe80::1%25lo]", "no IPv6 address"},
    Forgery{"[127.0.0.1]", "no IPv6 address"},
    Forgery{"\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1", "no host name"},  // fullwidth digits
    Forgery{"\xE2\x91\xA0\xE2\x91\xA1\xE2\x91\xA6.0.0.1", "no host name"},  // circled digits
    Forgery{"127\xE3\x80\x82"
            "0\xE3\x80\x82"
            "0\xE3\x80\x82"
            "1",
            "no host name"},  // ideographic stops
    Forgery{"127.0.0.1\t", "no host name"},
    Forgery{"256.0.0.1", "no IPv4 address"},
    Forgery{"1.127.0.0.1", "no IPv4 address"},
    Forgery{"4294967296", "no IPv4 address"},
    // Names: only the address that a socket is about to use tells.
    Forgery{"localhost", "loopback", true},
    Forgery{"LOCALHOST.", "loopback", true},
    Forgery{"a.localhost", "loopback", true},
    Forgery{"inner.forged.test", "private", true},
    Forgery{"metadata.forged.test", "link-local", true},
    Forgery{"mapped.forged.test", "link-local", true},
    Forgery{"nat64.forged.test", "NAT64", true},
    Forgery{"both.forged.test", "private", true},
};

TEST(ForgedTarget, IsRefusedInEverySpelling) {
  static_assert(kForgeries.size() >= 60);
  const TestServer server(answer);
  Resolver& resolver = Resolver::instance();
  resolver.set("inner.forged.test", {{"10.0.0.1"}});
  resolver.set("metadata.forged.test", {{"169.254.169.254"}});
  resolver.set("mapped.forged.test", {{"::ffff:169.254.169.254"}});
  resolver.set("nat64.forged.test", {{"64:ff9b::169.254.169.254"}});
  resolver.set("both.forged.test", {{"192.168.0.1", "10.0.0.1"}});
  const auto client =
      HttpClient::create({}, guard({.ports = {server.port()}, .allow_http = true}), nullptr)
          .value();
  for (const auto& [authority, why, by_name] : kForgeries) {
    for (const std::string scheme : {"http", "https"}) {
      const std::string url =
          scheme + "://" + authority + ":" + std::to_string(server.port()) + "/hook";
      const HttpResult result = fetch(*client, url);
      ASSERT_FALSE(result) << url << " was answered with " << result->status;
      EXPECT_THAT(result.error().failure,
                  testing::AnyOf(HttpFailure::kRefused, HttpFailure::kInvalid))
          << url;
      EXPECT_THAT(result.error().message, HasSubstr(why)) << url;
      EXPECT_FALSE(result.error().sent) << url;
      if (by_name) {
        const auto target = parse_target_url(url);
        ASSERT_TRUE(target) << url;
        EXPECT_FALSE(target->address) << url << " is no name";
      }
    }
  }
  EXPECT_EQ(server.connections(), 0);
  std::cout << kForgeries.size() << " forged targets, with and without TLS: all refused, "
            << server.connections() << " connections\n";
}

TEST(ForgedTarget, IsRefusedWhenItsNameChangesItsMeaning) {
  std::atomic<int> answered = 0;
  const TestServer server([&answered](TestServer::Connection& connection) {
    // One request a connection, so that each request has to connect anew.
    if (connection.read()) {
      ++answered;
      connection.answer("ok", "Connection: close\r\n");
    }
  });
  // The first address stands for one of the Internet; 127.0.0.2 leads to the same machine.
  const AddressGuard::Options options{
      .allow = {"127.0.0.1"}, .ports = {server.port()}, .allow_http = true};
  Resolver::instance().set("rebound.forged.test", {{"127.0.0.1"}, {"127.0.0.2"}});
  const std::string url = server.url("/hook", "rebound.forged.test");
  const auto first = HttpClient::create({}, guard(options), nullptr).value();
  const HttpResult before = fetch(*first, url);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(answered, 1);

  // What was judged before does not count: another client resolves anew.
  const auto second = HttpClient::create({}, guard(options), nullptr).value();
  for (int i = 0; i < 3; ++i) {
    const HttpResult after = fetch(*second, url);
    ASSERT_FALSE(after);
    EXPECT_EQ(after.error().failure, HttpFailure::kRefused);
    EXPECT_THAT(after.error().message,
                AllOf(HasSubstr("127.0.0.2 of rebound.forged.test"), HasSubstr("loopback")));
  }
  EXPECT_EQ(answered, 1);
}

TEST(ForgedTarget, IsNotReachedBehindAnAddressThatMayBeReached) {
  std::atomic<int> answered = 0;
  const TestServer server([&answered](TestServer::Connection& connection) {
    if (connection.read()) {
      ++answered;
      connection.answer("", "Location: http://127.0.0.2/\r\n", 307);
    }
  });
  const AddressGuard::Options options{
      .allow = {"127.0.0.1"}, .ports = {server.port()}, .allow_http = true};
  const auto client = HttpClient::create({}, guard(options), nullptr).value();
  const HttpResult redirected = fetch(*client, server.url("/hook", "127.0.0.1"));
  ASSERT_TRUE(redirected) << redirected.error().message;
  EXPECT_EQ(redirected->status, 307U) << "a redirect is a response, not an instruction";
  EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace errand::outbound
