#include "errand/graphql/type/inspect.h"

#include <algorithm>
#include <cstddef>

#include "errand/json/writer.h"

namespace errand::graphql::type {
namespace {

constexpr std::size_t kListItemsMax = 10;
constexpr int kDepthMax = 2;

void append(std::string& out, const boost::json::value& value, int depth) {
  if (const auto* list = value.if_array()) {
    if (list->empty()) {
      out += "[]";
    } else if (depth >= kDepthMax) {
      out += "[Array]";
    } else {
      out += '[';
      const std::size_t shown = std::min(list->size(), kListItemsMax);
      for (std::size_t i = 0; i < shown; ++i) {
        if (i > 0) out += ", ";
        append(out, (*list)[i], depth + 1);
      }
      const std::size_t rest = list->size() - shown;
      if (rest == 1) out += ", ... 1 more item";
      if (rest > 1) out += ", ... " + std::to_string(rest) + " more items";
      out += ']';
    }
  } else if (const auto* object = value.if_object()) {
    if (object->empty()) {
      out += "{}";
    } else if (depth >= kDepthMax) {
      out += "[Object]";
    } else {
      out += "{ ";
      bool first = true;
      for (const auto& member : *object) {
        if (!first) out += ", ";
        first = false;
        out += std::string_view(member.key().data(), member.key().size());
        out += ": ";
        append(out, member.value(), depth + 1);
      }
      out += " }";
    }
  } else {
    json::append_value(out, value);
  }
}

}  // namespace

std::string inspect(const boost::json::value& value) {
  std::string out;
  append(out, value, 0);
  return out;
}

}  // namespace errand::graphql::type
