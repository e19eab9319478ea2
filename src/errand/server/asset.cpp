#include "errand/server/asset.h"

#include <string>

#include <zlib.h>

#include "errand/base/result.h"

namespace errand::server {

namespace {

/// Whether an Accept-Encoding list takes gzip (RFC 9110, 12.5.3), q=0 aside.
bool accepts_gzip(std::string_view list) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    const std::size_t semicolon = item.find(';');
    std::string_view name = item.substr(0, semicolon);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (net::equals_ignoring_case(name, "gzip") || name == "*") {
      if (semicolon == std::string_view::npos) return true;
      const std::string_view weight = item.substr(semicolon);
      return weight.find_first_of("123456789") != std::string_view::npos;
    }
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

Result<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  // 15 bits of window, and 16 for a gzip header.
  if (inflateInit2(&stream, 15 + 16) != Z_OK) {
    return fail(ErrorCode::kInternal, "zlib cannot be set up");
  }
  std::string out;
  std::string piece(64 * 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    state = inflate(&stream, Z_NO_FLUSH);
    if (state == Z_OK || state == Z_STREAM_END) {
      out.append(piece.data(), piece.size() - stream.avail_out);
    }
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END) return fail(ErrorCode::kInternal, "an embedded file is broken");
  return out;
}

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
  if (accepts_gzip(request.headers.joined("Accept-Encoding"))) {
    response.headers.add("Content-Encoding", "gzip");
    response.static_body = asset.bytes;
    return response;
  }
  auto plain = gunzip(asset.bytes);
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
