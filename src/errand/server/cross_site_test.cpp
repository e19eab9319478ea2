#include "errand/server/cross_site.h"

#include <gtest/gtest.h>

namespace errand::server {
namespace {

net::HttpRequest request(net::HttpHeaders headers) {
  net::HttpRequest out;
  out.headers = std::move(headers);
  return out;
}

TEST(CrossSiteRule, RefusesWhatABrowserSendsUnasked) {
  const CrossSiteRule rule;
  EXPECT_FALSE(passes(rule, request({})));
  EXPECT_FALSE(passes(rule, request({{"Accept", "*/*"}, {"Origin", "https://evil.example"}})));
  for (const char* type :
       {"text/plain", "TEXT/PLAIN; charset=utf-8", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b", "nonsense"}) {
    EXPECT_FALSE(passes(rule, request({{"Content-Type", type}}))) << type;
  }
  // A browser sends a remembered password to the same place by itself.
  EXPECT_FALSE(passes(rule, request({{"Authorization", "Basic dTpw"}})));
}

TEST(CrossSiteRule, PassesWhatNeedsAPreflight) {
  const CrossSiteRule rule;
  for (const char* name : {"X-Errand-Preflight", "Apollo-Require-Preflight",
                           "x-apollo-operation-name", "GraphQL-Require-Preflight"}) {
    EXPECT_TRUE(passes(rule, request({{name, "1"}}))) << name;
  }
  EXPECT_TRUE(passes(rule, request({{"Authorization", "Bearer t"}})));
  EXPECT_TRUE(passes(rule, request({{"Content-Type", "application/json"}})));
}

TEST(CrossSiteRule, HasHeadersOfItsOwnOrIsOff) {
  EXPECT_TRUE(passes({.headers = {"X-Mine"}}, request({{"x-mine", ""}})));
  EXPECT_FALSE(passes({.headers = {"X-Mine"}}, request({{"x-errand-preflight", "1"}})));
  EXPECT_TRUE(passes({.enabled = false}, request({})));
}

}  // namespace
}  // namespace errand::server
