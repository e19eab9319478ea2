#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/notification/channel.h"
#include "errand/notification/preference.h"

/// The jobs of one message. A message is an internal job for each (job, run, milestone, channel,
/// recipient), and that job is the record of what was decided: its input says what it is about, its
/// result what became of it, and while it is put off its last event why.
namespace errand::notification {

/// What tells people of one job.
enum class Milestone : std::uint8_t {
  kEnqueued,
  kStarted,   ///< the first start of a run
  kProgress,  ///< a share of the work is done
  kWaiting,   ///< it waits for a person
  kSucceeded,
  kFailed,
  kDeadLettered,
  kCanceled,
  kExpired,
  kOverdue,  ///< it takes longer than was estimated when it started
};
inline constexpr std::size_t kMilestoneCount = 10;
std::string_view to_string(Milestone milestone) noexcept;  ///< "ENQUEUED", ...
std::optional<Milestone> parse_milestone(std::string_view text) noexcept;

/// Type and queue of the jobs that find a milestone's audience.
inline constexpr std::string_view kNotifyType = "errand.notify";
/// Type and queue of the jobs that send what was gathered in a digest.
inline constexpr std::string_view kDigestType = "errand.notify.digest";
/// Type and queue of the messages of a channel: "errand.notify.mail", ".web_push", ".inbox",
/// ".slack".
[[nodiscard]] std::string_view message_type(ChannelKind channel) noexcept;
/// The inverse; nullopt for other types.
std::optional<ChannelKind> channel_of(const JobTypeName& type) noexcept;

/// Who submits internal jobs of notifications: JobSpec::subject.
inline constexpr std::string_view kNotifySubject = "errand:notifications";

/// Who gets a message, as one text: the subject; else "mailto:" and the mail address; else "slack:"
/// and the name of the hook. Preferences are kept under it.
[[nodiscard]] SubjectId recipient_identity(const SubjectId& subject, ChannelKind channel,
                                           std::string_view address);

// Tags of a message's job, for finding it.
[[nodiscard]] std::string job_tag(const JobId& job);                 ///< of one job: "job:UUID"
[[nodiscard]] std::string recipient_tag(const SubjectId& identity);  ///< of one recipient
/// Of what would come in one digest.
[[nodiscard]] std::string digest_tag(const SubjectId& identity, ChannelKind channel,
                                     std::string_view category);

/// What a message is about: the input of its job. The tenant is that of its job.
struct MessageJob {
  JobId job;  ///< of the user
  std::uint32_t run = 1;
  Sequence sequence{};  ///< the job's state after this event is what is told
  Milestone milestone = Milestone::kEnqueued;
  double share = 0;  ///< kProgress: in (0, 1)
  ChannelKind channel = ChannelKind::kMail;
  SubjectId subject;    ///< of the recipient; may be empty
  std::string address;  ///< mail address, or name of a Slack hook; empty: looked up
  std::string policy;   ///< whose audience the recipient is of
  std::string category;
  bool mandatory = false;
  std::string template_name;  ///< empty: the built-in one

  /// {"job": "...", "run": 1, "sequence": 3, "milestone": "FAILED", "channel": "MAIL", ...}
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] SubjectId identity() const { return recipient_identity(subject, channel, address); }
  /// Names the message for good: a digest over (job, run, milestone with its share, channel,
  /// recipient) in hexadecimal. It is the job's idempotency key.
  [[nodiscard]] std::string dedupe_key() const;

  friend bool operator==(const MessageJob&, const MessageJob&) = default;
};

/// @return nullopt for what to_json() did not write
std::optional<MessageJob> parse_message_job(std::string_view json);

/// What became of a message.
enum class MessageOutcome : std::uint8_t {
  kSent,        ///< "SENT"
  kSuppressed,  ///< "SUPPRESSED"
  kDigested,    ///< "DIGESTED": it is part of a digest
};
std::string_view to_string(MessageOutcome outcome) noexcept;

/// The result of a message's job once it has succeeded. One that failed has its error; one that is
/// held waits with the name of its reason in its last `snoozed` event.
struct MessageResult {
  MessageOutcome outcome = MessageOutcome::kSent;
  DecisionReason reason = DecisionReason::kCategoryDefault;
  std::string message_id;         ///< kSent: stable over attempts
  std::string provider;           ///< kSent
  std::string reference;          ///< kSent: of the provider
  std::optional<JobId> digest{};  ///< kDigested: the job that sends it
  std::string title;              ///< kDigested: as it stands in the digest
  std::string text;               ///< kDigested
  std::string link;               ///< kDigested
  std::uint32_t messages = 0;     ///< of a digest that was sent: how many it holds

  /// {"outcome": "SUPPRESSED", "reason": "USER_CHANNEL"}
  [[nodiscard]] std::string to_json() const;

  friend bool operator==(const MessageResult&, const MessageResult&) = default;
};

/// @return nullopt for what to_json() did not write
std::optional<MessageResult> parse_message_result(std::string_view json);

/// What a digest is for: the input of its job. Its unique key is the digest_tag().
struct DigestJob {
  ChannelKind channel = ChannelKind::kMail;
  SubjectId subject;
  std::string address;
  std::string category;

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] SubjectId identity() const { return recipient_identity(subject, channel, address); }

  friend bool operator==(const DigestJob&, const DigestJob&) = default;
};
std::optional<DigestJob> parse_digest_job(std::string_view json);

}  // namespace errand::notification
