#pragma once

#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/outbound/http_exchange.h"
#include "errand/worker/worker_message.h"

namespace errand::notification {

/// What becomes of an attempt whose request to `whom` ("push service") got no response.
/// @param code  what the failure's code begins with: "PUSH"
worker::Failure unreachable(const outbound::HttpError& error, std::string_view whom,
                            std::string_view code);

/// What becomes of one to which `whom` answered by a status that is no success: transient for those
/// after which another attempt may fare better, with Retry-After, and the beginning of its body.
worker::Failure refusal(const outbound::HttpResponse& response, std::string_view whom,
                        Timestamp now);

}  // namespace errand::notification
