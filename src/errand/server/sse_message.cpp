#include "errand/server/sse_message.h"

#include "errand/json/writer.h"

namespace errand::server::sse {

std::string next(std::string_view payload, std::string_view event_id) {
  std::string out;
  out.reserve(payload.size() + event_id.size() + 32);
  out += "event: next\n";
  // Ids are cursors, base64url; a line break would end the field, and NUL makes it void.
  if (!event_id.empty() &&
      event_id.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) {
    out += "id: ";
    out += event_id;
    out += '\n';
  }
  out += "data: ";
  out += payload;
  out += "\n\n";
  return out;
}

std::string complete() { return "event: complete\ndata:\n\n"; }

std::string next_of(std::string_view id, std::string_view payload) {
  std::string out = "event: next\ndata: {\"id\":";
  json::append_string(out, id);
  out += ",\"payload\":";
  out += payload;
  out += "}\n\n";
  return out;
}

std::string complete_of(std::string_view id) {
  std::string out = "event: complete\ndata: {\"id\":";
  json::append_string(out, id);
  out += "}\n\n";
  return out;
}

}  // namespace errand::server::sse
