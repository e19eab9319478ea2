#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/ids.h"

namespace errand::auth {

/// What a principal mainly is. Follows from its scopes; for logs and audit, decides nothing.
enum class PrincipalKind : std::uint8_t { kClient, kWorker, kOperator };

std::string_view to_string(PrincipalKind kind) noexcept;

/// Who acts, as an Authenticator found out from a credential. A value; immutable once made.
struct Principal {
  TenantId tenant;    ///< sees and changes only what belongs to it
  SubjectId subject;  ///< stable name within the tenant; scopes idempotency keys, stands in events
  PrincipalKind kind = PrincipalKind::kClient;
  std::vector<std::string> scopes;  ///< as granted: "jobs:read", "jobs:*" or "*"
  std::vector<QueueName> queues;    ///< that it may submit to or work on; empty: every queue
  /// Serves jobs of every tenant. Only for workers: nothing but Action::kWork follows from it.
  bool any_tenant = false;

  /// Whether `scope` was granted, by its name, by "*", or by a prefix with ":*".
  [[nodiscard]] bool has_scope(std::string_view scope) const noexcept;
  /// Whether the principal may use `queue`, as far as its list of queues goes.
  [[nodiscard]] bool has_queue(const QueueName& queue) const noexcept;

  friend bool operator==(const Principal&, const Principal&) = default;
};

/// Shared, as each connection and each running request holds its principal.
using PrincipalPtr = std::shared_ptr<const Principal>;

}  // namespace errand::auth
