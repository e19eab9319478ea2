#pragma once

#include <set>
#include <string>
#include <vector>

#include "errand/base/ids.h"

namespace errand::relay {

/// An event on its way to a broker.
struct Message {
  std::string id;  ///< of the event, by which consumers and brokers know it again
  JobId job;
  LogPosition position{};
  std::string type;   ///< "dev.errand.job.started"
  std::string topic;  ///< "TENANT.JOBTYPE.EVENT", see topic_of()
  std::string body;   ///< a structured CloudEvent
};

/// Which events of users' jobs a relay publishes. An empty set lets all pass.
struct Filter {
  std::vector<std::string> types{"*"};  ///< contract::is_event_pattern()
  std::set<TenantId> tenants;
  std::set<JobTypeName> job_types;

  friend bool operator==(const Filter&, const Filter&) = default;
};

}  // namespace errand::relay
