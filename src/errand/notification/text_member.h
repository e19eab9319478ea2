#pragma once

#include <string>

#include <boost/json/object.hpp>

namespace errand::notification {

/// The text that `name` is in `object`; empty: it is none, or not there.
inline std::string text_member(const boost::json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace errand::notification
