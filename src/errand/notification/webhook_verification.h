#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/notification/webhook_input.h"
#include "errand/notification/webhook_registry.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/log.h"

namespace errand::notification {

struct VerificationContext {
  std::string origin;  ///< this server's public address; may be empty
  Timestamp now;
  Random& random;
  telemetry::Log log = {};
};

/// Asks an endpoint whether it wants events: by one request, which is not repeated, and within 10
/// seconds.
/// @return kBadUserInput saying what was asked and what came back
boost::asio::awaitable<Result<void>> verify_webhook(outbound::HttpClient& client,
                                                    const RegisteredWebhook& webhook,
                                                    WebhookVerification verification,
                                                    VerificationContext context);

}  // namespace errand::notification
