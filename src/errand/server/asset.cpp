#include "errand/server/asset.h"

#include <string>

#include "errand/net/gzip.h"

namespace errand::server {

namespace {

net::HttpResponse serve(const Asset& asset, const net::HttpRequest& request) {
  net::HttpResponse response;
  response.headers.add("Content-Type", asset.content_type);
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("Vary", "Accept-Encoding");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("X-Frame-Options", "DENY");
  response.headers.add("Referrer-Policy", "no-referrer");
  // The page loads nothing from elsewhere; its editor sets styles by script.
  if (asset.content_type.starts_with("text/html")) {
    response.headers.add("Content-Security-Policy",
                         "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; "
                         "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'");
  }
  if (!asset.etag.empty()) {
    response.headers.add("ETag", asset.etag);
    const std::string known = request.headers.joined("If-None-Match");
    if (known.find(asset.etag) != std::string::npos || known == "*") {
      response.status = 304;
      return response;
    }
  }
  if (!asset.gzipped) {
    response.static_body = asset.bytes;
    return response;
  }
  if (net::prefers_gzip(request.headers.joined("Accept-Encoding"))) {
    response.headers.add("Content-Encoding", "gzip");
    response.static_body = asset.bytes;
    return response;
  }
  auto plain = net::gunzip(asset.bytes);
  if (!plain) return net::HttpResponse::text(500, plain.error().message);
  response.body = std::move(*plain);
  return response;
}

}  // namespace

void add_asset_routes(net::Router& router, std::span<const Asset> assets) {
  for (const Asset& asset : assets) {
    router.add(net::Route{
        .methods = {"GET"},
        .path = std::string(asset.path),
        .handler = [asset](net::HttpRequest request) -> boost::asio::awaitable<net::HttpResponse> {
          co_return serve(asset, request);
        }});
  }
}

}  // namespace errand::server
