#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace errand::json {

/// `value` for people, as ECMAScript's JSON.stringify(value, null, 2) writes it, with a line feed
/// at the end.
std::string to_indented_text(const boost::json::value& value);

}  // namespace errand::json
