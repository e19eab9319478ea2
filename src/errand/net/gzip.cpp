#include "errand/net/gzip.h"

#include <zlib.h>

#include "errand/base/assert.h"

namespace errand::net {

namespace {

/// 15 bits of window, and 16 for a gzip header instead of zlib's.
constexpr int kGzipWindow = 15 + 16;

Bytef* bytes_of(std::string_view text) noexcept {
  // zlib does not write to its input, but its interface knows no const.
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

/// Whether a body of this type becomes smaller.
bool is_text(std::string_view content_type) noexcept {
  const std::string_view name = content_type.substr(0, content_type.find(';'));
  return name.starts_with("text/") || name.ends_with("json") || name.ends_with("javascript") ||
         name.ends_with("xml");
}

/// Weight of a coding in the list, -1 where it is not named.
int weight_of(std::string_view list, std::string_view coding) noexcept {
  int found = -1;
  for_each_element(list, [&](std::string_view element) {
    const std::size_t semicolon = element.find(';');
    if (!equals_ignoring_case(trim(element.substr(0, semicolon)), coding)) return;
    found = 1'000;
    if (semicolon == std::string_view::npos) return;
    std::string_view parameter = trim(element.substr(semicolon + 1));
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return;
    found = parse_weight(parameter.substr(2)).value_or(0);
  });
  return found;
}

}  // namespace

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  // Fails for want of memory alone.
  const int ready =
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  ERRAND_ASSERT(ready == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = bytes_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int state = deflate(&stream, Z_FINISH);
  ERRAND_ASSERT(state == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  const int ready = inflateInit2(&stream, kGzipWindow);
  ERRAND_ASSERT(ready == Z_OK);
  std::string out;
  std::string piece(64 * 1024, '\0');
  stream.next_in = bytes_of(bytes);
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
  if (state != Z_STREAM_END) return fail(ErrorCode::kInternal, "the gzip data is broken");
  return out;
}

bool prefers_gzip(std::string_view accept_encoding) noexcept {
  int gzip = weight_of(accept_encoding, "gzip");
  if (gzip < 0) gzip = weight_of(accept_encoding, "*");
  return gzip > 0 && gzip >= weight_of(accept_encoding, "identity");
}

void compress(HttpResponse& response, std::string_view accept_encoding, std::size_t bytes_min) {
  if (bytes_min == 0 || response.body.size() < bytes_min || response.stream || response.as_is ||
      !is_text(response.headers.find("Content-Type").value_or("")) ||
      response.headers.find("Content-Encoding") || response.headers.find("ETag")) {
    return;
  }
  response.headers.add_to_list("Vary", "Accept-Encoding");
  if (!prefers_gzip(accept_encoding)) return;
  std::string packed = gzip(response.body);
  if (packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.add("Content-Encoding", "gzip");
}

}  // namespace errand::net
