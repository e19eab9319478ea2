#include "errand/notification/message_handler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "errand/base/time_text.h"
#include "errand/job/evolve.h"
#include "errand/json/parse.h"
#include "errand/notification/digest_handler.h"
#include "errand/notification/message_data.h"
#include "errand/notification/notice_handler.h"
#include "errand/notification/notification_reactor.h"
#include "errand/telemetry/metric_names.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr Milliseconds kSnoozeMin{1'000};

}  // namespace

std::string link_of(const std::string& pattern, const JobId& id) {
  std::string link = pattern;
  if (const auto at = link.find("{id}"); at != std::string::npos) link.replace(at, 4, id.str());
  return link;
}

Result<MessageHandler::Facts> MessageHandler::load(const MessageRequest& request) const {
  Facts facts;
  auto job = means_.reader.job(request.notice.job);
  if (!job) return std::unexpected(job.error());
  facts.job = *std::move(job);
  if (!facts.job) return facts;
  // A message that is held or tried again tells of the milestone, not of what came later.
  const Sequence reached = request.notice.sequence;
  if (reached != Sequence{} && reached < facts.job->last_sequence) {
    const auto history =
        means_.reader.events_of(request.notice.job, Sequence{0}, to_number(reached));
    if (!history) return std::unexpected(history.error());
    auto then = job::fold(*history);
    if (!then) return std::unexpected(then.error());
    facts.job = std::make_shared<const job::JobState>(*std::move(then));
  }
  const auto read = [&](store::PayloadKind kind) -> Result<boost::json::value> {
    const auto payload = means_.reader.payload(request.notice.job, kind);
    if (!payload) return std::unexpected(payload.error());
    if (!*payload) return boost::json::value();
    auto value = json::parse((*payload)->bytes);
    return value ? *std::move(value) : boost::json::value();
  };
  // A type that the schema lost says no longer what of its input is secret.
  if (const auto* type = means_.contract.job_type(facts.job->spec.type.view())) {
    const auto input = read(store::PayloadKind::kInput);
    if (!input) return std::unexpected(input.error());
    if (const auto* object = input->if_object()) {
      facts.arguments = *object;
      facts.input = means_.contract.redact(*type, *object);
    }
    if (facts.job->status == job::JobStatus::kSucceeded) {
      auto result = read(store::PayloadKind::kResult);
      if (!result) return std::unexpected(result.error());
      facts.result = *std::move(result);
    }
  }
  const std::string user = UserBook::user_of(request.recipient);
  if (user.empty()) return facts;
  const TenantId& tenant = request.recipient.tenant;
  auto preferences = means_.users.preferences(tenant, user);
  if (!preferences) return std::unexpected(preferences.error());
  facts.preferences = std::move(preferences->value);
  if (request.recipient.subject.empty()) return facts;
  auto contact = means_.users.contact(tenant, user);
  if (!contact) return std::unexpected(contact.error());
  facts.contact = std::move(contact->value);
  return facts;
}

worker::Outcome MessageHandler::suppress(const MessageRequest& request, WhyNot reason) const {
  means_.metrics
      .counter(telemetry::kNotifications, {contract::to_string(request.channel), "SUPPRESSED"})
      .add();
  return worker::Complete{.result = {{"outcome", "SUPPRESSED"}, {"reason", to_string(reason)}}};
}

Result<Message> MessageHandler::make(const MessageRequest& request,
                                     const NotificationPolicy& policy, const Facts& facts,
                                     const worker::JobOffer& offer) const {
  Message message{.id = offer.job.str(),
                  .recipient = request.recipient,
                  .category = policy.rule.category,
                  .mandatory = policy.rule.mandatory,
                  .link = link_of(options_.link, request.notice.job),
                  .time = offer.created_at};
  if (request.channel == NotifyChannel::kEmail) {
    message.recipient.address = mail_address_of(request.recipient, facts.contact);
  }
  const std::string user = UserBook::user_of(request.recipient);
  if (!message.mandatory && !user.empty()) {
    message.unsubscribe_url = means_.links.url({.tenant = request.recipient.tenant,
                                                .user = user,
                                                .category = policy.rule.category,
                                                .channel = request.channel});
  }
  message.data = {{"jobId", request.notice.job.str()},
                  {"jobType", facts.job->spec.type.str()},
                  {"milestone", contract::to_string(request.notice.milestone)},
                  {"category", policy.rule.category}};
  MessageRequest known = request;
  known.recipient = message.recipient;
  const auto data = message_data(
      {.job = *facts.job,
       .request = known,
       .input = facts.input,
       .result = facts.result,
       .link = message.link,
       .category = policy.rule.category,
       .zone = facts.contact.zone.empty() ? facts.preferences.quiet.zone : facts.contact.zone,
       .unsubscribe_url = message.unsubscribe_url,
       .now = message.time});
  auto text = means_.templates.render({.name = policy.rule.template_name,
                                       .channel = request.channel,
                                       .locale = facts.contact.locale,
                                       .milestone = request.notice.milestone},
                                      data);
  if (!text) return std::unexpected(text.error());
  message.title = std::move(text->title);
  message.text = std::move(text->text);
  message.html = std::move(text->html);
  return message;
}

