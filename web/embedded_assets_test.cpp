#include "web/embedded_assets.h"

#include <algorithm>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <zlib.h>

namespace errand::web {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string content(const EmbeddedAsset& asset) {
  if (!asset.gzipped) return std::string(asset.bytes);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);  // 16: a gzip header is expected
  std::string compressed(asset.bytes);
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string plain;
  std::string chunk(1 << 16, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    plain.append(chunk, 0, chunk.size() - stream.avail_out);
  }
  EXPECT_EQ(status, Z_STREAM_END) << asset.path;
  inflateEnd(&stream);
  return plain;
}

const EmbeddedAsset& asset(std::string_view path) {
  const auto assets = embedded_assets();
  const auto found = std::ranges::find(assets, path, &EmbeddedAsset::path);
  if (found == assets.end()) throw std::out_of_range(std::string(path));
  return *found;
}

TEST(EmbeddedAssets, AreSortedByPathAndTellApartByETag) {
  const auto assets = embedded_assets();
  EXPECT_TRUE(std::ranges::is_sorted(assets, {}, &EmbeddedAsset::path));
  std::set<std::string_view> tags;
  for (const EmbeddedAsset& each : assets) {
    EXPECT_TRUE(each.etag.starts_with('"') && each.etag.ends_with('"')) << each.path;
    EXPECT_TRUE(tags.insert(each.etag).second) << each.path;
    EXPECT_FALSE(each.content_type.empty()) << each.path;
    EXPECT_FALSE(content(each).empty()) << each.path;
  }
}

TEST(EmbeddedAssets, HoldEveryFileThatThePageLoads) {
  const std::string page = content(asset("/graphiql"));
  std::size_t files = 0;
  for (const EmbeddedAsset& each : embedded_assets()) {
    const std::string name(each.path.substr(1));
    if (name.ends_with(".js") || name.ends_with(".css")) {
      EXPECT_THAT(page, HasSubstr("\"" + name + "\""));
      ++files;
    }
  }
  std::size_t loaded = 0;
  for (std::size_t at = 0; (at = page.find("\"graphiql/", at)) != std::string::npos; ++at) ++loaded;
  EXPECT_EQ(loaded, files);
}

TEST(EmbeddedAssets, LoadNothingFromAnotherHost) {
  for (const char* path : {"/graphiql", "/graphiql/page.js", "/graphiql/page.css"}) {
    EXPECT_THAT(content(asset(path)), Not(HasSubstr("https://"))) << path;
  }
  const std::string style = content(asset("/graphiql/graphiql.min.css"));
  EXPECT_THAT(style, Not(HasSubstr("url(http")));
  EXPECT_THAT(style, Not(HasSubstr("@import")));
}

TEST(EmbeddedAssets, CarryTheLicencesOfWhatTheyAreMadeOf) {
  EXPECT_THAT(content(asset("/graphiql/LICENSES.txt")), HasSubstr("GraphQL Contributors"));
}

}  // namespace
}  // namespace errand::web
