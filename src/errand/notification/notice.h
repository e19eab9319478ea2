#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/ids.h"
#include "errand/contract/notify_rule.h"
#include "errand/engine/reactor.h"
#include "errand/notification/channel.h"

namespace errand::notification {

/// Type and queue of the jobs that find out who is to be told.
inline constexpr std::string_view kNoticeType = "errand.notify";

/// A run of a job has come to a milestone that a policy names: the input of a kNoticeType job.
struct Notice {
  JobId job;
  std::uint32_t run = 1;
  std::string policy;
  Milestone milestone = Milestone::kSucceeded;
  double share = 0;  ///< of the work, of kProgress; else 0
  /// The event that reached it: the job is told of as it was then, whenever that is sent. 0: as it
  /// is (OVERDUE).
  Sequence sequence{};

  /// The same for every time at which the run comes there. One is made of each.
  [[nodiscard]] std::string key() const;
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const Notice&, const Notice&) = default;
};
/// @return nullopt for what to_json() did not write
std::optional<Notice> parse_notice(std::string_view json);

/// Type and queue of the jobs that send to one recipient over `channel`: "errand.notify.email".
[[nodiscard]] std::string_view message_type(NotifyChannel channel) noexcept;

/// One recipient is to be told of a milestone over one channel, whichever policies ask for it: the
/// input of a message_type() job. That job is the decision: its result says what became of it.
struct MessageRequest {
  Notice notice;  ///< its policy is the one that decides
  NotifyChannel channel = NotifyChannel::kEmail;
  Recipient recipient;  ///< of the job's tenant

  /// What tells decisions apart: job, run, milestone, channel and recipient.
  [[nodiscard]] std::string key() const;
  /// What the job is found by: JobSpec::tags.
  [[nodiscard]] std::vector<std::string> tags() const;
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const MessageRequest&, const MessageRequest&) = default;
};
/// @return nullopt for what to_json() did not write
std::optional<MessageRequest> parse_message_request(std::string_view json, const TenantId& tenant);

/// The tag of all messages about `job`.
[[nodiscard]] std::string message_tag(const JobId& job);

/// What `change` reached of what `rule` names. A run may come to one again after a retry.
struct Reached {
  Milestone milestone{};
  double share = 0;  ///< of kProgress

  friend bool operator==(const Reached&, const Reached&) = default;
};
std::vector<Reached> reached(const engine::JobChange& change, const contract::NotifyRule& rule);

}  // namespace errand::notification