boost::asio::awaitable<worker::Outcome> MessageHandler::gather(const MessageRequest& request,
                                                               Message message, Timestamp until) {
  Digest digest{.channel = request.channel,
                .recipient = request.recipient,  // whose address is looked up when it is sent
                .category = message.category,
                .until = until};
  // First what is to be sent, then who sends it. That the record is there already says that an
  // earlier attempt came so far.
  const auto written = co_await means_.lane.execute(
      engine::WriteRecords{.changes = gathered(digest, message, means_.payload_key)});
  if (!written && written.error().code != ErrorCode::kConflict) {
    co_return make_failure(FailureKind::kTransient, "NOT_GATHERED", written.error().message);
  }
  const auto sender = co_await schedule_digest(means_.lane, digest, means_.payload_key,
                                               means_.clock.now().wall, means_.random);
  if (!sender) {
    co_return make_failure(FailureKind::kTransient, "NOT_GATHERED", sender.error().message);
  }
  means_.metrics
      .counter(telemetry::kNotifications, {contract::to_string(request.channel), "GATHERED"})
      .add();
  co_return worker::Complete{.result = {{"outcome", "GATHERED"},
                                        {"reason", to_string(WhyNot::kDigest)},
                                        {"until", format_timestamp(sender->until)},
                                        {"digest", sender->job.str()}}};
}

boost::asio::awaitable<worker::Outcome> MessageHandler::run(worker::AttemptPtr attempt) {
  const worker::JobOffer& offer = attempt->offer();
  const auto request = parse_message_request(offer.arguments_json, offer.tenant);
  if (!request) {
    co_return make_failure(FailureKind::kPermanent, "MESSAGE_INVALID",
                           "The message does not say what it is about.");
  }
  const NotificationPolicy* policy = means_.policies.find(request->notice.policy);
  if (policy == nullptr) co_return suppress(*request, WhyNot::kPolicyGone);
  const auto channel = means_.channels.find(request->channel);
  if (channel == means_.channels.end()) co_return suppress(*request, WhyNot::kChannelMissing);
  const auto facts = co_await means_.pool.run([&] { return load(*request); });
  if (!facts) {
    co_return make_failure(FailureKind::kTransient, "MESSAGE_NOT_READY", facts.error().message);
  }
  if (facts->job == nullptr) co_return suppress(*request, WhyNot::kJobGone);

  const Timestamp now = means_.clock.now().wall;
  const auto decide_by = [&](const NotificationPolicy& by) {
    return decide(
        facts->preferences, options_.categories,
        {.category = by.rule.category, .channel = request->channel, .mandatory = by.rule.mandatory},
        now);
  };
  Decision decision = decide_by(*policy);
  // One message is made for all policies that name the recipient: another one may be of a category
  // that is wanted.
  for (const NotificationPolicy& other : means_.policies.all()) {
    if (decision.kind != Decision::Kind::kSuppress) break;
    if (&other == policy || !other.takes(*facts->job)) continue;
    if (!tells(other, request->notice, request->channel)) continue;
    const auto told = audience(other.rule, *facts->job, facts->arguments, means_.groups);
    if (std::ranges::find(told, request->recipient) == told.end()) continue;
    if (const Decision by_other = decide_by(other); by_other.kind != Decision::Kind::kSuppress) {
      decision = by_other;
      policy = &other;
    }
  }
  if (decision.kind == Decision::Kind::kSuppress) co_return suppress(*request, decision.reason);
  if (decision.kind == Decision::Kind::kHold) {
    co_return worker::Snooze{.delay = std::max(*decision.until - now, kSnoozeMin),
                             .reason = std::string(to_string(decision.reason))};
  }
  auto message = make(*request, *policy, *facts, offer);
  if (!message) {
    co_return make_failure(FailureKind::kPermanent, "MESSAGE_NOT_MADE", message.error().message,
                           "Correct the template; then requeue the message.");
  }
  if (request->channel == NotifyChannel::kEmail && !is_mail_address(message->recipient.address)) {
    co_return suppress(*request, message->recipient.address.contains('@') ? WhyNot::kBadAddress
                                                                          : WhyNot::kNoRecipient);
  }
  if (decision.kind == Decision::Kind::kGather) {
    co_return co_await gather(*request, *std::move(message), *decision.until);
  }
  auto sent = co_await send_within(*channel->second, *message, *attempt);
  const auto count = [&](std::string_view what) {
    means_.metrics.counter(telemetry::kNotifications, {contract::to_string(request->channel), what})
        .add();
  };
  if (!sent) {
    const auto* failure = std::get_if<worker::Failure>(&sent.error());
    if (failure != nullptr && failure->code == kNoRecipient) {
      co_return suppress(*request, WhyNot::kNoRecipient);
    }
    if (failure != nullptr) count("FAILED");
    co_return std::move(sent.error());
  }
  count("SENT");
  co_return worker::Complete{.result = {{"outcome", "SENT"},
                                        {"messageId", message->id},
                                        {"provider", sent->provider},
                                        {"reference", sent->reference}}};
}

}  // namespace errand::notification
