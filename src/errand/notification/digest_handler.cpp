#include "errand/notification/digest_handler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "errand/base/time_text.h"
#include "errand/base/utf8.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/notification_reactor.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr const char* kCollection = "notification_digest";
/// A channel that is asked to end then has time to say so before the attempt's own end.
constexpr Milliseconds kBeforeTheEnd{10'000};
/// Messages of one digest: what comes beyond is counted in it.
constexpr std::size_t kShownMax = 100;
constexpr std::size_t kTextBytesOfOne = 2'000;
/// A record outlives its digest's retries, should that be in vain.
constexpr Milliseconds kKept{10LL * 24 * 3'600'000};

std::string text_member(const boost::json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string Digest::key(const crypto::HmacKey& payload_key) const {
  const auto who =
      payload_key.sign(fmt::format("{}\n{}\n{}", contract::to_string(channel), category,
                                   UserBook::user_of(recipient) + recipient.hook));
  return fmt::format("{}/{}", crypto::to_hex(std::span(who).first(16)),
                     until.time_since_epoch().count());
}

std::string Digest::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>{"channel", contract::to_string(channel)},
        {"subject", recipient.subject.view()},
        {"address", recipient.address},
        {"hook", recipient.hook},
        {"category", category}}) {
    out.key(name);
    out.string(value);
  }
  out.key("until");
  out.integer(until.time_since_epoch().count());
  out.end_object();
  return text;
}

std::optional<Digest> parse_digest(std::string_view text, const TenantId& tenant) {
  const auto value = json::parse(text);
  const auto* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return std::nullopt;
  const auto channel = contract::parse_notify_channel(text_member(*object, "channel"));
  const auto* until = object->if_contains("until");
  if (!channel || until == nullptr || !until->is_int64()) return std::nullopt;
  return Digest{.channel = *channel,
                .recipient = {.tenant = tenant,
                              .subject = SubjectId(text_member(*object, "subject")),
                              .address = text_member(*object, "address"),
                              .hook = text_member(*object, "hook")},
                .category = text_member(*object, "category"),
                .until = Timestamp(Milliseconds(until->get_int64()))};
}

engine::RecordChange gathered(const Digest& digest, const Message& message,
                              const crypto::HmacKey& payload_key) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>{"title", message.title},
        {"text", cut_utf8(message.text, kTextBytesOfOne)},
        {"link", message.link},
        {"time", format_timestamp(message.time)}}) {
    out.key(name);
    out.string(value);
  }
  out.end_object();
  return {.id = {kCollection, digest.recipient.tenant, digest.key(payload_key) + "/" + message.id},
          .text = std::move(text),
          .expires_at = digest.until + kKept};
}

Result<DigestHandler::Facts> DigestHandler::load(const Digest& digest) const {
  Facts facts;
  auto records = means_.reader.records({.collection = kCollection,
                                        .tenant = digest.recipient.tenant,
                                        .prefix = digest.key(means_.payload_key) + "/"},
                                       {.limit = engine::kRecordChangesMax});
  if (!records) return std::unexpected(records.error());
  facts.records = *std::move(records);
  const std::string user = UserBook::user_of(digest.recipient);
  if (user.empty()) return facts;
  auto preferences = means_.users.preferences(digest.recipient.tenant, user);
  if (!preferences) return std::unexpected(preferences.error());
  facts.preferences = std::move(preferences->value);
  return facts;
}

Message DigestHandler::make(const Digest& digest, const std::vector<store::Record>& records,
                            std::string id) const {
  Message message{.id = std::move(id),
                  .recipient = digest.recipient,
                  .category = digest.category,
                  .title = fmt::format("{} notifications: {}", records.size(), digest.category),
                  .time = means_.clock.now().wall};
  message.unsubscribe_url = means_.links.url({.tenant = digest.recipient.tenant,
                                              .user = UserBook::user_of(digest.recipient),
                                              .category = digest.category,
                                              .channel = digest.channel});
  const std::size_t shown = std::min(records.size(), kShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto value = json::parse(records[i].text);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) continue;
    message.text += text_member(*object, "title") + "\n";
    if (digest.channel != NotifyChannel::kWebPush) {
      const std::string link = text_member(*object, "link");
      if (!link.empty()) message.text += link + "\n";
      message.text += "\n";
    }
  }
  if (shown < records.size()) {
    message.text += fmt::format("and {} more\n", records.size() - shown);
  }
  if (digest.channel == NotifyChannel::kEmail && !message.unsubscribe_url.empty()) {
    message.text += "\nTo hear no more of this: " + message.unsubscribe_url + "\n";
  }
  message.data = {{"category", digest.category}, {"messages", records.size()}};
  return message;
}

boost::asio::awaitable<worker::Outcome> DigestHandler::run(worker::AttemptPtr attempt) {
  const worker::JobOffer& offer = attempt->offer();
  const auto digest = parse_digest(offer.arguments_json, offer.tenant);
  if (!digest) {
    co_return make_failure(FailureKind::kPermanent, "DIGEST_INVALID",
                           "The digest does not say what it gathers.");
  }
  const auto channel = means_.channels.find(digest->channel);
  if (channel == means_.channels.end()) {
    co_return worker::Complete{
        .result = {{"outcome", "SUPPRESSED"}, {"reason", to_string(WhyNot::kChannelMissing)}}};
  }
  const auto facts = co_await means_.pool.run([&] { return load(*digest); });
  if (!facts) {
    co_return make_failure(FailureKind::kTransient, "DIGEST_NOT_READY", facts.error().message);
  }
  const Timestamp now = means_.clock.now().wall;
  if (const auto until = facts->preferences.quiet.quiet_until(now)) {
    co_return worker::Snooze{.delay = std::max(*until - now, Milliseconds(1'000))};
  }
  if (facts->records.empty()) co_return worker::Complete{.result = {{"outcome", "NOTHING"}}};
  const Message message = make(*digest, facts->records, offer.job.str());
  const auto left = std::chrono::duration_cast<Milliseconds>(attempt->ends_at() -
                                                             std::chrono::steady_clock::now());
  auto sent = co_await channel->second->send(message, std::max(left - kBeforeTheEnd, Milliseconds(1'000)));
  if (!sent) co_return std::move(sent.error());
  engine::WriteRecords erase;
  for (const store::Record& record : facts->records) {
    erase.changes.push_back({.id = record.id, .text = std::nullopt});
  }
  // Left behind they expire; the job itself does not run again.
  (void)co_await means_.lane.execute(std::move(erase));
  co_return worker::Complete{.result = {{"outcome", "SENT"},
                                        {"messageId", message.id},
                                        {"messages", facts->records.size()},
                                        {"provider", sent->provider},
                                        {"reference", sent->reference}}};
}

}  // namespace errand::notification
