#include "errand/notification/webhook_record.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/time_text.h"
#include "errand/crypto/digest.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"

namespace errand::notification {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

array texts_of(const auto& list) {
  array texts;
  for (const auto& each : list) {
    if constexpr (requires { each.str(); }) {
      texts.emplace_back(each.str());
    } else {
      texts.emplace_back(each);
    }
  }
  return texts;
}

void put_time(object& members, std::string_view name, const std::optional<Timestamp>& time) {
  if (time) members[name] = format_timestamp(*time);
}

object health_of(const WebhookHealth& health) {
  object members;
  put_time(members, "lastSuccessAt", health.last_success_at);
  put_time(members, "lastFailureAt", health.last_failure_at);
  put_time(members, "failingSince", health.failing_since);
  put_time(members, "firstOfTwo", health.first_of_two);
  put_time(members, "countingSince", health.counting_since);
  members["lastFailure"] = health.last_failure;
  members["failures"] = health.failures;
  return members;
}

/// Reads members of what was written above; remembers whether one was not as it should be.
class Members {
 public:
  explicit Members(const object& members) : members_(members) {}

  [[nodiscard]] std::string text(std::string_view name) {
    const value* found = members_.if_contains(name);
    if (found == nullptr) return {};
    if (!found->is_string()) return fault<std::string>();
    return std::string(found->get_string());
  }
  [[nodiscard]] std::int64_t number(std::string_view name) {
    const value* found = members_.if_contains(name);
    if (found == nullptr || !found->is_int64()) return fault<std::int64_t>();
    return found->get_int64();
  }
  [[nodiscard]] bool flag(std::string_view name) {
    const value* found = members_.if_contains(name);
    if (found == nullptr || !found->is_bool()) return fault<bool>();
    return found->get_bool();
  }
  [[nodiscard]] std::optional<Timestamp> time(std::string_view name) {
    if (!members_.contains(name)) return std::nullopt;
    const auto time = parse_timestamp(text(name));
    if (!time) return fault<std::optional<Timestamp>>();
    return *time;
  }
  /// Calls `each(value)` for the items of a list.
  template <class Each>
  void list(std::string_view name, Each each) {
    const value* found = members_.if_contains(name);
    if (found == nullptr) return;
    if (!found->is_array()) return (void)fault<bool>();
    for (const value& item : found->get_array()) each(item);
  }
  template <class Each>
  void objects(std::string_view name, Each each) {
    list(name, [&](const value& item) {
      if (!item.is_object()) return (void)fault<bool>();
      Members members(item.get_object());
      each(members);
      sound_ = sound_ && members.sound();
    });
  }
  void texts(std::string_view name, auto insert) {
    list(name, [&](const value& item) {
      if (!item.is_string()) return (void)fault<bool>();
      insert(std::string(item.get_string()));
    });
  }
  [[nodiscard]] const object* inner(std::string_view name) {
    const value* found = members_.if_contains(name);
    return found == nullptr ? nullptr : found->if_object();
  }
  [[nodiscard]] bool sound() const { return sound_; }
  void wrong() { sound_ = false; }

 private:
  template <class T>
  T fault() {
    sound_ = false;
    return T{};
  }

  const object& members_;
  bool sound_ = true;
};

WebhookHealth read_health(const object& text, bool& sound) {
  Members members(text);
  WebhookHealth health{.last_success_at = members.time("lastSuccessAt"),
                       .last_failure_at = members.time("lastFailureAt"),
                       .last_failure = members.text("lastFailure"),
                       .failures = static_cast<std::uint32_t>(members.number("failures")),
                       .failing_since = members.time("failingSince"),
                       .first_of_two = members.time("firstOfTwo"),
                       .counting_since = members.time("countingSince")};
  sound = members.sound();
  return health;
}

/// What seals a header or a secret: with another endpoint or purpose it does not open.
std::string purpose(const RegisteredWebhook& webhook, std::string_view what) {
  return webhook.endpoint.name + "\n" + std::string(what);
}

std::unexpected<Error> corrupt(const store::Record& record) {
  return fail(ErrorCode::kStoreCorrupt,
              "the record " + record.id.collection + " \"" + record.id.key + "\" cannot be read");
}

std::string url_mark(const RegisteredWebhook& webhook) {
  return crypto::to_hex(crypto::sha256(webhook.endpoint.url));
}

}  // namespace

store::RecordId record_id(const RegisteredWebhook& webhook) {
  return {std::string(kEndpointCollection), webhook.owner.value_or(TenantId()),
          webhook.endpoint.name};
}

store::RecordId state_record_id(const RegisteredWebhook& webhook) {
  return {std::string(kStateCollection), webhook.owner.value_or(TenantId()), webhook.endpoint.name};
}

std::string to_record(const RegisteredWebhook& webhook, const std::vector<WebhookKeyText>& texts,
                      const crypto::Sealer& sealer) {
  const WebhookEndpoint& endpoint = webhook.endpoint;
  object members{{"url", endpoint.url},
                 {"description", endpoint.description},
                 {"types", texts_of(endpoint.types)},
                 {"jobTypes", texts_of(endpoint.job_types)},
                 {"tags", texts_of(endpoint.tags)},
                 {"full", endpoint.full},
                 {"contentType", endpoint.content_type},
                 {"perJob", endpoint.ordering == WebhookOrdering::kPerJob},
                 {"inFlight", endpoint.concurrency},
                 {"rate", endpoint.rate},
                 {"timeoutMs", endpoint.timeout.count()},
                 {"paused", webhook.paused},
                 {"createdBy", webhook.created_by.str()}};
  array conditions;
  for (const WebhookDataCondition& each : endpoint.data) {
    conditions.push_back(object{{"path", each.path}, {"in", texts_of(each.in)}});
  }
  members["data"] = std::move(conditions);
  array headers;
  for (const auto& [name, text] : webhook.headers) {
    headers.push_back(object{{"name", name}, {"value", sealer.seal(text, purpose(webhook, name))}});
  }
  members["headers"] = std::move(headers);
  array keys;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    object key{{"secret", sealer.seal(texts[i].secret, purpose(webhook, "secret"))}};
    if (!texts[i].signing.empty()) {
      key["signing"] = sealer.seal(texts[i].signing, purpose(webhook, "signing"));
    }
    put_time(key, "createdAt", webhook.keys[i].created_at);
    put_time(key, "until", webhook.keys[i].until);
    keys.push_back(std::move(key));
  }
  members["keys"] = std::move(keys);
  put_time(members, "createdAt", webhook.created_at);
  put_time(members, "changedAt", webhook.changed_at);
  put_time(members, "goneAt", webhook.gone_at);
  return json::to_text(members);
}

