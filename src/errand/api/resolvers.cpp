#include "errand/api/resolvers.h"

#include <utility>

#include "errand/api/command_resolvers.h"
#include "errand/api/dead_letter_resolvers.h"
#include "errand/api/deferred_job.h"
#include "errand/api/entity_resolvers.h"
#include "errand/api/event_resolvers.h"
#include "errand/api/event_type_resolvers.h"
#include "errand/api/inbox_resolvers.h"
#include "errand/api/job_resolvers.h"
#include "errand/api/limit_resolvers.h"
#include "errand/api/notification_resolvers.h"
#include "errand/api/query_resolvers.h"
#include "errand/api/submit_job.h"
#include "errand/api/subscription_resolvers.h"
#include "errand/api/webhook_delivery_resolvers.h"
#include "errand/api/webhook_resolvers.h"

namespace errand::api {

Result<graphql::execution::Resolvers> make_resolvers(std::shared_ptr<const Backend> backend,
                                                     graphql::execution::ResolverMap extra) {
  graphql::execution::ResolverMap map = std::move(extra);
  add_job_resolvers(backend, map);
  add_deferred_jobs(backend, map);
  add_event_resolvers(backend, map);
  add_event_type_resolvers(backend, map);
  add_query_resolvers(backend, map);
  add_entity_resolvers(backend, map);
  add_command_resolvers(backend, map);
  add_limit_resolvers(backend, map);
  add_dead_letter_resolvers(backend, map);
  add_submit_resolvers(backend, map);
  add_subscription_resolvers(backend, map);
  add_webhook_resolvers(backend, map);
  add_inbox_resolvers(backend, map);
  add_notification_resolvers(backend, map);
  add_webhook_delivery_resolvers(backend, map);
  return graphql::execution::Resolvers::bind(backend->contract->served_schema(), std::move(map));
}

}  // namespace errand::api
