#include "errand/api/webhook_access.h"

#include "errand/api/job_access.h"

namespace errand::api {

graphql::execution::FieldResult<notification::WebhookManager*> webhooks_for(const Backend& backend,
                                                                            const Context& context,
                                                                            auth::Action action) {
  const Result<void> allowed = authorize(backend, context, action);
  if (!allowed) return std::unexpected(api_error(allowed.error()));
  if (backend.webhooks == nullptr) {
    return std::unexpected(
        api_error({ErrorCode::kUnavailable, "This server has no webhook endpoints."}));
  }
  return backend.webhooks;
}

}  // namespace errand::api
