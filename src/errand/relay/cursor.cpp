#include "errand/relay/cursor.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::relay {

std::string Cursor::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("position");
  out.unsigned_integer(to_number(position));
  out.key("wholeAfter");
  out.unsigned_integer(to_number(whole_after));
  out.key("lineage");
  out.string(lineage);
  out.end_object();
  return text;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto number = [&](std::string_view name) -> std::optional<LogPosition> {
    const auto* member = object->if_contains(name);
    if (member == nullptr || !member->is_int64() || member->get_int64() < 0) return std::nullopt;
    return LogPosition{static_cast<std::uint64_t>(member->get_int64())};
  };
  const auto position = number("position");
  const auto whole_after = number("wholeAfter");
  const auto* lineage = object->if_contains("lineage");
  if (!position || !whole_after || lineage == nullptr || !lineage->is_string()) return std::nullopt;
  return Cursor{.position = *position,
                .whole_after = *whole_after,
                .lineage = std::string(lineage->get_string())};
}

store::RecordId cursor_id(std::string_view relay) {
  return {.collection = "relay", .tenant = TenantId(), .key = std::string(relay)};
}

}  // namespace errand::relay
