#include "errand/upstream/headers_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace errand::upstream {
Result<net::HttpHeaders> parse_headers(std::string_view text) {
  net::HttpHeaders headers;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = net::trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    const auto wrong = [&](std::string_view why) {
      return fail(ErrorCode::kConfigInvalid,
                  "line " + std::to_string(number) + ": " + std::string(why) +
                      "; write a header as \"Authorization: Bearer TOKEN\"");
    };
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return wrong("there is no colon");
    const std::string_view name = line.substr(0, colon);
    if (!net::is_token(name)) return wrong("what stands before the colon is no header's name");
    const std::string_view value = net::trim(line.substr(colon + 1));
    if (std::ranges::any_of(value, [](char c) {
          return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
        })) {
      return wrong("the value has control characters");
    }
    headers.add(name, value);
  }
  return headers;
}

Result<net::HttpHeaders> read_headers_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kConfigInvalid, name + ": " + std::generic_category().message(errno));
  }
  std::string text(kHeadersFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return fail(ErrorCode::kConfigInvalid, name + ": cannot be read; is it a file?");
  if (text.size() > kHeadersFileBytesMax) {
    return fail(ErrorCode::kConfigInvalid, name + ": is longer than 64 KiB");
  }
  auto headers = parse_headers(text);
  if (!headers) return fail(headers.error().code, name + ": " + headers.error().message);
  return headers;
}

}  // namespace errand::upstream
