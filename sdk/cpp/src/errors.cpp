#include "errand_worker/errors.h"

namespace errand_worker {

std::string_view to_string(StopReason reason) {
  switch (reason) {
    case StopReason::kCancel:
      return "CANCEL";
    case StopReason::kDeadline:
      return "DEADLINE";
    case StopReason::kKill:
      return "KILL";
    case StopReason::kTimeout:
      return "TIMEOUT";
    case StopReason::kLeaseLost:
      return "LEASE_LOST";
    case StopReason::kJobEnded:
      return "JOB_ENDED";
    case StopReason::kShutdown:
      return "SHUTDOWN";
  }
  return "";
}

}  // namespace errand_worker
