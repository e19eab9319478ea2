#include "errand/upstream/relay_message.h"

#include <boost/json/object.hpp>

#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::upstream::relay_message {

namespace {

/// How deep a result may nest. What is deeper is no message to a relay.
constexpr std::size_t kDepthMax = 500;

std::unexpected<Error> invalid(const char* text) { return fail(ErrorCode::kProtocolError, text); }

}  // namespace

Result<Head> read(std::string_view text) {
  const auto parsed = json::parse(text, {.bytes_max = text.size() + 1, .depth_max = kDepthMax});
  if (!parsed) return invalid("A message is not JSON.");
  const boost::json::object* message = parsed->if_object();
  if (message == nullptr) return invalid("A message is no object.");
  const boost::json::value* type = message->if_contains("type");
  if (type == nullptr || !type->is_string()) return invalid("A message has no type.");
  const std::string_view name = type->get_string();

  Head head;
  if (name == "connection_ack") return head;
  if (name == "pong") {
    head.type = Type::kPong;
    return head;
  }
  if (name == "ping") {
    head.type = Type::kPing;
    head.pong = R"({"type":"pong")";
    if (const boost::json::value* payload = message->if_contains("payload")) {
      head.pong += R"(,"payload":)";
      json::append_value(head.pong, *payload);
    }
    head.pong += '}';
    return head;
  }
  if (name == "next") {
    head.type = Type::kNext;
  } else if (name == "error") {
    head.type = Type::kError;
  } else if (name == "complete") {
    head.type = Type::kComplete;
  } else {
    return invalid("A message has an unknown type.");
  }
  const boost::json::value* id = message->if_contains("id");
  if (id == nullptr || !id->is_string()) return invalid("A message has no id.");
  head.id = id->get_string();
  return head;
}

std::string complete(std::string_view id) {
  std::string out = R"({"id":)";
  json::append_string(out, id);
  out += R"(,"type":"complete"})";
  return out;
}

}  // namespace errand::upstream::relay_message
