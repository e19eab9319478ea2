#include "errand/notification/push_subscription_book.h"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/outbound/target_url.h"
#include "errand/runtime/lane_client.h"

namespace errand::notification {
namespace {

constexpr const char* kCollection = "push_subscription";
constexpr std::size_t kUrlBytesMax = 2'048;
constexpr std::size_t kPublicKeyBytes = 65;
constexpr std::size_t kAuthBytes = 16;

std::string digest_of(std::string_view text) {
  const crypto::Digest digest = crypto::sha256(text);
  return crypto::to_hex(std::span(digest).first(16));
}

store::RecordId id_of(const TenantId& tenant, const SubjectId& subject, std::string_view id) {
  return {kCollection, tenant, digest_of(subject.view()) + "/" + std::string(id)};
}

/// What is wrong with a subscription; empty if nothing is.
std::string fault_of(const PushSubscription& subscription) {
  if (subscription.endpoint.size() > kUrlBytesMax) return "\"endpoint\" has more than 2,048 bytes.";
  const auto url = outbound::parse_target_url(subscription.endpoint);
  if (!url) return "\"endpoint\": " + url.error().message;
  const auto key = crypto::from_base64url(subscription.p256dh);
  if (!key || key->size() != kPublicKeyBytes || key->front() != 4) {
    return "\"p256dh\" is no public key of 65 bytes as base64url: take it from "
           "subscription.toJSON().keys.";
  }
  const auto auth = crypto::from_base64url(subscription.auth);
  if (!auth || auth->size() != kAuthBytes) {
    return "\"auth\" is no secret of 16 bytes as base64url: take it from "
           "subscription.toJSON().keys.";
  }
  return {};
}

}  // namespace

Result<std::vector<PushSubscriptionBook::Kept>> PushSubscriptionBook::read(
    const TenantId& tenant, const SubjectId& subject) const {
  const auto records = reader_.records(
      {.collection = kCollection, .tenant = tenant, .prefix = digest_of(subject.view()) + "/"},
      {.limit = 2 * kPerUserMax});
  if (!records) return std::unexpected(records.error());
  std::vector<Kept> found;
  for (const store::Record& record : *records) {
    auto text = sealer_.open(record.text, record.id.key);
    // Of another master key: that browser cannot be reached under ours either.
    if (!text) continue;
    const auto value = json::parse(*text);
    crypto::wipe(*text);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) continue;
    const auto member = [&](const char* name) {
      const auto* item = object->if_contains(name);
      return item != nullptr && item->is_string() ? std::string(item->get_string()) : std::string();
    };
    const auto* added = object->if_contains("added");
    found.push_back({.subscription = {.id = record.id.key.substr(record.id.key.find('/') + 1),
                                      .endpoint = member("endpoint"),
                                      .p256dh = member("p256dh"),
                                      .auth = member("auth")},
                     .added_at = Timestamp(Milliseconds(
                         added != nullptr && added->is_int64() ? added->get_int64() : 0))});
  }
  return found;
}

boost::asio::awaitable<Result<std::vector<PushSubscription>>> PushSubscriptionBook::list(
    TenantId tenant, SubjectId subject) {
  auto kept = co_await pool_.run([this, tenant, subject] { return read(tenant, subject); });
  if (!kept) co_return std::unexpected(std::move(kept.error()));
  std::vector<PushSubscription> found;
  for (Kept& each : *kept) found.push_back(std::move(each.subscription));
  co_return found;
}

boost::asio::awaitable<Result<void>> PushSubscriptionBook::drop(TenantId tenant, SubjectId subject,
                                                                std::string id) {
  const auto done = co_await runtime::LaneClient(*lane_).execute(
      engine::WriteRecords{.changes = {{.id = id_of(tenant, subject, id), .text = std::nullopt}}});
  if (!done) co_return std::unexpected(done.error());
  co_return Result<void>();
}

boost::asio::awaitable<Result<PushSubscription>> PushSubscriptionBook::add(
    TenantId tenant, SubjectId subject, PushSubscription subscription, Timestamp now) {
  if (std::string fault = fault_of(subscription); !fault.empty()) {
    co_return fail(ErrorCode::kBadUserInput, std::move(fault));
  }
  auto kept = co_await pool_.run([this, tenant, subject] { return read(tenant, subject); });
  if (!kept) co_return std::unexpected(std::move(kept.error()));
  subscription.id = digest_of(subscription.endpoint);
  const store::RecordId id = id_of(tenant, subject, subscription.id);
  std::string text;
  json::Writer out(text);
  out.begin_object();
  for (const auto& [name, value] :
       {std::pair{"endpoint", &subscription.endpoint}, std::pair{"p256dh", &subscription.p256dh},
        std::pair{"auth", &subscription.auth}}) {
    out.key(name);
    out.string(*value);
  }
  out.key("added");
  out.integer(now.time_since_epoch().count());
  out.end_object();
  engine::WriteRecords write{.changes = {{.id = id, .text = sealer_.seal(text, id.key)}}};
  crypto::wipe(text);
  std::erase_if(*kept, [&](const Kept& each) { return each.subscription.id == subscription.id; });
  std::ranges::sort(*kept, {}, &Kept::added_at);
  for (std::size_t i = 0; i + kPerUserMax <= kept->size(); ++i) {
    write.changes.push_back(
        {.id = id_of(tenant, subject, (*kept)[i].subscription.id), .text = std::nullopt});
  }
  const auto done = co_await runtime::LaneClient(*lane_).execute(std::move(write));
  if (!done) co_return std::unexpected(done.error());
  co_return subscription;
}

}  // namespace errand::notification
