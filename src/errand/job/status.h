#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace errand::job {

/// Where a job is in its life. The names are public: GraphQL's `JobStatus` and the stores use them.
enum class JobStatus : std::uint8_t {
  kScheduled,     ///< waits for its time
  kPending,       ///< waits in line for a worker
  kRunning,       ///< one worker holds the lease
  kWaiting,       ///< suspended until a signal, a timer or its children
  kRetrying,      ///< waits out the backoff after a failed attempt
  kCanceling,     ///< a worker still holds the lease and has been asked to stop
  kCompensating,  ///< completed steps are being undone
  kSucceeded,     ///< terminal for good
  kFailed,        ///< terminal for this run
  kCanceled,      ///< terminal for this run
  kExpired,       ///< terminal for this run
};

inline constexpr std::size_t kJobStatusCount = 11;

/// All of them in order, for tables and tests.
inline constexpr std::array<JobStatus, kJobStatusCount> kAllJobStatuses = {
    JobStatus::kScheduled, JobStatus::kPending,   JobStatus::kRunning,      JobStatus::kWaiting,
    JobStatus::kRetrying,  JobStatus::kCanceling, JobStatus::kCompensating, JobStatus::kSucceeded,
    JobStatus::kFailed,    JobStatus::kCanceled,  JobStatus::kExpired};

/// "SCHEDULED", "PENDING", ...
std::string_view to_string(JobStatus status) noexcept;

/// The inverse of to_string(); nullopt for any other text.
std::optional<JobStatus> parse_job_status(std::string_view text) noexcept;

/// Whether the run is over: SUCCEEDED, FAILED, CANCELED or EXPIRED.
constexpr bool is_terminal(JobStatus status) noexcept { return status >= JobStatus::kSucceeded; }

/// Whether a worker holds the job's lease: RUNNING or CANCELING.
constexpr bool has_lease(JobStatus status) noexcept {
  return status == JobStatus::kRunning || status == JobStatus::kCanceling;
}

}  // namespace errand::job
