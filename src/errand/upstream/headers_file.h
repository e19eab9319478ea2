#pragma once

#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/net/http_message.h"

namespace errand::upstream {

/// Longest headers file, in bytes.
inline constexpr std::size_t kHeadersFileBytesMax = 64 << 10;

/// Reads header fields, one `Name: value` a line; blank lines and those that begin with # count for
/// nothing.
/// @return kConfigInvalid with the line and what is wrong there, never its value
Result<net::HttpHeaders> parse_headers(std::string_view text);

/// Reads them from a file. Blocks for as long as the file system does.
/// @return kConfigInvalid naming the file
Result<net::HttpHeaders> read_headers_file(const std::string& name);

}  // namespace errand::upstream
