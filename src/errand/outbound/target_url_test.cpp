#include "errand/outbound/target_url.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::outbound {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TargetUrl, IsSpeltInOneWay) {
  struct Case {
    const char* url;
    const char* normal;
  };
  for (const auto& [url, normal] : {
           Case{"https://a.example", "https://a.example:443/"},
           Case{"HTTPS://A.Example./x?y#z", "https://a.example:443/x?y"},
           Case{"http://a.example:/", "http://a.example:80/"},
           Case{"http://a.example?q=1", "http://a.example:80/?q=1"},
           Case{"https://a.example:0443/%2e%2E/../b", "https://a.example:443/%2e%2E/../b"},
           Case{"https://127.1/", "https://127.0.0.1:443/"},
           Case{"https://0x7f.1/", "https://127.0.0.1:443/"},
           Case{"https://2130706433/", "https://127.0.0.1:443/"},
           Case{"https://0xffffffff/", "https://255.255.255.255:443/"},
           Case{"https://1.2.3/", "https://1.2.0.3:443/"},
           Case{"https://010.0.0.1/", "https://8.0.0.1:443/"},
           Case{"https://[0:0::FFFF:7f00:0001]:8443/", "https://[::ffff:127.0.0.1]:8443/"},
           Case{"https://[2A00::0:1]/", "https://[2a00::1]:443/"},
           Case{"https://1.example/", "https://1.example:443/"},
           Case{"https://0x7f.example/", "https://0x7f.example:443/"},
           Case{"https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443/"},
           Case{"https://10.20.30.40.bc.example:8443/", "https://10.20.30.40.bc.example:8443/"},
           Case{"https://a.example/%41?x=a@b:c/d?e", "https://a.example:443/%41?x=a@b:c/d?e"},
           Case{"https://my_service/", "https://my_service:443/"},
       }) {
    const auto target = parse_target_url(url);
    ASSERT_TRUE(target) << url << ": " << target.error().message;
    EXPECT_EQ(target->str(), normal) << url;
    EXPECT_EQ(parse_target_url(target->str()).value().str(), normal);
  }
}

TEST(TargetUrl, RefusesWhatPartiesReadDifferently) {
  for (const char* url : {
           "",
           "a.example",
           "//a.example/",
           "/path",
           "https:a.example",
           "https:/a.example",
           "https:///a.example",
           "https://",
           "https://:443/",
           "ftp://a.example/",
           "file:///etc/passwd",
           "gopher://a.example/",
           "javascript:alert(1)",
           "https://user@a.example/",
           "https://user:pass@a.example/",
           "https://@a.example/",
           "https://a.example@127.0.0.1/",
           "https://a.example\\@127.0.0.1/",
           "https:\\\\a.example/",
           "https://a.example /",
           " https://a.example/",
           "https://a.example/\r\nX: y",
           "https://a.example/a b",
           "https://a.\texample/",
           "https://%31%32%37.0.0.1/",
           "https://a%2eexample/",
           "https://b\xC3\xBC\x63her.example/",
           "https://127\xE3\x80\x82\x30\x2E\x31/",
           "https://\xEF\xBC\x91\x32\x37.1/",
           "https://a..example/",
           "https://.a.example/",
           "https://a.example../",
           "https://./",
           "https://256.1/",
           "https://1.2.3.4.5/",
           "https://1.2.3.256/",
           "https://09.1/",
           "https://0x100000000/",
           "https://4294967296/",
           "https://99999999999999999999/",
           "https://a.0x7f/",
           "https://a.1/",
           "https://1.2.3.4x.5/",
           "https://[127.0.0.1]/",
           "https://[fe80::1%25eth0]/",
           "https://[::1/",
           "https://::1/",
           "https://[v1.a]/",
           "https://a.example:0/",
           "https://a.example:65536/",
           "https://a.example:-1/",
           "https://a.example:80a/",
           "https://a.example:443:80/",
           "https://a.example:+80/",
           "https://a.example:80 /",
           "https://[::1]x/",
           "https://[::1]]/",
           "https://[::1]:/x:y[]",
           "https://a.example/%",
           "https://a.example/%4",
           "https://a.example/%zz",
           "https://a.example/<>",
           "https://a.example/?\x80",
       }) {
    const auto target = parse_target_url(url);
    EXPECT_FALSE(target) << url << " is " << target->str();
    if (!target) {
      EXPECT_EQ(target.error().code, ErrorCode::kInvalidArgument) << url;
    }
  }
  const std::string long_label(64, 'a');
  EXPECT_FALSE(parse_target_url("https://" + long_label + ".example/"));
  EXPECT_FALSE(parse_target_url("https://a.example/" + std::string(8'192, 'a')));
}

TEST(TargetUrl, KeepsSecretsOutOfItsErrors) {
  for (const char* url : {"https://u:hunter2@a.example/", "https://a..example/?key=hunter2",
                          "https://a.example:0/?hunter2", "https://a.example/ hunter2"}) {
    EXPECT_THAT(parse_target_url(url).error().message, Not(HasSubstr("hunter2"))) << url;
  }
}

TEST(TargetUrl, HasOneOriginForAllItsPaths) {
  EXPECT_EQ(parse_target_url("https://A.example/x?y").value().origin(), "https://a.example:443");
  EXPECT_EQ(parse_target_url("http://[::1]:81/").value().origin(), "http://[::1]:81");
}

/// One part of a URL, as libcurl reads it.
std::string curl_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, &curl_free);
  return text;
}

// What is judged must be what is connected to: any text that passes means the same to libcurl.
RC_GTEST_PROP(TargetUrl, MeansTheSameToLibcurl, ()) {
  const auto pieces =
      *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "a",  "b.example", ".",   "..", "1",        "127.1", "0x7f", "256", ":",
          "80", "443",       "/",   "?",  "#",        "@",     "%",    "%41", "\\",
          "[",  "]",         "::1", "-",  "_",        " ",     "xn--", "&",   "=",
          ";",  "65536",     "|",   "~",  "\xC3\xA4", "\t",    "//",   "A"}));
  std::string text = *rc::gen::element<std::string>("https://", "http://", "HTTP://");
  for (const std::string& piece : pieces) text += piece;
  const auto target = parse_target_url(text);
  if (!target) return;
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  RC_ASSERT(curl_url_set(url.get(), CURLUPART_URL, target->str().c_str(), CURLU_PATH_AS_IS) ==
            CURLUE_OK);
  std::string host = curl_part(url.get(), CURLUPART_HOST);
  std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
  RC_ASSERT(host == target->host);
  RC_ASSERT(curl_part(url.get(), CURLUPART_PORT) == std::to_string(target->port));
  const std::string query = curl_part(url.get(), CURLUPART_QUERY);
  RC_ASSERT(curl_part(url.get(), CURLUPART_PATH) ==
            target->path_and_query.substr(0, target->path_and_query.find('?')));
  RC_ASSERT(query.empty() || target->path_and_query.ends_with("?" + query));
  RC_ASSERT(curl_part(url.get(), CURLUPART_USER).empty());
}

}  // namespace
}  // namespace errand::outbound