Result<StoredWebhook> read_record(const store::Record& record, const crypto::Sealer& sealer) {
  const auto parsed = json::parse(record.text);
  if (!parsed || !parsed->is_object()) return corrupt(record);
  Members members(parsed->get_object());
  StoredWebhook stored;
  RegisteredWebhook& webhook = stored.webhook;
  WebhookEndpoint& endpoint = webhook.endpoint;
  endpoint.name = record.id.key;
  endpoint.url = members.text("url");
  endpoint.description = members.text("description");
  members.texts("types", [&](std::string text) { endpoint.types.push_back(std::move(text)); });
  endpoint.tenants = {record.id.tenant};
  members.texts("jobTypes", [&](std::string text) { endpoint.job_types.emplace(std::move(text)); });
  members.texts("tags", [&](std::string text) { endpoint.tags.insert(std::move(text)); });
  members.objects("data", [&](Members& each) {
    WebhookDataCondition condition{.path = each.text("path"), .in = {}};
    each.texts("in", [&](std::string text) { condition.in.push_back(std::move(text)); });
    endpoint.data.push_back(std::move(condition));
  });
  endpoint.full = members.flag("full");
  endpoint.content_type = members.text("contentType");
  endpoint.ordering = members.flag("perJob") ? WebhookOrdering::kPerJob : WebhookOrdering::kNone;
  endpoint.concurrency = static_cast<std::uint32_t>(members.number("inFlight"));
  endpoint.rate = static_cast<std::uint32_t>(members.number("rate"));
  endpoint.timeout = Milliseconds(members.number("timeoutMs"));
  webhook.owner = record.id.tenant;
  webhook.revision = record.revision;
  webhook.created_by = SubjectId(members.text("createdBy"));
  webhook.created_at = members.time("createdAt");
  webhook.changed_at = members.time("changedAt");
  webhook.gone_at = members.time("goneAt");
  webhook.paused = members.flag("paused");

  std::optional<Error> sealed;
  const auto open = [&](const std::string& text, std::string_view what) {
    auto opened = sealer.open(text, purpose(webhook, what));
    if (!opened && !sealed) sealed = opened.error();
    return opened.value_or("");
  };
  members.objects("headers", [&](Members& each) {
    const std::string name = each.text("name");
    webhook.headers.emplace_back(name, open(each.text("value"), name));
  });
  members.objects("keys", [&](Members& each) {
    WebhookKeyText text{.secret = open(each.text("secret"), "secret"), .signing = {}};
    if (const std::string signing = each.text("signing"); !signing.empty()) {
      text.signing = open(signing, "signing");
    }
    auto secret = outbound::WebhookSecret::parse(text.secret);
    if (!secret) return each.wrong();
    WebhookKey key{.secret = *std::move(secret),
                   .signing = std::nullopt,
                   .created_at = each.time("createdAt"),
                   .until = each.time("until")};
    if (!text.signing.empty()) {
      auto signing = outbound::WebhookSigningKey::parse(text.signing);
      if (!signing) return each.wrong();
      key.signing = *std::move(signing);
    }
    webhook.keys.push_back(std::move(key));
    stored.texts.push_back(std::move(text));
  });
  if (sealed)
    return fail(sealed->code, "the webhook endpoint " + record.id.key + ": " + sealed->message);
  const bool lacks_key = webhook.keys.empty() && !webhook.gone_at;
  if (!members.sound() || lacks_key || endpoint.rate < 1 || endpoint.concurrency < 1) {
    return corrupt(record);
  }
  return stored;
}

std::string to_state_record(const RegisteredWebhook& webhook) {
  const WebhookState& state = webhook.state;
  object members{{"url", url_mark(webhook)}, {"health", health_of(state.health)}};
  if (state.disabled) members["disabled"] = to_string(*state.disabled);
  put_time(members, "disabledAt", state.disabled_at);
  return json::to_text(members);
}

Result<void> read_state_record(const store::Record& record, RegisteredWebhook& webhook) {
  const auto parsed = json::parse(record.text);
  if (!parsed || !parsed->is_object()) return corrupt(record);
  Members members(parsed->get_object());
  WebhookState state{.revision = record.revision};
  // Another address is another receiver: what is known of the old one counts no more.
  if (members.text("url") == url_mark(webhook)) {
    const std::string disabled = members.text("disabled");
    for (const auto each : {DisabledReason::kGone, DisabledReason::kFailing}) {
      if (disabled == to_string(each)) state.disabled = each;
    }
    state.disabled_at = members.time("disabledAt");
    const object* health = members.inner("health");
    bool sound = health != nullptr;
    if (health != nullptr) state.health = read_health(*health, sound);
    if (!sound || !members.sound()) return corrupt(record);
  }
  webhook.state = std::move(state);
  return {};
}

}  // namespace errand::notification
