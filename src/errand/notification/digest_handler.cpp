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
#include "errand/notification/chat_channel.h"
#include "errand/notification/notification_reactor.h"
#include "errand/notification/text_member.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr const char* kCollection = "notification_digest";
constexpr const char* kMarks = "notification_gathered";
/// Messages that one digest takes; what waits beyond comes with the next one.
constexpr std::size_t kTakenMax = 5'000;
/// Member of a record that says which digest has claimed it.
constexpr const char* kClaim = "digest";
/// Digests after the one of its window that a message may find to be under way.
constexpr int kDigestsTried = 3;
/// Pause where another digest was faster.
constexpr Milliseconds kContended{2'000};
/// Messages of one digest: what comes beyond is counted in it.
constexpr std::size_t kShownMax = 100;
constexpr std::size_t kTextBytesOfOne = 2'000;
/// A record outlives its digest's retries, should that be in vain.
constexpr Milliseconds kKept{10LL * 24 * 3'600'000};

}  // namespace

std::string Digest::group(const crypto::HmacKey& payload_key) const {
  const auto who =
      payload_key.sign(fmt::format("{}\n{}\n{}", contract::to_string(channel), category,
                                   UserBook::user_of(recipient) + recipient.hook));
  return crypto::to_hex(std::span(who).first(16));
}

std::string Digest::key(const crypto::HmacKey& payload_key) const {
  return fmt::format("{}/{}", group(payload_key), until.time_since_epoch().count());
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

boost::asio::awaitable<Result<ScheduledDigest>> schedule_digest(const runtime::LaneClient& lane,
                                                                Digest digest,
                                                                crypto::HmacKey payload_key,
                                                                Timestamp now, Random& random) {
  for (int i = 0;; ++i) {
    engine::EnqueueJob job =
        notification_job(kDigestType, digest.recipient.tenant, digest.to_json(),
                         digest.key(payload_key), payload_key);
    job.id = JobId{Uuid::v7(now, random)};
    job.spec.scheduled_for = digest.until;
    job.correlation_id = job.id.str();
    const auto made = co_await lane.execute_as<engine::JobReply>(std::move(job));
    if (!made) co_return std::unexpected(made.error());
    const job::JobState& state = *made->state;
    const bool under_way =
        job::has_lease(state.status) || state.status == job::JobStatus::kRetrying;
    if (!state.terminal() && !under_way) {
      co_return ScheduledDigest{.job = state.id, .until = digest.until};
    }
    if (i == kDigestsTried) {
      co_return fail(ErrorCode::kUnavailable,
                     "Every digest that could take the message was just being sent.");
    }
    digest.until += kDigestMin;
  }
}

std::vector<engine::RecordChange> gathered(const Digest& digest, const Message& message,
                                           const crypto::HmacKey& payload_key) {
  const std::string time = format_timestamp(message.time);
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string_view>{"title", message.title},
        {"text", cut_utf8(message.text, kTextBytesOfOne)},
        {"link", message.link},
        {"time", time}}) {
    out.key(name);
    out.string(value);
  }
  out.end_object();
  const TenantId& tenant = digest.recipient.tenant;
  const Timestamp expires_at = digest.until + kKept;
  return {{.id = {kCollection, tenant, digest.group(payload_key) + "/" + message.id},
           .text = std::move(text),
           .expires_at = expires_at,
           .if_revision = 0},
          {.id = {kMarks, tenant, message.id},
           .text = "{}",
           .expires_at = expires_at,
           .if_revision = 0}};
}

Result<DigestHandler::Facts> DigestHandler::load(const Digest& digest, const JobId& job) const {
  Facts facts;
  const store::RecordFilter filter{.collection = kCollection,
                                   .tenant = digest.recipient.tenant,
                                   .prefix = digest.group(means_.payload_key) + "/"};
  store::RecordPage page{.limit = engine::kRecordChangesMax};
  std::vector<store::Record> own;
  while (facts.records.size() < kTakenMax) {
    auto records = means_.reader.records(filter, page);
    if (!records) return std::unexpected(records.error());
    const bool last = records->size() < page.limit;
    if (!last) page.after = records->back().id;
    for (store::Record& record : *records) {
      const auto value = json::parse(record.text);
      const auto* object = value ? value->if_object() : nullptr;
      if (object == nullptr) continue;
      const std::string claimed = text_member(*object, kClaim);
      if (claimed == job.str()) {
        own.push_back(std::move(record));
      } else if (claimed.empty()) {
        facts.records.push_back(std::move(record));
      }
    }
    if (last) break;
    facts.more = facts.records.size() >= kTakenMax;
  }
  if (!own.empty()) {
    // It may have been sent with these, and is known by its id: others would be lost with it.
    facts.more = !facts.records.empty();
    facts.records = std::move(own);
  }
  const std::string user = UserBook::user_of(digest.recipient);
  if (user.empty()) return facts;
  auto preferences = means_.users.preferences(digest.recipient.tenant, user);
  if (!preferences) return std::unexpected(preferences.error());
  facts.preferences = std::move(preferences->value);
  if (digest.recipient.subject.empty()) return facts;
  auto contact = means_.users.contact(digest.recipient.tenant, user);
  if (!contact) return std::unexpected(contact.error());
  facts.contact = std::move(contact->value);
  return facts;
}

