#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace errand::graphql::type {

/// `value` for error messages, as graphql-js' inspect() shows it: `{ a: 1, b: ["x"] }`. Cut off
/// below two levels and after ten list items.
std::string inspect(const boost::json::value& value);

}  // namespace errand::graphql::type
