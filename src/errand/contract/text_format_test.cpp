#include "errand/contract/text_format.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::contract {
namespace {

bool is(std::string_view format, std::string_view text) {
  return find_text_format(format)->matches(text);
}

TEST(TextFormat, KnowsMailAddresses) {
  EXPECT_TRUE(is("email", "anna.b+c@example.org"));
  for (const char* text : {"", "anna", "@example.org", "anna@", ".a@example.org",
                           "a..b@example.org", "a b@example.org", "a@-x.org"}) {
    EXPECT_FALSE(is("email", text)) << text;
  }
}

TEST(TextFormat, KnowsUris) {
  EXPECT_TRUE(is("uri", "https://example.org/a?b=%20#c"));
  EXPECT_TRUE(is("uri", "urn:isbn:0451450523"));
  for (const char* text : {"", "example.org", "https:", "1a:b", "https://a b", "https://%2"}) {
    EXPECT_FALSE(is("uri", text)) << text;
  }
}

TEST(TextFormat, KnowsAddressesOfTheInternet) {
  EXPECT_TRUE(is("ipv4", "192.0.2.255"));
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.1.1.1", "1.1.1.", "a.b.c.d"}) {
    EXPECT_FALSE(is("ipv4", text)) << text;
  }
  for (const char* text : {"::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1",
                           "1::", "1:2:3:4:5:6:192.0.2.1"}) {
    EXPECT_TRUE(is("ipv6", text)) << text;
  }
  for (const char* text : {"", ":", "1:2:3", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", ":1",
                           "1:", "::1.2.3", "1:2:3:4:5:6:7:8::"}) {
    EXPECT_FALSE(is("ipv6", text)) << text;
  }
}

TEST(TextFormat, KnowsTimesAndHosts) {
  EXPECT_TRUE(is("date", "2026-02-28"));
  EXPECT_FALSE(is("date", "2026-02-30"));
  EXPECT_TRUE(is("time", "20:15:00Z"));
  EXPECT_FALSE(is("time", "25:00:00Z"));
  EXPECT_TRUE(is("date-time", "2026-11-23T20:15:00+01:00"));
  EXPECT_TRUE(is("duration", "1h30m"));
  EXPECT_FALSE(is("duration", "90"));
  EXPECT_TRUE(is("hostname", "a-b.example.org"));
  EXPECT_FALSE(is("hostname", "a_b.example.org"));
  EXPECT_TRUE(is("uuid", "01936f2e-7c4b-7d80-9f3a-2b5c6d7e8f90"));
  EXPECT_EQ(find_text_format("phone"), nullptr);
}

RC_GTEST_PROP(TextFormat, BearsAnyText, (const std::string& text)) {
  for (const TextFormat& format : text_formats()) (void)format.matches(text);
}

}  // namespace
}  // namespace errand::contract
