#include "errand/notification/notifications.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "errand/notification/digest_handler.h"
#include "errand/notification/make_channels.h"
#include "errand/notification/notice_handler.h"
#include "errand/notification/vapid.h"

namespace errand::notification {
namespace {

constexpr std::uint32_t kNoticeSlots = 16;
constexpr std::uint32_t kMessageSlots = 16;
constexpr std::uint32_t kDigestSlots = 4;
/// Expression of the key that counts a recipient's messages, for Limit::id().
constexpr const char* kRateKey = "recipient";

std::unexpected<Error> invalid(std::string_view setting, std::string_view what) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("notifications.{}: {}", setting, what));
}

}  // namespace

Notifications::Notifications(NotificationSettings settings, std::string public_url,
                             const Means& means, telemetry::Log log)
    : settings_(std::move(settings)),
      means_(means),
      log_(std::move(log)),
      payload_key_(means.master_key.hmac_key(crypto::kPayloadDigestLabel)),
      links_(std::move(public_url),
             crypto::Sealer(means.master_key, kUnsubscribeLabel, means.random)),
      users_(means.reader),
      inbox_(means.reader),
      in_app_(std::make_shared<InAppChannel>(inbox_, means.pool)),
      subscriptions_(
          means.reader, means.pool,
          crypto::Sealer(means.master_key, PushSubscriptionBook::kSealerLabel, means.random)) {}

Notifications::~Notifications() { stop(); }

Result<void> Notifications::load() {
  auto policies =
      NotificationPolicies::create(means_.contract, settings_.policies, settings_.groups);
  if (!policies) return std::unexpected(policies.error());
  policies_ = *std::move(policies);
  if (auto done = load_templates(); !done) return done;
  channels_[NotifyChannel::kInApp] = in_app_;
  if (auto done = load_email(); !done) return done;
  reactor_.emplace(policies_, payload_key_, log_, means_.metrics);
  return {};
}

Result<void> Notifications::load_templates() {
  auto templates = TemplateSet::load(settings_.templates);
  if (!templates) return invalid("templates", templates.error().message);
  templates_ = *std::move(templates);
  for (const NotificationPolicy& policy : policies_.all()) {
    const std::string& name = policy.rule.template_name;
    if (name.empty()) continue;
    if (!templates_.has(name)) {
      return invalid(
          "templates",
          fmt::format("there is no template \"{}\", which the policy \"{}\" names{}", name,
                      policy.name,
                      settings_.templates.empty()
                          ? "; name the folder of templates"
                          : fmt::format("; make the folder {}/{}", settings_.templates, name)));
    }
    for (const contract::JobType& type : means_.contract.job_types()) {
      if (!policy.job_types.empty() && !policy.job_types.contains(type.name)) continue;
      if (const auto checked = templates_.check(name, type); !checked) {
        return invalid("templates", checked.error().message);
      }
    }
  }
  return {};
}

Result<void> Notifications::load_email() {
  auto channel = make_email_channel(settings_.email, means_.clock, log_, means_.metrics);
  if (!channel) return std::unexpected(channel.error());
  if (*channel == nullptr) return {};
  email_ = *std::move(channel);
  channels_[NotifyChannel::kEmail] = email_;
  return {};
}

std::string Notifications::web_push_key() const {
  if (!channels_.contains(NotifyChannel::kWebPush)) return {};
  return Vapid(vapid_key(means_.master_key), settings_.web_push.contact).public_key();
}

void Notifications::add_channel(NotifyChannel channel, std::shared_ptr<Channel> way) {
  channels_[channel] = std::move(way);
}

std::vector<engine::Limit> Notifications::limits() const {
  std::vector<engine::Limit> limits;
  for (const NotifyChannel channel : contract::kNotifyChannels) {
    // An inbox disturbs nobody.
    if (channel == NotifyChannel::kInApp) continue;
    limits.push_back({.kind = engine::LimitKind::kRate,
                      .type = JobTypeName(message_type(channel)),
                      .by_tenant = true,
                      .by_input = kRateKey,
                      .value = settings_.rate,
                      .per = std::chrono::hours(1)});
  }
  return limits;
}

std::set<std::string> Notifications::categories() const {
  std::set<std::string> names = policies_.categories();
  for (const auto& [name, defaults] : settings_.categories) names.insert(name);
  return names;
}

std::string Notifications::category_title(std::string_view name) const {
  const auto found = settings_.categories.find(name);
  const bool titled = found != settings_.categories.end() && !found->second.title.empty();
  return titled ? found->second.title : std::string(name);
}

void Notifications::start(runtime::Lane& lane, worker::Gateway& gateway,
                          boost::asio::any_io_executor executor) {
  const runtime::LaneClient client(lane);
  in_app_->attach(lane);
  subscriptions_.attach(lane);
  gateway.host(executor, {.name = std::string(kNoticeType),
                          .types = {JobTypeName(kNoticeType)},
                          .slots = kNoticeSlots,
                          .handler = std::make_shared<NoticeHandler>(
                              NoticeHandler::Means{.policies = policies_,
                                                   .groups = settings_.groups,
                                                   .categories = settings_.categories,
                                                   .users = users_,
                                                   .reader = means_.reader,
                                                   .pool = means_.pool,
                                                   .lane = client,
                                                   .payload_key = payload_key_,
                                                   .clock = means_.clock,
                                                   .random = means_.random})});
  const auto messages = std::make_shared<MessageHandler>(
      MessageHandler::Options{.categories = settings_.categories, .link = settings_.link},
      MessageHandler::Means{.contract = means_.contract,
                            .policies = policies_,
                            .groups = settings_.groups,
                            .templates = templates_,
                            .channels = channels_,
                            .links = links_,
                            .users = users_,
                            .reader = means_.reader,
                            .pool = means_.pool,
                            .lane = client,
                            .payload_key = payload_key_,
                            .clock = means_.clock,
                            .random = means_.random,
                            .metrics = means_.metrics});
  for (const NotifyChannel channel : contract::kNotifyChannels) {
    gateway.host(executor, {.name = std::string(message_type(channel)),
                            .types = {JobTypeName(message_type(channel))},
                            .slots = kMessageSlots,
                            .handler = messages});
  }
  gateway.host(
      executor,
      {.name = std::string(kDigestType),
       .types = {JobTypeName(kDigestType)},
       .slots = kDigestSlots,
       .handler = std::make_shared<DigestHandler>(DigestHandler::Means{.channels = channels_,
                                                                       .links = links_,
                                                                       .users = users_,
                                                                       .reader = means_.reader,
                                                                       .pool = means_.pool,
                                                                       .lane = client,
                                                                       .payload_key = payload_key_,
                                                                       .clock = means_.clock,
                                                                       .random = means_.random})});
}

void Notifications::stop() {
  if (email_) email_->stop();
}

}  // namespace errand::notification
