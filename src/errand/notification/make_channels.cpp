#include "errand/notification/make_channels.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace errand::notification {
namespace {

constexpr std::size_t kSecretFileBytesMax = 16 << 10;

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

Result<std::shared_ptr<EmailChannel>> make_email_channel(const NotificationSettings::Email& email,
                                                         const Clock& clock, telemetry::Log log,
                                                         telemetry::Metrics& metrics,
                                                         EmailChannel::Observer observer) {
  if (email.providers.empty()) return nullptr;
  const auto from = parse_mailbox(email.from);
  if (!from) {
    return invalid("email.from", "write an address, such as \"Errand <errand@example.org>\"");
  }
  EmailChannel::Options options{.from = *from, .observer = std::move(observer)};
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
      if (auto done = add(provider); !done) return std::unexpected(done.error());
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
    if (auto done = add(*found); !done) return std::unexpected(done.error());
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
  auto channel = EmailChannel::create(std::move(options), clock, std::move(log), metrics);
  if (!channel) return invalid("email", channel.error().message);
  return channel;
}

Result<std::shared_ptr<ChatChannel>> make_chat_channel(const std::vector<ChatHook>& chats,
                                                       const HttpChannelMeans& means) {
  if (chats.empty()) return nullptr;
  auto channel = ChatChannel::create(
      chats, {.client = means.client, .pool = means.pool, .clock = means.clock});
  if (!channel) return invalid("chats", channel.error().message);
  return channel;
}

Result<std::shared_ptr<WebPushChannel>> make_web_push_channel(
    const NotificationSettings::WebPush& web_push, const crypto::MasterKey& master_key,
    PushSubscriptions& subscriptions, const HttpChannelMeans& means, telemetry::Log log) {
  if (web_push.contact.empty()) return nullptr;
  auto channel = WebPushChannel::create({.contact = web_push.contact, .keep = web_push.keep},
                                        vapid_key(master_key),
                                        {.client = means.client,
                                         .subscriptions = subscriptions,
                                         .clock = means.clock,
                                         .random = means.random},
                                        std::move(log));
  if (!channel) return invalid("web_push", channel.error().message);
  return channel;
}

}  // namespace errand::notification
