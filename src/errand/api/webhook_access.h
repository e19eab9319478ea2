#pragma once

#include "errand/api/backend.h"
#include "errand/api/context.h"
#include "errand/auth/policy.h"
#include "errand/graphql/execution/resolver.h"
#include "errand/notification/webhook_manager.h"

namespace errand::api {

/// The manager of webhook endpoints, where the viewer may do `action`.
graphql::execution::FieldResult<notification::WebhookManager*> webhooks_for(const Backend& backend,
                                                                            const Context& context,
                                                                            auth::Action action);

}  // namespace errand::api
