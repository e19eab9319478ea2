#include "errand/notification/notification_policy.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errand/contract/read_notify.h"

namespace errand::notification {
namespace {

using contract::NotifyTarget;

std::unexpected<Error> invalid(const NotificationPolicy& policy, std::string_view what) {
  return fail(ErrorCode::kConfigInvalid,
              fmt::format("the notification policy \"{}\": {}", policy.name, what));
}

/// What is wrong with what a policy of the settings says of the schema; empty if nothing is.
std::string schema_fault(const NotificationPolicy& policy, const contract::Contract& contract) {
  for (const JobTypeName& type : policy.job_types) {
    if (contract.job_type(type.view()) == nullptr) {
      return fmt::format("job_types: {} is no mutation with @job", type.view());
    }
  }
  for (const NotifyTarget& target : policy.rule.to) {
    if (target.kind != NotifyTarget::Kind::kArgument) continue;
    if (policy.job_types.empty()) {
      return fmt::format("to: \"{}\" is of one mutation's arguments; name that in job_types",
                         target.name);
    }
    for (const JobTypeName& type : policy.job_types) {
      const std::string fault =
          contract::target_fault(target, *contract.job_type(type.view())->field);
      if (!fault.empty()) return "to: " + fault;
    }
  }
  return {};
}

}  // namespace

bool NotificationPolicy::takes(const job::JobState& job) const {
  const job::JobSpec& spec = job.spec;
  if (!job_types.empty() && !job_types.contains(spec.type)) return false;
  if (!tenants.empty() && !tenants.contains(spec.tenant)) return false;
  return tags.empty() ||
         std::ranges::any_of(spec.tags, [&](const std::string& tag) { return tags.contains(tag); });
}

Result<NotificationPolicies> NotificationPolicies::create(const contract::Contract& contract,
                                                          std::vector<NotificationPolicy> settings,
                                                          const NotificationGroups& groups) {
  NotificationPolicies made;
  for (const contract::JobType& type : contract.job_types()) {
    for (std::size_t i = 0; i < type.notify.size(); ++i) {
      made.policies_.push_back({.name = fmt::format("{}/{}", type.name.view(), i + 1),
                                .job_types = {type.name},
                                .rule = type.notify[i]});
    }
  }
  for (NotificationPolicy& policy : settings) {
    if (const std::string fault = schema_fault(policy, contract); !fault.empty()) {
      return invalid(policy, fault);
    }
    made.policies_.push_back(std::move(policy));
  }
  for (const NotificationPolicy& policy : made.policies_) {
    for (const NotifyTarget& target : policy.rule.to) {
      if (target.kind != NotifyTarget::Kind::kGroup || groups.contains(target.name)) continue;
      std::vector<std::string_view> names;
      for (const auto& [name, group] : groups) names.push_back(name);
      return invalid(
          policy,
          fmt::format("to: there is no group \"{0}\"{1}; write [notifications.groups.{0}]",
                      target.name,
                      names.empty() ? std::string()
                                    : fmt::format(" (there are {})", fmt::join(names, ", "))));
    }
  }
  return made;
}

const NotificationPolicy* NotificationPolicies::find(std::string_view name) const {
  const auto found = std::ranges::find(policies_, name, &NotificationPolicy::name);
  return found == policies_.end() ? nullptr : &*found;
}

std::set<std::string> NotificationPolicies::categories() const {
  std::set<std::string> names;
  for (const NotificationPolicy& policy : policies_) names.insert(policy.rule.category);
  return names;
}

}  // namespace errand::notification
