#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/net/http_message.h"

namespace errand::net {

/// `bytes` in the gzip format (RFC 1952), packed for speed rather than size. Needs some 256 KiB
/// while it runs, and about 10 ms for a MiB of JSON.
std::string gzip(std::string_view bytes);

/// The inverse of gzip(), of trusted input: what comes out is not bounded.
/// @return kInternal when `bytes` is no whole gzip file.
Result<std::string> gunzip(std::string_view bytes);

/// Whether an Accept-Encoding list (RFC 9110, 12.5.3) takes gzip, and does not like a body as it is
/// better. Without the header the body stays as it is.
bool prefers_gzip(std::string_view accept_encoding) noexcept;

/// Packs the body of `response` where that is worth it: text of at least `bytes_min` bytes that has
/// no Content-Encoding yet, and no ETag, which names the bytes as they are. Embedded files
/// (`static_body`) are packed already, what is passed on stays as it is (`as_is`), and a stream
/// must not wait for a packer's buffer to fill. Says `Vary` also to a client that takes the body as
/// it is.
/// @param accept_encoding  of the request, joined
/// @param bytes_min        0: never
void compress(HttpResponse& response, std::string_view accept_encoding, std::size_t bytes_min);

}  // namespace errand::net
