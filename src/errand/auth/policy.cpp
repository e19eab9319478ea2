#include "errand/auth/policy.h"

#include <algorithm>
#include <array>

namespace errand::auth {
namespace {

struct Rule {
  Action action;
  std::string_view name;
  std::string_view scope;
  bool by_queue;  ///< the principal's list of queues counts
};

constexpr std::array<Rule, kActionCount> kRules{{
    {Action::kSubmitJob, "SUBMIT_JOB", "jobs:submit", true},
    {Action::kReadJob, "READ_JOB", "jobs:read", false},
    {Action::kCancelJob, "CANCEL_JOB", "jobs:cancel", false},
    {Action::kKillJob, "KILL_JOB", "jobs:kill", false},
    {Action::kForgetJob, "FORGET_JOB", "jobs:forget", false},
    {Action::kRetryJob, "RETRY_JOB", "jobs:retry", false},
    {Action::kCreateCallback, "CREATE_CALLBACK", "callback:create", false},
    {Action::kReadQueues, "READ_QUEUES", "queues:read", false},
    {Action::kManageQueues, "MANAGE_QUEUES", "queues:manage", false},
    {Action::kManageLimits, "MANAGE_LIMITS", "limits:manage", false},
    {Action::kReadWorkers, "READ_WORKERS", "workers:read", false},
    {Action::kManageWorkers, "MANAGE_WORKERS", "workers:manage", false},
    {Action::kWork, "WORK", "worker", true},
    {Action::kReadAudit, "READ_AUDIT", "audit:read", false},
    {Action::kReadWebhooks, "READ_WEBHOOKS", "webhooks:read", false},
    {Action::kManageWebhooks, "MANAGE_WEBHOOKS", "webhooks:manage", false},
    {Action::kUseNotifications, "USE_NOTIFICATIONS", "notifications:use", false},
    {Action::kReadNotifications, "READ_NOTIFICATIONS", "notifications:read", false},
    {Action::kAdminister, "ADMINISTER", "admin", false},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<std::size_t>(kRules[i].action) != i) return false;
  }
  return true;
}
static_assert(in_order(), "kRules is indexed by Action");

constexpr const Rule& rule(Action action) noexcept {
  return kRules[static_cast<std::size_t>(action)];
}

/// The first scope that is missing; empty when none is.
std::string_view missing_scope(const Principal& principal, const Rule& rule,
                               const Object& object) noexcept {
  if (!principal.has_scope(rule.scope)) return rule.scope;
  const auto missing = std::ranges::find_if(
      object.scopes, [&](std::string_view scope) { return !principal.has_scope(scope); });
  return missing == object.scopes.end() ? std::string_view() : std::string_view(*missing);
}

bool same_tenant(const Principal& principal, Action action, const Object& object) noexcept {
  if (object.tenant == nullptr) return true;
  if (principal.any_tenant) return action == Action::kWork;
  return *object.tenant == principal.tenant;
}

}  // namespace

std::string_view to_string(Action action) noexcept { return rule(action).name; }

std::string_view required_scope(Action action) noexcept { return rule(action).scope; }

Decision Policy::may(const Principal& principal, Action action,
                     const Object& object) const noexcept {
  const Rule& wanted = rule(action);
  if (!same_tenant(principal, action, object)) return Decision::kHidden;
  if (principal.any_tenant && action != Action::kWork) return Decision::kForbidden;
  if (!missing_scope(principal, wanted, object).empty()) return Decision::kForbidden;
  if (wanted.by_queue && object.queue != nullptr && !principal.has_queue(*object.queue)) {
    return Decision::kForbidden;
  }
  return Decision::kAllowed;
}

Result<void> Policy::check(const Principal& principal, Action action, const Object& object,
                           std::string_view missing) const {
  switch (may(principal, action, object)) {
    case Decision::kAllowed:
      return {};
    case Decision::kHidden:
      return fail(ErrorCode::kNotFound, std::string(missing));
    case Decision::kForbidden:
      break;
  }
  const std::string_view scope = missing_scope(principal, rule(action), object);
  if (!scope.empty()) {
    return fail(ErrorCode::kForbidden,
                "the scope \"" + std::string(scope) + "\" is needed and was not granted");
  }
  if (object.queue != nullptr && !principal.has_queue(*object.queue)) {
    return fail(ErrorCode::kForbidden,
                "the queue \"" + object.queue->str() + "\" is not among the credential's queues");
  }
  return fail(ErrorCode::kForbidden, "this credential is for a worker and allows nothing else");
}

}  // namespace errand::auth
