#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "errand/auth/principal.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"

namespace errand::auth {

/// What a principal may want to do. The scope each needs stands in required_scope().
enum class Action : std::uint8_t {
  kSubmitJob,          ///< start a job: object is its type (queue, scopes of @auth)
  kReadJob,            ///< see a job, its events, result and error; also in lists and subscriptions
  kCancelJob,          ///< cooperative cancel
  kKillJob,            ///< immediate end, audited
  kForgetJob,          ///< erase an ended job
  kRetryJob,           ///< next run of an ended job; also requeuing and discarding dead letters
  kCreateCallback,     ///< name a callback URL with a job
  kReadQueues,         ///< see queues and their figures
  kManageQueues,       ///< pause and resume
  kManageLimits,       ///< set limits, which hold for all tenants
  kReadWorkers,        ///< see connected workers
  kManageWorkers,      ///< drain them
  kWork,               ///< take jobs of a queue and report for them
  kReadAudit,          ///< see operators' actions
  kReadWebhooks,       ///< see endpoints of webhooks and what became of deliveries
  kManageWebhooks,     ///< make, change and delete endpoints, rotate their secrets
  kUseNotifications,   ///< one's own inbox, preferences and subscriptions
  kReadNotifications,  ///< what anybody was told
  kAdminister,         ///< everything else an operator does
};

inline constexpr std::size_t kActionCount = 19;

std::string_view to_string(Action action) noexcept;

/// The scope that `action` needs, such as "jobs:cancel".
std::string_view required_scope(Action action) noexcept;

/// What is acted on. Views: they outlive the call only.
struct Object {
  const TenantId* tenant = nullptr;       ///< owner; nullptr: the principal's own tenant
  const QueueName* queue = nullptr;       ///< for kSubmitJob and kWork; nullptr: any
  std::span<const std::string> scopes{};  ///< needed besides, as @auth(scopes) of a field says
};

enum class Decision : std::uint8_t {
  kAllowed,
  kForbidden,  ///< may be told that it is not allowed
  kHidden,     ///< belongs to another tenant: must be told what a missing object would be told
};

/// The one policy point: every resolver, subscription, replay and worker message asks here.
///
/// Tenants come first: whatever the scopes, an object of another tenant is hidden, and only
/// Action::kWork of a worker for all tenants passes. A value without state; thread-safe.
class Policy {
 public:
  [[nodiscard]] Decision may(const Principal& principal, Action action,
                             const Object& object = {}) const noexcept;

  /// may() as a Result: kForbidden names the scope or queue that is missing, kNotFound says
  /// `missing` (such as "there is no such job"), the same as for an object that does not exist.
  [[nodiscard]] Result<void> check(const Principal& principal, Action action,
                                   const Object& object = {},
                                   std::string_view missing = "there is no such object") const;
};

}  // namespace errand::auth
