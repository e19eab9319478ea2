#include "errand/net/gzip.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::net {
namespace {

TEST(PrefersGzip, ReadsTheListWithItsWeights) {
  for (const char* list : {"gzip", "GZIP", "br, gzip", "gzip;q=0.5", "gzip ; q=0.001", "*",
                           "br;q=1, *;q=0.1", "gzip, identity", "deflate, gzip;Q=1.0"}) {
    EXPECT_TRUE(prefers_gzip(list)) << list;
  }
  for (const char* list :
       {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "*, gzip;q=0", "identity, gzip;q=0.5",
        "gzip;q=2", "gzip;q=x", "gzipped", "identity", ","}) {
    EXPECT_FALSE(prefers_gzip(list)) << list;
  }
}

HttpResponse response(std::string body) {
  HttpResponse out = HttpResponse::json(200, std::move(body));
  out.headers.add("Vary", "Accept");
  return out;
}

TEST(Compress, PacksTextForWhoTakesIt) {
  const std::string text(2'000, 'x');
  HttpResponse packed = response(text);
  compress(packed, "gzip", 1'000);
  EXPECT_EQ(packed.headers.find("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.headers.joined("Vary"), "Accept, Accept-Encoding");
  EXPECT_LT(packed.body.size(), 100U);
  EXPECT_EQ(gunzip(packed.body).value(), text);

  HttpResponse plain = response(text);
  compress(plain, "br", 1'000);
  EXPECT_EQ(plain.headers.find("Content-Encoding"), std::nullopt);
  EXPECT_EQ(plain.headers.joined("Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(plain.body, text);
}

TEST(Compress, LeavesTheRestAsItIs) {
  const auto untouched = [](HttpResponse given, std::size_t bytes_min = 1'000) {
    const std::string body = given.body;
    const bool had_encoding = given.headers.find("Content-Encoding").has_value();
    compress(given, "gzip", bytes_min);
    return given.body == body && given.headers.joined("Vary") == "Accept" &&
           given.headers.find("Content-Encoding").has_value() == had_encoding;
  };
  const std::string text(2'000, 'x');
  EXPECT_TRUE(untouched(response(std::string(999, 'x'))));
  EXPECT_TRUE(untouched(response(text), 0));
  HttpResponse image = response(text);
  image.headers.set("Content-Type", "image/png");
  EXPECT_TRUE(untouched(std::move(image)));
  HttpResponse encoded = response(text);
  encoded.headers.add("Content-Encoding", "br");
  EXPECT_TRUE(untouched(std::move(encoded)));
  HttpResponse tagged = response(text);
  tagged.headers.add("ETag", "\"v1\"");
  EXPECT_TRUE(untouched(std::move(tagged)));
}

TEST(Compress, LeavesWhatWouldGrow) {
  HttpResponse small = response("ab");
  compress(small, "gzip", 1);
  EXPECT_EQ(small.body, "ab");
  EXPECT_EQ(small.headers.find("Content-Encoding"), std::nullopt);
}

TEST(Gunzip, RefusesWhatIsBroken) {
  const std::string packed = gzip("hello, hello, hello");
  EXPECT_FALSE(gunzip(packed.substr(0, packed.size() - 1)));
  EXPECT_FALSE(gunzip("no gzip"));
  EXPECT_FALSE(gunzip(""));
}

RC_GTEST_PROP(Gzip, IsUndoneByGunzip, (const std::string& bytes)) {
  RC_ASSERT(gunzip(gzip(bytes)).value() == bytes);
}

}  // namespace
}  // namespace errand::net
