// Any message of a graphql-transport-ws client is read or refused with a reason, and what the
// server writes for its id is JSON again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "errand/base/assert.h"
#include "errand/json/parse.h"
#include "errand/server/transport_ws_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace errand;
  namespace ws = server::transport_ws;
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const auto message = ws::parse_client_message(text);
  if (!message) {
    ERRAND_ASSERT(message.error().code == ErrorCode::kProtocolError);
    ERRAND_ASSERT(!message.error().message.empty());
    return 0;
  }
  if (const auto* subscribe = std::get_if<ws::Subscribe>(&*message)) {
    ERRAND_ASSERT(!subscribe->id.empty() && subscribe->id.size() <= ws::kIdBytesMax);
    ERRAND_ASSERT(json::parse(ws::next(subscribe->id, "{}")).has_value());
    ERRAND_ASSERT(json::parse(ws::error(subscribe->id, "[]")).has_value());
    ERRAND_ASSERT(json::parse(ws::complete(subscribe->id)).has_value());
  } else if (const auto* ping = std::get_if<ws::Ping>(&*message)) {
    ERRAND_ASSERT(json::parse(ws::pong(ping->payload), {.bytes_max = 8 * size + 64}).has_value());
  }
  return 0;
}
