#include "errand/notification/operator_notice.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/base/time_text.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/chat_channel.h"
#include "errand/notification/notification_reactor.h"
#include "errand/outbound/target_url.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

/// Who is sent something has time to say so.
constexpr std::string_view kCategory = "operators";

}  // namespace

std::string OperatorNotice::to_json() const {
  return json::to_text(boost::json::object{{"channel", contract::to_string(channel)},
                                           {"address", recipient.address},
                                           {"hook", recipient.hook},
                                           {"title", title},
                                           {"text", text}});
}

std::optional<OperatorNotice> parse_operator_notice(std::string_view text, const TenantId& tenant) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto member = [&](std::string_view name) -> std::optional<std::string> {
    const auto* found = object->if_contains(name);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string(found->get_string());
  };
  const auto channel = member("channel");
  const auto address = member("address");
  const auto hook = member("hook");
  auto title = member("title");
  auto body = member("text");
  if (!channel || !address || !hook || !title || !body) return std::nullopt;
  for (const NotifyChannel each : contract::kNotifyChannels) {
    if (*channel != contract::to_string(each)) continue;
    return OperatorNotice{.channel = each,
                          .recipient = {.tenant = tenant, .address = *address, .hook = *hook},
                          .title = *std::move(title),
                          .text = *std::move(body)};
  }
  return std::nullopt;
}

std::vector<engine::EnqueueJob> operator_notices(const NotificationGroup& group,
                                                 const TenantId& tenant, const std::string& title,
                                                 const std::string& text, std::string_view key,
                                                 const crypto::HmacKey& payload_key) {
  std::vector<engine::EnqueueJob> jobs;
  const auto add = [&](NotifyChannel channel, Recipient recipient) {
    const std::string whole_key =
        std::string(key) + '\n' + recipient.address + '\n' + recipient.hook;
    const OperatorNotice notice{
        .channel = channel, .recipient = std::move(recipient), .title = title, .text = text};
    jobs.push_back(
        notification_job(kOperatorNoticeType, tenant, notice.to_json(), whole_key, payload_key));
  };
  for (const std::string& address : group.emails) {
    add(NotifyChannel::kEmail, {.tenant = tenant, .address = address});
  }
  for (const std::string& hook : group.hooks) {
    add(NotifyChannel::kChat, {.tenant = tenant, .hook = hook});
  }
  return jobs;
}

std::vector<engine::EnqueueJob> disabled_webhook_notices(const RegisteredWebhook& webhook,
                                                         const NotificationGroup& group,
                                                         const crypto::HmacKey& payload_key) {
  const std::string& name = webhook.endpoint.name;
  // What stands in the url may be a secret.
  const auto url = outbound::parse_target_url(webhook.endpoint.url);
  const std::string at =
      webhook.state.disabled_at ? format_timestamp(*webhook.state.disabled_at) : std::string();
  const bool gone = webhook.state.disabled == DisabledReason::kGone;
  std::string text = fmt::format(
      "The webhook endpoint {} ({}){} is disabled since {}: {}.\n", name,
      url ? url->origin() : "no address", webhook.owner ? " of " + webhook.owner->str() : "", at,
      gone ? "it answered that it is retired (410)" : "it has done nothing but fail for five days");
  if (!gone && !webhook.state.health.last_failure.empty()) {
    text += fmt::format("The last failure: {}\n", webhook.state.health.last_failure);
  }
  text += fmt::format(
      "Its deliveries fail with WEBHOOK_DISABLED until it is enabled: errand webhook enable {}\n",
      name);
  return operator_notices(group, webhook.owner.value_or(TenantId("errand")),
                          fmt::format("Webhook endpoint {} is disabled", name), text,
                          fmt::format("webhook disabled\n{}\n{}", name, at), payload_key);
}

boost::asio::awaitable<worker::Outcome> OperatorNoticeHandler::run(worker::AttemptPtr attempt) {
  const worker::JobOffer& offer = attempt->offer();
  const auto notice = parse_operator_notice(offer.arguments_json, offer.tenant);
  if (!notice) {
    co_return make_failure(FailureKind::kPermanent, "NOTICE_INVALID",
                           "The notice does not say what it is about.");
  }
  const auto channel = channels_.find(notice->channel);
  if (channel == channels_.end()) {
    co_return make_failure(
        FailureKind::kPermanent, "CHANNEL_MISSING",
        "The server has no channel " + std::string(contract::to_string(notice->channel)) + ".",
        "Configure it in [notifications], or take the recipient out of the "
        "group.");
  }
  const Message message{
      .id = offer.job.str(),
      .recipient = notice->recipient,
      .category = std::string(kCategory),
      .mandatory = true,
      .title = notice->title,
      .text = notice->channel == NotifyChannel::kChat ? chat_escape(notice->text) : notice->text,
      .time = offer.created_at};
  auto sent = co_await send_within(*channel->second, message, *attempt);
  if (!sent) co_return std::move(sent.error());
  co_return worker::Complete{.result = {{"outcome", "SENT"},
                                        {"provider", sent->provider},
                                        {"reference", sent->reference}}};
}

}  // namespace errand::notification
