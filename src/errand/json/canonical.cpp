#include "errand/json/canonical.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "errand/base/utf8.h"
#include "errand/json/writer.h"

namespace errand::json {

namespace {

/// The first UTF-16 code unit of a code point.
std::uint32_t first_unit(std::uint32_t code_point) {
  return code_point < 0x10000 ? code_point : 0xD800 + ((code_point - 0x10000) >> 10);
}

/// Order by UTF-16 code units. It differs from the order of bytes only where a surrogate pair meets
/// a code point from U+E000 to U+FFFF.
bool less_in_utf16(std::string_view a, std::string_view b) {
  while (true) {
    if (b.empty()) return false;
    if (a.empty()) return true;
    const CodePoint x = decode_utf8(a);
    const CodePoint y = decode_utf8(b);
    if (x.length == 0 || y.length == 0) return a < b;
    if (x.value != y.value) {
      const std::uint32_t unit_x = first_unit(x.value);
      const std::uint32_t unit_y = first_unit(y.value);
      return unit_x != unit_y ? unit_x < unit_y : x.value < y.value;
    }
    a.remove_prefix(x.length);
    b.remove_prefix(y.length);
  }
}

void append(std::string& out, const boost::json::value& value) {
  Writer writer(out);
  switch (value.kind()) {
    case boost::json::kind::double_: {
      // 1.0 and 1 are the same number.
      const double number = value.get_double();
      if (std::abs(number) < 0x1p63 && number == std::trunc(number) && std::abs(number) > 0x1p53) {
        writer.integer(static_cast<std::int64_t>(number));
      } else {
        writer.number(number);
      }
      break;
    }
    case boost::json::kind::array: {
      out.push_back('[');
      bool first = true;
      for (const auto& item : value.get_array()) {
        if (!first) out.push_back(',');
        first = false;
        append(out, item);
      }
      out.push_back(']');
      break;
    }
    case boost::json::kind::object: {
      std::vector<const boost::json::key_value_pair*> members;
      members.reserve(value.get_object().size());
      for (const auto& member : value.get_object()) members.push_back(&member);
      std::ranges::sort(members, less_in_utf16,
                        [](const auto* member) { return std::string_view(member->key()); });
      out.push_back('{');
      bool first = true;
      for (const auto* member : members) {
        if (!first) out.push_back(',');
        first = false;
        append_string(out, member->key());
        out.push_back(':');
        append(out, member->value());
      }
      out.push_back('}');
      break;
    }
    default:
      writer.value(value);
  }
}

}  // namespace

std::string canonical_text(const boost::json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace errand::json
