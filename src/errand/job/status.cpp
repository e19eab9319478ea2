#include "errand/job/status.h"

namespace errand::job {
namespace {

constexpr std::array<std::string_view, kJobStatusCount> kNames = {
    "SCHEDULED",    "PENDING",   "RUNNING", "WAITING",  "RETRYING", "CANCELING",
    "COMPENSATING", "SUCCEEDED", "FAILED",  "CANCELED", "EXPIRED"};

}  // namespace

std::string_view to_string(JobStatus status) noexcept {
  return kNames[static_cast<std::size_t>(status)];
}

std::optional<JobStatus> parse_job_status(std::string_view text) noexcept {
  for (const JobStatus status : kAllJobStatuses) {
    if (to_string(status) == text) return status;
  }
  return std::nullopt;
}

}  // namespace errand::job
