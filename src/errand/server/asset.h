#pragma once

#include <span>
#include <string_view>

#include "errand/net/router.h"

namespace errand::server {

/// One file that is served from memory.
struct Asset {
  std::string_view path;          ///< where it is served, such as "/graphiql"
  std::string_view content_type;  ///< value of the Content-Type header
  std::string_view bytes;         ///< gzip (RFC 1952) if `gzipped`, else the file itself
  bool gzipped = false;
  std::string_view etag;  ///< with its quotes, of the file's content; "" for none
};

/// Adds a GET route for each asset: sent as it is stored where the client takes gzip, unpacked
/// where it does not, 304 where the client has it. The bytes outlive the server.
void add_asset_routes(net::Router& router, std::span<const Asset> assets);

}  // namespace errand::server
