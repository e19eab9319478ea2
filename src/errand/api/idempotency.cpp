#include "errand/api/idempotency.h"

#include "errand/crypto/encoding.h"
#include "errand/json/canonical.h"

namespace errand::api {
namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::kIdempotencyKeyInvalid, std::move(message));
}

}  // namespace

Result<std::string> check_idempotency_key(std::string_view key) {
  if (key.empty()) return invalid("The idempotency key is empty; leave it out or give one.");
  if (key.size() > kIdempotencyKeyBytesMax) {
    return invalid("The idempotency key has " + std::to_string(key.size()) +
                   " characters; at most 255 are allowed.");
  }
  for (const char c : key) {
    if (c < 0x20 || c > 0x7E) {
      return invalid("The idempotency key may hold printable ASCII characters alone.");
    }
  }
  return std::string(key);
}

Result<std::string> read_idempotency_header(std::string_view header) {
  const auto first = header.find_first_not_of(" \t");
  if (first == std::string_view::npos) return check_idempotency_key({});
  header = header.substr(first, header.find_last_not_of(" \t") - first + 1);
  if (header.front() != '"') return check_idempotency_key(header);

  std::string key;
  std::size_t at = 1;
  for (; at < header.size() && header[at] != '"'; ++at) {
    if (header[at] == '\\') {
      ++at;
      if (at == header.size() || (header[at] != '"' && header[at] != '\\')) {
        return invalid("Only \\\" and \\\\ are escapes in a quoted Idempotency-Key.");
      }
    }
    key.push_back(header[at]);
  }
  if (at + 1 != header.size()) {
    return invalid("The Idempotency-Key header must be one string, quoted or bare.");
  }
  return check_idempotency_key(key);
}

std::string idempotency_key_at(std::string_view header_key, std::string_view path) {
  // A space cannot stand in a response path, so that no two pairs run together.
  return std::string(header_key) + " " + std::string(path);
}

std::string idempotency_fingerprint(const crypto::HmacKey& key,
                                    const boost::json::object& sent_arguments) {
  return crypto::to_hex(key.sign(json::canonical_text(boost::json::value(sent_arguments))));
}

}  // namespace errand::api
