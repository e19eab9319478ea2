#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "errand/base/result.h"

/// What a relay has to know of the messages of `graphql-transport-ws` that it passes on.
namespace errand::upstream::relay_message {

enum class Type : std::uint8_t { kAck, kNext, kError, kComplete, kPing, kPong };

struct Head {
  Type type = Type::kAck;
  std::string id;    ///< of next, error, complete
  std::string pong;  ///< of ping: the answer
};

/// Reads what an upstream sent.
/// @return kProtocolError
Result<Head> read(std::string_view text);

std::string complete(std::string_view id);

}  // namespace errand::upstream::relay_message
