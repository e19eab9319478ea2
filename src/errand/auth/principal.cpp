#include "errand/auth/principal.h"

#include <algorithm>

namespace errand::auth {

std::string_view to_string(PrincipalKind kind) noexcept {
  switch (kind) {
    case PrincipalKind::kClient:
      return "CLIENT";
    case PrincipalKind::kWorker:
      return "WORKER";
    case PrincipalKind::kOperator:
      return "OPERATOR";
  }
  return "CLIENT";
}

bool Principal::has_scope(std::string_view scope) const noexcept {
  return std::ranges::any_of(scopes, [scope](std::string_view granted) {
    if (granted == scope || granted == "*") return true;
    return granted.ends_with(":*") && scope.starts_with(granted.substr(0, granted.size() - 1));
  });
}

bool Principal::has_queue(const QueueName& queue) const noexcept {
  return queues.empty() || std::ranges::find(queues, queue) != queues.end();
}

}  // namespace errand::auth
