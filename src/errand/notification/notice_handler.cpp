#include "errand/notification/notice_handler.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "errand/crypto/encoding.h"
#include "errand/job/estimate.h"
#include "errand/json/parse.h"
#include "errand/notification/notification_reactor.h"
#include "errand/notification/user_book.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using contract::NotifyTarget;
using worker::FailureKind;
using worker::make_failure;

/// Between two looks whether a job that is between its attempts runs again.
constexpr Milliseconds kLookAgain{30'000};
constexpr Milliseconds kLookAgainMax{3'600'000};
/// A value of the arguments that can be a user's name or an address.
constexpr std::size_t kNameBytesMax = 256;

worker::Outcome outcome(std::string_view what, std::size_t messages = 0) {
  return worker::Complete{.result = {{"outcome", what}, {"messages", messages}}};
}

/// What `path` names in the arguments; nullptr: nothing.
const boost::json::value* at_path(const boost::json::object& input, std::string_view path) {
  const boost::json::object* object = &input;
  while (true) {
    const auto dot = path.find('.');
    const auto* value = object->if_contains(path.substr(0, dot));
    if (value == nullptr || dot == std::string_view::npos) return value;
    object = value->if_object();
    if (object == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

/// A recipient, to be looked up by.
std::string name_of(const Recipient& recipient) {
  return recipient.subject.str() + "\n" + recipient.address + "\n" + recipient.hook;
}

/// An address in one form: the case of its domain says nothing (RFC 5321, 2.4).
std::string with_plain_domain(std::string address) {
  std::ranges::transform(std::ranges::subrange(std::ranges::find(address, '@'), address.end()),
                         std::ranges::find(address, '@'), [](char c) {
                           return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
                         });
  return address;
}

/// A mandatory policy, and whom it names, as name_of() says.
struct MandatoryAudience {
  const NotificationPolicy* policy = nullptr;
  std::unordered_set<std::string> names;
};

}  // namespace

bool tells(const NotificationPolicy& policy, const Notice& notice, NotifyChannel channel) {
  const contract::NotifyRule& rule = policy.rule;
  return std::ranges::find(rule.on, notice.milestone) != rule.on.end() &&
         std::ranges::find(rule.channels, channel) != rule.channels.end() &&
         (notice.milestone != Milestone::kProgress ||
          std::ranges::find(rule.progress, notice.share) != rule.progress.end());
}

std::vector<Recipient> audience(const contract::NotifyRule& rule, const job::JobState& job,
                                const boost::json::object& input,
                                const NotificationGroups& groups) {
  std::vector<Recipient> found;
  std::unordered_set<std::string> names;
  const auto add = [&](Recipient recipient) {
    // One more than are told is enough to say that there are too many.
    if (found.size() > kRecipientsMax) return;
    recipient.tenant = job.spec.tenant;
    if (names.insert(name_of(recipient)).second) found.push_back(std::move(recipient));
  };
  const auto add_text = [&](const boost::json::value& value) {
    if (!value.is_string() || value.get_string().empty()) return;
    const std::string text(value.get_string());
    if (text.size() > kNameBytesMax) return;
    if (text.contains('@')) {
      add({.address = with_plain_domain(text)});
    } else {
      add({.subject = SubjectId(text)});
    }
  };
  for (const NotifyTarget& target : rule.to) {
    switch (target.kind) {
      case NotifyTarget::Kind::kPrincipal:
        add({.subject = job.spec.subject});
        break;
      case NotifyTarget::Kind::kArgument: {
        const auto* value = at_path(input, target.name);
        if (value == nullptr) break;
        if (const auto* list = value->if_array()) {
          for (const auto& item : *list) add_text(item);
        } else {
          add_text(*value);
        }
        break;
      }
      case NotifyTarget::Kind::kGroup: {
        const auto group = groups.find(target.name);
        if (group == groups.end()) break;
        for (const std::string& address : group->second.emails)
          add({.address = with_plain_domain(address)});
        for (const SubjectId& subject : group->second.subjects) add({.subject = subject});
        for (const std::string& hook : group->second.hooks) add({.hook = hook});
        break;
      }
    }
  }
  // A user whose name is an address is told as the user.
  std::erase_if(found, [&](const Recipient& each) {
    return !each.address.empty() && names.contains(name_of({.subject = SubjectId(each.address)}));
  });
  return found;
}

bool fits(NotifyChannel channel, const Recipient& recipient) {
  switch (channel) {
    case NotifyChannel::kEmail:
      return !recipient.subject.empty() || !recipient.address.empty();
    case NotifyChannel::kChat:
      return !recipient.hook.empty();
    case NotifyChannel::kWebPush:
    case NotifyChannel::kInApp:
      return !recipient.subject.empty();
  }
  return false;
}

Result<NoticeHandler::Facts> NoticeHandler::load(const Notice& notice, bool with_input) const {
  Facts facts;
  auto job = means_.reader.job(notice.job);
  if (!job) return std::unexpected(job.error());
  facts.job = *std::move(job);
  if (!facts.job || !with_input) return facts;
  const auto payload = means_.reader.payload(notice.job, store::PayloadKind::kInput);
  if (!payload) return std::unexpected(payload.error());
  if (!*payload) return facts;
  auto input = json::parse((*payload)->bytes);
  if (input && input->is_object()) facts.input = std::move(input->get_object());
  return facts;
}

std::optional<worker::Outcome> NoticeHandler::not_overdue(const Notice& notice,
                                                          const job::JobState& job) const {
  if (job.terminal() || job.run != notice.run) return outcome("NOT_REACHED");
  if (job.status != job::JobStatus::kRunning || !job.attempt_started_at) {
    // One that waits for long, maybe for a person, is looked at less and less often.
    const Milliseconds age = means_.clock.now().wall - job.created_at;
    return worker::Snooze{.delay = std::clamp(age / 8, kLookAgain, kLookAgainMax),
                          .reason = "NOT_RUNNING"};
  }
  // What could be said when the attempt began: an estimate of now moves on with the time.
  job::JobState at_start = job;
  at_start.progress.reset();
  const auto history = means_.lane.estimates().find(job.spec.tenant, job.spec.type);
  const auto expected = job::estimate(at_start, history.get(), *job.attempt_started_at);
  if (!expected || !expected->latest) return outcome("NO_ESTIMATE");
  const Milliseconds left = *expected->latest - means_.clock.now().wall;
  if (left <= Milliseconds::zero()) return std::nullopt;
  return worker::Snooze{.delay = std::max(left, Milliseconds(1'000)), .reason = "NOT_OVERDUE_YET"};
}

boost::asio::awaitable<worker::Outcome> NoticeHandler::run(worker::AttemptPtr attempt) {
  const auto notice = parse_notice(attempt->offer().arguments_json);
  if (!notice) {
    co_return make_failure(FailureKind::kPermanent, "NOTICE_INVALID",
                           "The notice does not say what it is about.");
  }
  const NotificationPolicy* policy = means_.policies.find(notice->policy);
  if (policy == nullptr) co_return outcome("POLICY_GONE");
  // Those of mandatory policies are looked at beside those of this one.
  const bool with_input =
      std::ranges::any_of(means_.policies.all(), [&](const NotificationPolicy& each) {
        return (&each == policy || each.rule.mandatory) &&
               std::ranges::any_of(each.rule.to, [](const NotifyTarget& target) {
                 return target.kind == NotifyTarget::Kind::kArgument;
               });
      });
  auto facts = co_await means_.pool.run([&] { return load(*notice, with_input); });
  if (!facts) {
    co_return make_failure(FailureKind::kTransient, "NOTICE_NOT_READY", facts.error().message);
  }
  if (facts->job == nullptr) co_return outcome("JOB_GONE");
  if (notice->milestone == Milestone::kOverdue) {
    if (auto instead = not_overdue(*notice, *facts->job)) co_return *std::move(instead);
  }
  co_return co_await tell(*notice, *policy, *facts);
}

Result<std::vector<Preferences>> NoticeHandler::preferences_of(
    const std::vector<Recipient>& recipients) const {
  std::vector<Preferences> all(recipients.size());
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const std::string user = UserBook::user_of(recipients[i]);
    if (user.empty()) continue;
    auto kept = means_.users.preferences(recipients[i].tenant, user);
    if (!kept) return std::unexpected(kept.error());
    all[i] = std::move(kept->value);
  }
  return all;
}

boost::asio::awaitable<worker::Outcome> NoticeHandler::tell(const Notice& notice,
                                                            const NotificationPolicy& policy,
                                                            const Facts& facts) {
  const auto recipients = audience(policy.rule, *facts.job, facts.input, means_.groups);
  if (recipients.size() > kRecipientsMax) {
    co_return make_failure(
        FailureKind::kPermanent, "NOTICE_TOO_LARGE",
        fmt::format("The policy \"{}\" names {} recipients; at most {} are told.", policy.name,
                    recipients.size(), kRecipientsMax),
        "Name a group's mailing list instead of its members.");
  }
  std::vector<MandatoryAudience> mandatory;
  for (const NotificationPolicy& each : means_.policies.all()) {
    if (policy.rule.mandatory || !each.rule.mandatory || !each.takes(*facts.job)) continue;
    MandatoryAudience one{.policy = &each, .names = {}};
    for (const Recipient& told : audience(each.rule, *facts.job, facts.input, means_.groups)) {
      one.names.insert(name_of(told));
    }
    mandatory.push_back(std::move(one));
  }
  // One message is made for all policies that name the same recipient, by whichever comes first;
  // where one of them is mandatory, the message is.
  const auto deciding_policy = [&](const Recipient& recipient,
                                   NotifyChannel channel) -> const NotificationPolicy& {
    const auto found = std::ranges::find_if(mandatory, [&](const MandatoryAudience& each) {
      return tells(*each.policy, notice, channel) && each.names.contains(name_of(recipient));
    });
    return found == mandatory.end() ? policy : *found->policy;
  };
  const auto preferences = co_await means_.pool.run([&] { return preferences_of(recipients); });
  if (!preferences) {
    co_return make_failure(FailureKind::kTransient, "NOTICE_NOT_READY",
                           preferences.error().message);
  }
  const Timestamp now = means_.clock.now().wall;
  std::vector<engine::Request> requests;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const Recipient& recipient = recipients[i];
    for (const NotifyChannel channel : policy.rule.channels) {
      if (!fits(channel, recipient)) continue;
      const NotificationPolicy& deciding = deciding_policy(recipient, channel);
      MessageRequest message{.notice = notice, .channel = channel, .recipient = recipient};
      message.notice.policy = deciding.name;
      engine::EnqueueJob request =
          notification_job(message_type(channel), facts.job->spec.tenant, message.to_json(),
                           message.key(), means_.payload_key);
      request.id = JobId{Uuid::v7(means_.clock.now().wall, means_.random)};
      request.spec.tags = message.tags();
      request.correlation_id = facts.job->correlation_id;
      request.traceparent = facts.job->traceparent;
      const Decision expected = decide((*preferences)[i], means_.categories,
                                       {.category = deciding.rule.category,
                                        .channel = channel,
                                        .mandatory = deciding.rule.mandatory},
                                       now);
      const bool goes_out =
          expected.kind == Decision::Kind::kSend || expected.kind == Decision::Kind::kHold;
      if (!deciding.rule.mandatory && goes_out) {
        // What the rate of a recipient counts by; what is not sent, or gathered, does not count.
        const auto who = means_.payload_key.sign(UserBook::user_of(recipient) + recipient.hook);
        request.spec.limit_key = crypto::to_hex(std::span(who).first(16));
      }
      requests.emplace_back(std::move(request));
    }
  }
  const std::size_t count = requests.size();
  for (const auto& reply : co_await means_.lane.execute_all(std::move(requests))) {
    if (reply) continue;
    // Those that were made stay: the next attempt makes the rest.
    co_return make_failure(FailureKind::kTransient, "NOTICE_NOT_TOLD", reply.error().message);
  }
  co_return outcome(count == 0 ? "NOBODY" : "TOLD", count);
}

}  // namespace errand::notification