boost::asio::awaitable<Result<void>> DigestHandler::claim(std::vector<store::Record>& records,
                                                          JobId job) {
  engine::WriteRecords batch;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto value = json::parse(records[i].text);
    auto* object = value ? value->if_object() : nullptr;
    if (object != nullptr && text_member(*object, kClaim).empty()) {
      (*object)[kClaim] = job.str();
      batch.changes.push_back({.id = records[i].id,
                               .text = json::to_text(*value),
                               .expires_at = records[i].expires_at,
                               .if_revision = records[i].revision});
      places.push_back(i);
    }
    const bool full = batch.changes.size() == engine::kRecordChangesMax;
    if (batch.changes.empty() || (!full && i + 1 < records.size())) continue;
    auto written = co_await means_.lane.execute_as<engine::RecordsReply>(
        std::exchange(batch, engine::WriteRecords()));
    if (!written) co_return std::unexpected(written.error());
    for (std::size_t k = 0; k < places.size(); ++k) records[places[k]] = written->records[k];
    places.clear();
  }
  co_return Result<void>();
}

boost::asio::awaitable<void> DigestHandler::erase(const std::vector<store::Record>& records) {
  std::vector<engine::Request> batches;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i % engine::kRecordChangesMax == 0) batches.emplace_back(engine::WriteRecords());
    std::get<engine::WriteRecords>(batches.back())
        .changes.push_back({.id = records[i].id, .text = std::nullopt});
  }
  // What is left behind stays claimed by this job, which does not run again, and expires.
  (void)co_await means_.lane.execute_all(std::move(batches));
}

Message DigestHandler::make(const Digest& digest, const Facts& facts, const JobId& job) const {
  const std::vector<store::Record>& records = facts.records;
  // Other messages make another one, even of the same job.
  std::string of_records;
  for (const store::Record& record : records) of_records += record.id.key + "\n";
  const crypto::Digest records_digest = crypto::sha256(of_records);
  Message message{.id = job.str() + "-" + crypto::to_hex(std::span(records_digest).first(4)),
                  .recipient = digest.recipient,
                  .category = digest.category,
                  .title = fmt::format("{} notifications: {}", records.size(), digest.category),
                  .time = digest.until};
  message.unsubscribe_url = means_.links.url({.tenant = digest.recipient.tenant,
                                              .user = UserBook::user_of(digest.recipient),
                                              .category = digest.category,
                                              .channel = digest.channel});
  if (digest.channel == NotifyChannel::kEmail) {
    message.recipient.address = mail_address_of(digest.recipient, facts.contact);
  }
  // As every text of a chat; its title is escaped with the others.
  const auto escaped = [&](std::string text) {
    return digest.channel == NotifyChannel::kChat ? chat_escape(text) : text;
  };
  const std::size_t shown = std::min(records.size(), kShownMax);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto value = json::parse(records[i].text);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) continue;
    message.text += escaped(text_member(*object, "title")) + "\n";
    if (digest.channel != NotifyChannel::kWebPush) {
      const std::string link = text_member(*object, "link");
      if (!link.empty()) message.text += escaped(link) + "\n";
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
    // The messages stay, for a digest of a server whose settings have the channel again.
    co_return worker::Complete{
        .result = {{"outcome", "SUPPRESSED"}, {"reason", to_string(WhyNot::kChannelMissing)}}};
  }
  auto facts = co_await means_.pool.run([&] { return load(*digest, offer.job); });
  if (!facts) {
    co_return make_failure(FailureKind::kTransient, "DIGEST_NOT_READY", facts.error().message);
  }
  const auto suppressed = [&](WhyNot reason) {
    return worker::Complete{.result = {{"outcome", "SUPPRESSED"},
                                       {"reason", to_string(reason)},
                                       {"messages", facts->records.size()}}};
  };
  // What the user has chosen since. Defaults are no matter: they were when it was gathered.
  const Timestamp now = means_.clock.now().wall;
  const Decision decision = decide(facts->preferences, {},
                                   {.category = digest->category, .channel = digest->channel}, now);
  if (decision.kind == Decision::Kind::kHold) {
    co_return worker::Snooze{.delay = std::max(*decision.until - now, Milliseconds(1'000)),
                             .reason = std::string(to_string(decision.reason))};
  }
  if (facts->records.empty()) co_return worker::Complete{.result = {{"outcome", "NOTHING"}}};
  if (facts->more) {
    Digest next = *digest;
    next.until = std::max(digest->until, now) + kDigestMin;
    const auto made =
        co_await schedule_digest(means_.lane, next, means_.payload_key, now, means_.random);
    if (!made) {
      co_return make_failure(FailureKind::kTransient, "DIGEST_NOT_READY", made.error().message);
    }
  }
  if (const auto claimed = co_await claim(facts->records, offer.job); !claimed) {
    if (claimed.error().code == ErrorCode::kConflict) {
      co_return worker::Snooze{.delay = kContended, .reason = "ANOTHER_DIGEST"};
    }
    co_return make_failure(FailureKind::kTransient, "DIGEST_NOT_READY", claimed.error().message);
  }
  if (decision.kind == Decision::Kind::kSuppress) {
    co_await erase(facts->records);
    co_return suppressed(decision.reason);
  }
  const Message message = make(*digest, *facts, offer.job);
  if (digest->channel == NotifyChannel::kEmail && !is_mail_address(message.recipient.address)) {
    co_await erase(facts->records);
    co_return suppressed(message.recipient.address.contains('@') ? WhyNot::kBadAddress
                                                                 : WhyNot::kNoRecipient);
  }
  auto sent = co_await send_within(*channel->second, message, *attempt);
  if (!sent) {
    const auto* failure = std::get_if<worker::Failure>(&sent.error());
    if (failure == nullptr || failure->code != kNoRecipient) co_return std::move(sent.error());
    co_await erase(facts->records);
    co_return suppressed(WhyNot::kNoRecipient);
  }
  co_await erase(facts->records);
  co_return worker::Complete{.result = {{"outcome", "SENT"},
                                        {"messageId", message.id},
                                        {"messages", facts->records.size()},
                                        {"provider", sent->provider},
                                        {"reference", sent->reference}}};
}

}  // namespace errand::notification
