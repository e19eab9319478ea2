#pragma once

#include <span>
#include <string_view>

namespace errand::web {

/// One file of the web page, compiled into the program.
struct EmbeddedAsset {
  std::string_view path;          ///< where it is served, such as "/graphiql/graphiql.min.js"
  std::string_view content_type;  ///< value of the Content-Type header
  std::string_view bytes;  ///< what is sent: gzip (RFC 1952) if `gzipped`, else the file itself
  bool gzipped = false;    ///< sent with Content-Encoding: gzip
  std::string_view
      etag;  ///< strong validator with its quotes (RFC 9110, 8.8.3), of the file's content
};

/// Every file of the page, sorted by path. The page itself is "/graphiql"; it loads nothing from
/// another host. The views are to static storage.
std::span<const EmbeddedAsset> embedded_assets() noexcept;

}  // namespace errand::web
