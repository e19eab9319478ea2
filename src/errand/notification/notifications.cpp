#include "errand/notification/notifications.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "errand/notification/digest_handler.h"
#include "errand/notification/notice_handler.h"

namespace errand::notification {
namespace {

constexpr std::uint32_t kNoticeSlots = 16;
constexpr std::uint32_t kMessageSlots = 16;
constexpr std::uint32_t kDigestSlots = 4;
constexpr std::size_t kSecretFileBytesMax = 16 << 10;
/// Expression of the key that counts a recipient's messages, for Limit::id().
constexpr const char* kRateKey = "recipient";

std::unexpected<Error> invalid(std::string_view setting, std::string_view what) {
  return fail(ErrorCode::kConfigInvalid, fmt::format("notifications.{}: {}", setting, what));
}

Result<std::string> read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in || text.empty()) {
    return fail(ErrorCode::kConfigInvalid, fmt::format("{} cannot be read, or is empty", name));
  }
  if (text.size() > kSecretFileBytesMax) {
    return fail(ErrorCode::kConfigInvalid, fmt::format("{} is larger than 16 KiB", name));
  }
  return text;
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
      users_(means.reader) {}

Notifications::~Notifications() { stop(); }

Result<void> Notifications::load() {
  auto policies =
      NotificationPolicies::create(means_.contract, settings_.policies, settings_.groups);
  if (!policies) return std::unexpected(policies.error());
  policies_ = *std::move(policies);
  if (auto done = load_templates(); !done) return done;
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
  const auto& email = settings_.email;
  if (email.providers.empty()) return {};
  const auto from = parse_mailbox(email.from);
  if (!from) {
    return invalid("email.from", "write an address, such as \"Errand <errand@example.org>\"");
  }
  EmailChannel::Options options{.from = *from};
  const auto add = [&](const NotificationSettings::Provider& provider) -> Result<void> {
    outbound::SmtpServer server = provider.server;
    if (!provider.password_file.empty()) {
      auto password = read_file(provider.password_file);
      if (!password) {
        return invalid("email.providers",
                       fmt::format("{}: {}", provider.name, password.error().message));
      }
      server.password = password->substr(0, password->find_first_of("\r\n"));
    }
    options.providers.push_back({.name = provider.name, .server = std::move(server)});
    return {};
  };
  if (email.order.empty()) {
    for (const auto& provider : email.providers) {
      if (auto done = add(provider); !done) return done;
    }
  }
  for (const std::string& name : email.order) {
    const auto found =
        std::ranges::find(email.providers, name, &NotificationSettings::Provider::name);
    if (found == email.providers.end()) {
      return invalid("email.order", fmt::format("there is no provider \"{0}\"; write "
                                                "[notifications.email.providers.{0}]",
                                                name));
    }
    if (auto done = add(*found); !done) return done;
  }
  if (!email.dkim_domain.empty()) {
    if (email.dkim_selector.empty() || email.dkim_key.empty()) {
      return invalid("email.dkim_domain", "goes with dkim_selector and dkim_key");
    }
    const auto pem = read_file(email.dkim_key);
    if (!pem) return invalid("email.dkim_key", pem.error().message);
    auto key = crypto::SigningKey::from_pem(*pem);
    if (!key) {
      return invalid("email.dkim_key", fmt::format("{}: {}", email.dkim_key, key.error().message));
    }
    options.dkim = DkimKey{
        .domain = email.dkim_domain, .selector = email.dkim_selector, .key = *std::move(key)};
  }
  auto channel = EmailChannel::create(std::move(options), means_.clock, log_, means_.metrics);
  if (!channel) return invalid("email", channel.error().message);
  email_ = *std::move(channel);
  channels_[NotifyChannel::kEmail] = email_;
  return {};
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

void Notifications::start(runtime::Lane& lane, worker::Gateway& gateway,
                          boost::asio::any_io_executor executor) {
  const runtime::LaneClient client(lane);
  gateway.host(
      executor,
      {.name = std::string(kNoticeType),
       .types = {JobTypeName(kNoticeType)},
       .slots = kNoticeSlots,
       .handler = std::make_shared<NoticeHandler>(NoticeHandler::Means{.policies = policies_,
                                                                       .groups = settings_.groups,
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
                                                                       .clock = means_.clock})});
}

void Notifications::stop() {
  if (email_) email_->stop();
}

}  // namespace errand::notification
