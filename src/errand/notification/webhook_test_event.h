#pragma once

#include <string>

#include "errand/base/clock.h"

namespace errand::notification {

/// What became of a test event.
struct WebhookTest {
  bool delivered = false;
  std::string event_id;
  unsigned status = 0;       ///< of the response; 0: there was none
  Milliseconds duration{0};  ///< from the request on
  std::string answer;        ///< the beginning of the response's body, as far as it is text
  std::string error_class;   ///< "HTTP_500", "WEBHOOK_TIMEOUT"; empty: none
  std::string error;         ///< for people
};

}  // namespace errand::notification
