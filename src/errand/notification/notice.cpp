#include "errand/notification/notice.h"

#include <algorithm>
#include <variant>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/job/estimate.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/text_member.h"

namespace errand::notification {
namespace {

/// "SUCCEEDED", "PROGRESS@0.5"
std::string milestone_text(const Notice& notice) {
  std::string text(contract::to_string(notice.milestone));
  if (notice.milestone == Milestone::kProgress) text += fmt::format("@{}", notice.share);
  return text;
}

void write_members(json::Writer& out, const Notice& notice) {
  out.key("job");
  out.string(notice.job.str());
  out.key("run");
  out.unsigned_integer(notice.run);
  out.key("policy");
  out.string(notice.policy);
  out.key("milestone");
  out.string(contract::to_string(notice.milestone));
  if (notice.milestone == Milestone::kProgress) {
    out.key("share");
    out.number(notice.share);
  }
  if (notice.sequence != Sequence{}) {
    out.key("sequence");
    out.unsigned_integer(to_number(notice.sequence));
  }
}

std::optional<Notice> read_notice(const boost::json::object& object) {
  const auto job = JobId::parse(text_member(object, "job"));
  const auto milestone = contract::parse_milestone(text_member(object, "milestone"));
  const auto* run = object.if_contains("run");
  if (!job || !milestone || run == nullptr || !run->is_int64() || run->get_int64() < 1) {
    return std::nullopt;
  }
  Notice notice{.job = *job,
                .run = static_cast<std::uint32_t>(run->get_int64()),
                .policy = text_member(object, "policy"),
                .milestone = *milestone};
  if (const auto* share = object.if_contains("share"); share != nullptr && share->is_number()) {
    notice.share = share->to_number<double>();
  }
  if (const auto* sequence = object.if_contains("sequence");
      sequence != nullptr && sequence->is_int64() && sequence->get_int64() > 0) {
    notice.sequence = Sequence{static_cast<std::uint64_t>(sequence->get_int64())};
  }
  return notice;
}

std::string recipient_text(const Recipient& recipient) {
  if (!recipient.hook.empty()) return "hook:" + recipient.hook;
  if (!recipient.subject.empty()) return "subject:" + recipient.subject.str();
  return "address:" + recipient.address;
}

std::optional<double> share_of(const job::JobState* state) {
  return state != nullptr && state->progress ? job::fraction(*state->progress) : std::nullopt;
}

}  // namespace

std::string Notice::key() const {
  return fmt::format("{}/{}/{}/{}", job.str(), run, milestone_text(*this), policy);
}

std::string Notice::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_members(out, *this);
  out.end_object();
  return text;
}

std::optional<Notice> parse_notice(std::string_view text) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  return object == nullptr ? std::nullopt : read_notice(*object);
}

std::string_view message_type(NotifyChannel channel) noexcept {
  switch (channel) {
    case NotifyChannel::kEmail:
      return "errand.notify.email";
    case NotifyChannel::kWebPush:
      return "errand.notify.web_push";
    case NotifyChannel::kInApp:
      return "errand.notify.in_app";
    case NotifyChannel::kChat:
      return "errand.notify.chat";
  }
  return "errand.notify.email";
}

std::string MessageRequest::key() const {
  return fmt::format("{}/{}/{}/{}/{}", notice.job.str(), notice.run, milestone_text(notice),
                     contract::to_string(channel), recipient_text(recipient));
}

std::string message_tag(const JobId& job) { return "job:" + job.str(); }

std::vector<std::string> MessageRequest::tags() const {
  return {message_tag(notice.job), "milestone:" + milestone_text(notice)};
}

std::string MessageRequest::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_members(out, notice);
  out.key("channel");
  out.string(contract::to_string(channel));
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>{"subject", recipient.subject.view()},
        {"address", recipient.address},
        {"hook", recipient.hook}}) {
    if (value.empty()) continue;
    out.key(name);
    out.string(value);
  }
  out.end_object();
  return text;
}

std::optional<MessageRequest> parse_message_request(std::string_view text, const TenantId& tenant) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  auto notice = read_notice(*object);
  const auto channel = contract::parse_notify_channel(text_member(*object, "channel"));
  if (!notice || !channel) return std::nullopt;
  return MessageRequest{.notice = *std::move(notice),
                        .channel = *channel,
                        .recipient = {.tenant = tenant,
                                      .subject = SubjectId(text_member(*object, "subject")),
                                      .address = text_member(*object, "address"),
                                      .hook = text_member(*object, "hook")}};
}

std::vector<Reached> reached(const engine::JobChange& change, const contract::NotifyRule& rule) {
  std::vector<Reached> found;
  const auto add = [&](Milestone milestone) {
    if (std::ranges::find(rule.on, milestone) == rule.on.end()) return;
    const Reached one{.milestone = milestone};
    if (std::ranges::find(found, one) == found.end()) found.push_back(one);
  };
  for (const job::Event& event : change.events) {
    std::visit(
        [&]<class T>(const T&) {
          if constexpr (std::is_same_v<T, job::Enqueued> || std::is_same_v<T, job::Requeued>) {
            add(Milestone::kEnqueued);
          } else if constexpr (std::is_same_v<T, job::Started>) {
            const bool first = change.before == nullptr || !change.before->started_at ||
                               change.before->run != change.after.run;
            if (first) add(Milestone::kStarted);
            if (first) add(Milestone::kOverdue);
          } else if constexpr (std::is_same_v<T, job::Waiting>) {
            add(Milestone::kWaiting);
          } else if constexpr (std::is_same_v<T, job::Succeeded>) {
            add(Milestone::kSucceeded);
          } else if constexpr (std::is_same_v<T, job::Failed>) {
            add(Milestone::kFailed);
          } else if constexpr (std::is_same_v<T, job::DeadLettered>) {
            add(Milestone::kDeadLettered);
          } else if constexpr (std::is_same_v<T, job::Canceled> || std::is_same_v<T, job::Killed>) {
            if (change.after.status == job::JobStatus::kCanceled) add(Milestone::kCanceled);
          } else if constexpr (std::is_same_v<T, job::Expired>) {
            add(Milestone::kExpired);
          }
        },
        event.data);
  }
  const auto now = share_of(&change.after);
  if (now && !rule.progress.empty() && change.after.status == job::JobStatus::kRunning) {
    const double before = share_of(change.before).value_or(0);
    for (const double share : rule.progress) {
      if (before < share && share <= *now) {
        found.push_back({.milestone = Milestone::kProgress, .share = share});
      }
    }
  }
  return found;
}

}  // namespace errand::notification
