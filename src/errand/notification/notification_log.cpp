#include "errand/notification/notification_log.h"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/json/parse.h"
#include "errand/notification/text_member.h"

namespace errand::notification {
namespace {

/// A notice's own outcome in words; nullopt where it told somebody.
std::optional<Untold> untold_of(const Notice& notice, const std::string& outcome) {
  Untold untold{.policy = notice.policy, .milestone = notice.milestone, .code = outcome};
  if (outcome == "NOBODY") {
    untold.message =
        "The policy names nobody: the arguments that it looks at are empty, or the "
        "recipients do not fit its channels.";
  } else if (outcome == "NO_ESTIMATE") {
    untold.message = "Too few earlier jobs tell how long one takes.";
  } else if (outcome == "NOT_REACHED") {
    untold.message = "The job ended before it was late.";
  } else if (outcome == "POLICY_GONE") {
    untold.message = std::string(describe(WhyNot::kPolicyGone));
  } else {
    return std::nullopt;
  }
  return untold;
}

}  // namespace

std::string_view to_string(MessageOutcome outcome) noexcept {
  switch (outcome) {
    case MessageOutcome::kWaiting:
      return "WAITING";
    case MessageOutcome::kHeld:
      return "HELD";
    case MessageOutcome::kSent:
      return "SENT";
    case MessageOutcome::kGathered:
      return "GATHERED";
    case MessageOutcome::kSuppressed:
      return "SUPPRESSED";
    case MessageOutcome::kFailed:
      return "FAILED";
  }
  return "WAITING";
}

Result<std::vector<job::StatePtr>> NotificationLog::jobs_of(const job::JobState& job,
                                                            std::vector<JobTypeName> types) const {
  return reader_.jobs({.tenant = job.spec.tenant,
                       .kind = job::JobKind::kInternal,
                       .types = std::move(types),
                       .tags = {message_tag(job.id)},
                       .correlation_id = job.correlation_id},
                      {.order = store::JobOrder::kOldestFirst, .limit = kMessagesMax});
}

Result<void> NotificationLog::read_digest(const std::string& id, MessageRecord& record) const {
  const auto digest = JobId::parse(id);
  if (!digest) return {};
  const auto job = reader_.job(*digest);
  if (!job) return std::unexpected(job.error());
  if (!*job || !(*job)->terminal()) return {};
  if ((*job)->status != job::JobStatus::kSucceeded) {
    record.outcome = MessageOutcome::kFailed;
    if ((*job)->error) record.error = (*job)->error->message;
    return {};
  }
  const auto result = reader_.payload(*digest, store::PayloadKind::kResult);
  if (!result) return std::unexpected(result.error());
  const auto value = *result ? json::parse((*result)->bytes) : boost::json::value();
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr || text_member(*object, "outcome") != "SUPPRESSED") return {};
  record.outcome = MessageOutcome::kSuppressed;
  record.reason = parse_why_not(text_member(*object, "reason"));
  return {};
}

Result<std::optional<MessageRecord>> NotificationLog::read(const job::JobState& message) const {
  const auto input = reader_.payload(message.id, store::PayloadKind::kInput);
  if (!input) return std::unexpected(input.error());
  if (!*input) return std::optional<MessageRecord>();
  auto request = parse_message_request((*input)->bytes, message.spec.tenant);
  if (!request) return std::optional<MessageRecord>();
  MessageRecord record{.id = message.id.str(),
                       .request = *std::move(request),
                       .attempts = message.attempt,
                       .created_at = message.created_at,
                       .next_attempt_at = message.due_at,
                       .finished_at = message.finished_at};
  switch (message.status) {
    case job::JobStatus::kSucceeded: {
      const auto result = reader_.payload(message.id, store::PayloadKind::kResult);
      if (!result) return std::unexpected(result.error());
      const auto value = *result ? json::parse((*result)->bytes) : boost::json::value();
      const auto* object = value ? value->if_object() : nullptr;
      if (object == nullptr) break;
      const std::string outcome = text_member(*object, "outcome");
      record.outcome = outcome == "SENT"       ? MessageOutcome::kSent
                       : outcome == "GATHERED" ? MessageOutcome::kGathered
                                               : MessageOutcome::kSuppressed;
      record.reason = parse_why_not(text_member(*object, "reason"));
      if (record.outcome == MessageOutcome::kGathered) {
        if (auto looked = read_digest(text_member(*object, "digest"), record); !looked) {
          return std::unexpected(std::move(looked.error()));
        }
      }
      record.provider = text_member(*object, "provider");
      record.reference = text_member(*object, "reference");
      break;
    }
    case job::JobStatus::kScheduled:
      record.outcome = MessageOutcome::kHeld;
      record.reason = WhyNot::kQuietHours;
      break;
    case job::JobStatus::kFailed:
    case job::JobStatus::kCanceled:
    case job::JobStatus::kExpired:
      record.outcome = MessageOutcome::kFailed;
      if (message.error) record.error = message.error->message;
      break;
    default:
      if (message.last_failure) record.error = message.last_failure->message;
      break;
  }
  return record;
}

