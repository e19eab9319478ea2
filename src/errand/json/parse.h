#pragma once

#include <cstddef>
#include <string_view>

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include "errand/base/result.h"

namespace errand::json {

/// Bounds on one JSON text. A text beyond them is refused before anything is built from the rest.
struct ParseLimits {
  std::size_t bytes_max = 1 << 20;  ///< length of the text in bytes
  std::size_t depth_max = 64;       ///< nesting of arrays and objects; 1 is a flat object
  bool check_utf8 = true;           ///< off, strings may hold any bytes
};

/// Reads one JSON text (RFC 8259, UTF-8, no trailing bytes but white space). Numbers with a
/// fraction or an exponent, and integers outside 64 bits, become the nearest double (an infinite
/// one is refused). Of equal keys the last one counts.
/// @param storage  memory of the value, such as an arena; must outlive it
/// @return kInvalidArgument with line, column (in bytes, from 1) and what was wrong;
///         kPayloadTooLarge beyond `bytes_max`.
Result<boost::json::value> parse(std::string_view text, const ParseLimits& limits = {},
                                 boost::json::storage_ptr storage = {});

}  // namespace errand::json
