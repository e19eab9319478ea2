#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/base/result.h"
#include "errand/notification/webhook_registry.h"
#include "errand/outbound/address_guard.h"

namespace errand::notification {

/// How an endpoint shows that it wants events, before it is made.
enum class WebhookVerification : std::uint8_t {
  kNone,
  kCloudEvents,  ///< OPTIONS of the HTTP webhook specification of CloudEvents 1.0
  kChallenge,    ///< a signed event that it answers with the challenge in it
};

/// What someone asks an endpoint to be; what is not there stays as it is, or is the default.
struct WebhookChange {
  std::optional<std::string> url;
  std::optional<std::string> description;
  std::optional<std::vector<std::string>> types;
  std::optional<std::vector<std::string>> job_types;
  std::optional<std::vector<std::string>> tags;
  std::optional<std::vector<WebhookDataCondition>> data;
  std::optional<bool> full;
  std::optional<std::string> content_type;
  /// All there are from now on; one without a value keeps the value that it has.
  std::optional<std::vector<std::pair<std::string, std::optional<std::string>>>> headers;
  std::optional<WebhookOrdering> ordering;
  std::optional<std::uint32_t> concurrency;
  std::optional<std::uint32_t> rate;
  std::optional<Milliseconds> timeout;
  std::optional<bool> signing;  ///< "v1a" beside "v1"
  WebhookVerification verification = WebhookVerification::kNone;
};

/// Reads the input of createWebhookEndpoint and updateWebhookEndpoint.
/// @param input  as the schema has coerced it
/// @return kBadUserInput naming the member and what it takes
Result<WebhookChange> read_webhook_input(const boost::json::object& input);

/// Makes `webhook` what `change` asks for. Its keys are the caller's.
/// @return kBadUserInput naming the member: of a new endpoint url and types must be there, and
///         requests must be let go to the url (what its text tells)
Result<void> apply_webhook_change(const WebhookChange& change, const outbound::AddressGuard& guard,
                                  RegisteredWebhook& webhook);

}  // namespace errand::notification
