#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/crypto/digest.h"

namespace errand::api {

/// Most bytes of an idempotency key as the client gives it.
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;

/// Checks a key: 1 to 255 printable ASCII characters.
/// @return kIdempotencyKeyInvalid saying what is wrong.
Result<std::string> check_idempotency_key(std::string_view key);

/// Reads the `Idempotency-Key` header: a structured-field String (RFC 9651, 3.3.3), or a bare text.
/// @return kIdempotencyKeyInvalid saying what is wrong.
Result<std::string> read_idempotency_header(std::string_view header);

/// The header's key for one of several job fields: the response path tells them apart.
std::string idempotency_key_at(std::string_view header_key, std::string_view path);

/// Fingerprint of a request: HMAC of the canonical form (RFC 8785) of its arguments as the client
/// sent them, in hexadecimal.
std::string idempotency_fingerprint(const crypto::HmacKey& key,
                                    const boost::json::object& sent_arguments);

}  // namespace errand::api
