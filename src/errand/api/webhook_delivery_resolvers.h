#pragma once

#include "errand/api/backend.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::api {

/// `webhookDeliveries`, `redeliverWebhook`, `recoverWebhookDeliveries` and `testWebhookEndpoint`.
/// Deliveries are internal jobs, and what is shown of them is read from those and their events.
void add_webhook_delivery_resolvers(const BackendPtr& backend,
                                    graphql::execution::ResolverMap& map);

}  // namespace errand::api
