#include "errand/json/indented.h"

#include <cstddef>

#include "errand/json/writer.h"

namespace errand::json {
namespace {

void append_line(std::string& out, std::size_t depth) {
  out.push_back('\n');
  out.append(2 * depth, ' ');
}

void append_indented(std::string& out, const boost::json::value& value, std::size_t depth) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    out.push_back('{');
    for (const auto& [name, member] : *object) {
      append_line(out, depth + 1);
      append_string(out, name);
      out.append(": ");
      append_indented(out, member, depth + 1);
      out.push_back(',');
    }
    out.pop_back();
    append_line(out, depth);
    out.push_back('}');
  } else if (const auto* list = value.if_array(); list != nullptr && !list->empty()) {
    out.push_back('[');
    for (const auto& item : *list) {
      append_line(out, depth + 1);
      append_indented(out, item, depth + 1);
      out.push_back(',');
    }
    out.pop_back();
    append_line(out, depth);
    out.push_back(']');
  } else {
    append_value(out, value);
  }
}

}  // namespace

std::string to_indented_text(const boost::json::value& value) {
  std::string out;
  append_indented(out, value, 0);
  out.push_back('\n');
  return out;
}

}  // namespace errand::json