Result<std::vector<MessageRecord>> NotificationLog::messages(const job::JobState& job) const {
  std::vector<JobTypeName> types;
  for (const NotifyChannel channel : contract::kNotifyChannels) {
    types.emplace_back(message_type(channel));
  }
  const auto jobs = jobs_of(job, std::move(types));
  if (!jobs) return std::unexpected(jobs.error());
  std::vector<MessageRecord> records;
  for (const job::StatePtr& each : *jobs) {
    auto record = read(*each);
    if (!record) return std::unexpected(record.error());
    if (*record) records.push_back(**std::move(record));
  }
  return records;
}

Result<std::vector<Untold>> NotificationLog::untold(const job::JobState& job) const {
  std::vector<Untold> found;
  std::vector<const NotificationPolicy*> concerned;
  for (const NotificationPolicy& policy : policies_.all()) {
    if (policy.takes(job)) concerned.push_back(&policy);
  }
  if (concerned.empty()) {
    found.push_back({.code = "NO_POLICY",
                     .message = "No policy names this job: neither an @notify of its mutation nor "
                                "one of the settings."});
    return found;
  }
  const auto jobs = jobs_of(job, {JobTypeName(kNoticeType)});
  if (!jobs) return std::unexpected(jobs.error());
  std::vector<Notice> notices;
  for (const job::StatePtr& each : *jobs) {
    const auto input = reader_.payload(each->id, store::PayloadKind::kInput);
    if (!input) return std::unexpected(input.error());
    auto notice = *input ? parse_notice((*input)->bytes) : std::nullopt;
    if (!notice) continue;
    if (each->status == job::JobStatus::kSucceeded) {
      const auto result = reader_.payload(each->id, store::PayloadKind::kResult);
      if (!result) return std::unexpected(result.error());
      const auto value = *result ? json::parse((*result)->bytes) : boost::json::value();
      const auto* object = value ? value->if_object() : nullptr;
      if (object != nullptr) {
        if (auto untold = untold_of(*notice, text_member(*object, "outcome"))) {
          found.push_back(*std::move(untold));
        }
      }
    } else if (each->terminal()) {
      found.push_back({.policy = notice->policy,
                       .milestone = notice->milestone,
                       .code = "FAILED",
                       .message = each->error ? each->error->message : std::string()});
    }
    notices.push_back(*std::move(notice));
  }
  for (const NotificationPolicy* policy : concerned) {
    for (const Milestone milestone : policy->rule.on) {
      const bool reached = std::ranges::any_of(notices, [&](const Notice& notice) {
        return notice.policy == policy->name && notice.milestone == milestone &&
               notice.run == job.run;
      });
      if (reached) continue;
      found.push_back({.policy = policy->name,
                       .milestone = milestone,
                       .code = "NOT_REACHED",
                       .message = fmt::format("This run of the job has not come to {}, or came "
                                              "there before the policy was made.",
                                              contract::to_string(milestone))});
    }
  }
  return found;
}

}  // namespace errand::notification
