#pragma once

#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/crypto/sealer.h"
#include "errand/notification/webhook_registry.h"
#include "errand/store/batch.h"

namespace errand::notification {

/// Collections of the records: endpoints that are made while the server runs, and the state of all.
inline constexpr std::string_view kEndpointCollection = "webhook_endpoint";
inline constexpr std::string_view kStateCollection = "webhook_state";

/// Label of the sealer of what is secret in a record.
inline constexpr std::string_view kWebhookSealerLabel = "webhook-endpoint.v1";

/// A secret of an endpoint as text, with what belongs to it, before it is sealed.
struct WebhookKeyText {
  std::string secret;   ///< "whsec_..."
  std::string signing;  ///< "whsk_..."; empty: none
};

/// Where the records of an endpoint are; the first is not of one of the settings.
[[nodiscard]] store::RecordId record_id(const RegisteredWebhook& webhook);
[[nodiscard]] store::RecordId state_record_id(const RegisteredWebhook& webhook);

/// The record of an endpoint that was made by the API: all but the revision and its state. Secrets
/// are sealed for this endpoint alone.
/// @param texts   of the keys, in their order
[[nodiscard]] std::string to_record(const RegisteredWebhook& webhook,
                                    const std::vector<WebhookKeyText>& texts,
                                    const crypto::Sealer& sealer);

/// What to_record() wrote.
struct StoredWebhook {
  RegisteredWebhook webhook;
  std::vector<WebhookKeyText> texts;  ///< of its keys
};
/// @return kStoreCorrupt for what is none; kConfigInvalid for one of another master key
[[nodiscard]] Result<StoredWebhook> read_record(const store::Record& record,
                                                const crypto::Sealer& sealer);

/// An endpoint's state, which is one of its address too.
[[nodiscard]] std::string to_state_record(const RegisteredWebhook& webhook);
/// Takes over what the record says, where it is about the same url.
[[nodiscard]] Result<void> read_state_record(const store::Record& record,
                                             RegisteredWebhook& webhook);

}  // namespace errand::notification
