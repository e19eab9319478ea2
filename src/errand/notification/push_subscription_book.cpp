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
/// Whose each endpoint is, by its id.
constexpr const char* kOwners = "push_endpoint";
/// Changes of one browser at once are few: who loses that often has met a fault.
constexpr int kTriesMax = 8;
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

std::string owner_text(const SubjectId& subject) {
  return json::to_text(boost::json::object{{"user", digest_of(subject.view())}});
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

boost::asio::awaitable<Result<std::optional<store::Record>>> PushSubscriptionBook::owner(
    TenantId tenant, std::string id) const {
  co_return co_await pool_.run(
      [this, tenant, id] { return reader_.record({kOwners, tenant, id}); });
}

boost::asio::awaitable<Result<void>> PushSubscriptionBook::drop(TenantId tenant, SubjectId subject,
                                                                std::string id) {
  for (int tries = 1;; ++tries) {
    const auto owned = co_await owner(tenant, id);
    if (!owned) co_return std::unexpected(owned.error());
    engine::WriteRecords write;
    write.changes.push_back({.id = id_of(tenant, subject, id), .text = std::nullopt});
    if (*owned && (*owned)->text == owner_text(subject)) {
      write.changes.push_back({.id = (*owned)->id, .if_revision = (*owned)->revision});
    }
    const auto done = co_await runtime::LaneClient(*lane_).execute(std::move(write));
    if (done) co_return Result<void>();
    if (done.error().code != ErrorCode::kConflict || tries == kTriesMax) {
      co_return std::unexpected(done.error());
    }
  }
}

boost::asio::awaitable<Result<PushSubscription>> PushSubscriptionBook::add(
    TenantId tenant, SubjectId subject, PushSubscription subscription, Timestamp now) {
  if (std::string fault = fault_of(subscription); !fault.empty()) {
    co_return fail(ErrorCode::kBadUserInput, std::move(fault));
  }
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
  const std::string sealed = sealer_.seal(text, id.key);
  crypto::wipe(text);
  for (int tries = 1;; ++tries) {
    auto kept = co_await pool_.run([this, tenant, subject] { return read(tenant, subject); });
    if (!kept) co_return std::unexpected(std::move(kept.error()));
    const auto owned = co_await owner(tenant, subscription.id);
    if (!owned) co_return std::unexpected(owned.error());
    engine::WriteRecords write;
    write.changes.push_back({.id = id, .text = sealed});
    write.changes.push_back({.id = {kOwners, tenant, subscription.id},
                             .text = owner_text(subject),
                             .if_revision = *owned ? (*owned)->revision : 0});
    // Who signs in at a browser last has it: it would show one's messages to another.
    if (*owned && (*owned)->text != owner_text(subject)) {
      const auto value = json::parse((*owned)->text);
      const auto* object = value ? value->if_object() : nullptr;
      const auto* user = object == nullptr ? nullptr : object->if_contains("user");
      if (user != nullptr && user->is_string()) {
        write.changes.push_back(
            {.id = {kCollection, tenant, std::string(user->get_string()) + "/" + subscription.id},
             .text = std::nullopt});
      }
    }
    std::erase_if(*kept, [&](const Kept& each) { return each.subscription.id == subscription.id; });
    std::ranges::sort(*kept, {}, &Kept::added_at);
    for (std::size_t i = 0; i + kPerUserMax <= kept->size(); ++i) {
      const std::string& oldest = (*kept)[i].subscription.id;
      write.changes.push_back({.id = id_of(tenant, subject, oldest), .text = std::nullopt});
      write.changes.push_back({.id = {kOwners, tenant, oldest}, .text = std::nullopt});
    }
    const auto done = co_await runtime::LaneClient(*lane_).execute(std::move(write));
    if (done) co_return subscription;
    if (done.error().code != ErrorCode::kConflict || tries == kTriesMax) {
      co_return std::unexpected(done.error());
    }
  }
}

}  // namespace errand::notification
