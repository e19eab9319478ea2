#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace errand::json {

/// The canonical form of RFC 8785 (JCS): members sorted by their names' UTF-16 code units, no white
/// space, numbers as ECMAScript writes them. Equal values give equal bytes, so that their digests
/// can be compared. Integers beyond 2^53 keep all their digits, where the RFC would round them: two
/// different inputs must never share a fingerprint.
std::string canonical_text(const boost::json::value& value);

}  // namespace errand::json
