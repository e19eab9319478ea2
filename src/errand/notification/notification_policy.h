#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/contract/contract.h"
#include "errand/contract/notify_rule.h"
#include "errand/job/state.h"

namespace errand::notification {

/// Who is told what of which jobs: one @notify, or one table of the settings. A plain value.
struct NotificationPolicy {
  std::string name;                 ///< "exportReport/1" of the schema, "ops" of the settings
  std::set<JobTypeName> job_types;  ///< empty: all
  std::set<TenantId> tenants;       ///< empty: all
  std::set<std::string> tags;       ///< a job has one of them; empty: all
  contract::NotifyRule rule;

  [[nodiscard]] bool takes(const job::JobState& job) const;

  friend bool operator==(const NotificationPolicy&, const NotificationPolicy&) = default;
};

/// A group of the settings: "group:ops".
struct NotificationGroup {
  std::vector<std::string> emails;  ///< addresses
  std::vector<SubjectId> subjects;  ///< users of the job's tenant
  std::vector<std::string> hooks;   ///< chats, by their names in the settings

  friend bool operator==(const NotificationGroup&, const NotificationGroup&) = default;
};

using NotificationGroups = std::map<std::string, NotificationGroup, std::less<>>;

/// All policies of a server. Immutable, hence safe to share between threads.
class NotificationPolicies {
 public:
  /// Those of the schema's @notify, then those of the settings.
  /// @return kConfigInvalid for a policy of the settings that names a type or an argument which is
  ///         not there, and for a rule that names an unknown group
  static Result<NotificationPolicies> create(const contract::Contract& contract,
                                             std::vector<NotificationPolicy> settings,
                                             const NotificationGroups& groups);

  [[nodiscard]] std::span<const NotificationPolicy> all() const noexcept { return policies_; }
  /// nullptr for one that is not there any more.
  [[nodiscard]] const NotificationPolicy* find(std::string_view name) const;
  [[nodiscard]] bool empty() const noexcept { return policies_.empty(); }
  /// All categories that they name, ordered.
  [[nodiscard]] std::set<std::string> categories() const;

 private:
  std::vector<NotificationPolicy> policies_;
};

}  // namespace errand::notification
