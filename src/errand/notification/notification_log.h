#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/job/state.h"
#include "errand/notification/notice.h"
#include "errand/notification/notification_policy.h"
#include "errand/notification/preferences.h"
#include "errand/store/reader.h"

namespace errand::notification {

/// What became of a message.
enum class MessageOutcome : std::uint8_t {
  kWaiting,  ///< it is to be sent, or tried again
  kHeld,     ///< until quiet hours end
  kSent,
  kGathered,  ///< it went, or goes, with others
  kSuppressed,
  kFailed,  ///< given up
};
std::string_view to_string(MessageOutcome outcome) noexcept;  ///< "WAITING", ...

/// A message as its job tells of it. A plain value.
struct MessageRecord {
  std::string id;
  MessageRequest request;
  MessageOutcome outcome = MessageOutcome::kWaiting;
  std::optional<WhyNot> reason;  ///< kHeld, kGathered, kSuppressed
  std::string error;             ///< kFailed, and kWaiting after a failure: for people
  std::uint32_t attempts = 0;
  Timestamp created_at{};
  std::optional<Timestamp> next_attempt_at;
  std::optional<Timestamp> finished_at;
  std::string provider;
  std::string reference;
};

/// Why nobody was told of a milestone that a policy names, or of anything. A plain value.
struct Untold {
  std::string policy;                  ///< empty: there is none
  std::optional<Milestone> milestone;  ///< nullopt: of all
  std::string code;                    ///< "NO_POLICY", "NOT_REACHED", "NOBODY", "NO_ESTIMATE"
  std::string message;                 ///< for people
};

/// What people were told of a job, and what not: a view of the internal jobs. Thread-safe; both
/// outlive it.
class NotificationLog {
 public:
  NotificationLog(const store::Reader& reader, const NotificationPolicies& policies)
      : reader_(reader), policies_(policies) {}

  static constexpr std::size_t kMessagesMax = 2'000;  ///< of one job

  // Calls may block on the disk. @return the store's errors

  /// All messages about `job`, in the order in which they were decided.
  [[nodiscard]] Result<std::vector<MessageRecord>> messages(const job::JobState& job) const;
  /// The milestones of policies without any message.
  [[nodiscard]] Result<std::vector<Untold>> untold(const job::JobState& job) const;

 private:
  [[nodiscard]] Result<std::vector<job::StatePtr>> jobs_of(const job::JobState& job,
                                                           std::vector<JobTypeName> types) const;
  /// What became of the digest that took a message.
  [[nodiscard]] Result<void> read_digest(const std::string& id, MessageRecord& record) const;
  [[nodiscard]] Result<std::optional<MessageRecord>> read(const job::JobState& message) const;

  const store::Reader& reader_;
  const NotificationPolicies& policies_;
};

}  // namespace errand::notification
