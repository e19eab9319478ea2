#include "errand/notification/webhook_test_event.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>

#include "errand/base/time_text.h"
#include "errand/base/utf8.h"
#include "errand/base/uuid.h"
#include "errand/contract/cloud_event.h"
#include "errand/contract/event_samples.h"
#include "errand/crypto/digest.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/notification/webhook_manager.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/upstream/headers_file.h"

namespace errand::notification {
namespace {

constexpr std::size_t kResponseBytesMax = 16 << 10;
constexpr std::size_t kExcerptBytes = 512;

std::optional<std::size_t> kind_of(std::string_view type) {
  for (std::size_t kind = 0; kind < job::kEventNameCount; ++kind) {
    if (job::event_name(kind) == type) return kind;
  }
  return std::nullopt;
}

/// The sample of that kind, marked: it is of no job, and must not be taken for an event.
std::string body_of(std::size_t kind, const std::string& id, std::string_view base_url,
                    const TenantId& tenant, Timestamp now) {
  job::Event event = contract::sample_event(kind);
  event.time = now;
  const std::string text = contract::to_cloud_event(
      event, {.base_url = base_url, .tenant = tenant, .job_type = JobTypeName("exportReport")});
  boost::json::object object = json::parse(text).value().as_object();
  object["id"] = id;
  object["errandtest"] = true;
  return json::to_text(object);
}

/// As the failures of deliveries are called: "WEBHOOK_TIMED_OUT".
std::string class_of(outbound::HttpFailure failure) {
  std::string name = "WEBHOOK_" + std::string(outbound::to_string(failure));
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

}  // namespace

WebhookDeliveryOptions WebhookManager::deliveries() const {
  return {.payload_key = means_.master_key.hmac_key(crypto::kPayloadDigestLabel),
          .retry_waits = options_.retry_waits};
}

boost::asio::awaitable<Result<WebhookTest>> WebhookManager::test(Caller caller, std::string name,
                                                                 std::string type) {
  const auto webhook = find(caller.tenant, name);
  if (!webhook) co_return fail(ErrorCode::kNotFound, "There is no such webhook endpoint.");
  const auto kind = kind_of(type);
  if (!kind) {
    co_return fail(ErrorCode::kBadUserInput,
                   "type: there are no events \"" + type +
                       "\"; write one such as \"dev.errand.job.succeeded\"");
  }
  WebhookTest result{.event_id = "test_" + Uuid::v7(now(), means_.random).str()};
  outbound::HttpRequest request{.method = "POST",
                                .url = webhook->endpoint.url,
                                .response_bytes_max = kResponseBytesMax,
                                .when_too_large = outbound::WhenTooLarge::kTruncate};
  if (!webhook->endpoint.headers_file.empty()) {
    auto headers = co_await means_.pool.run(
        [file = webhook->endpoint.headers_file] { return upstream::read_headers_file(file); });
    if (!headers) {
      log_.warn_limited("headers of a webhook endpoint cannot be read",
                        {{"endpoint", name}, {"error", headers.error().message}});
      co_return fail(headers.error().code, std::string(kHeadersUnreadable));
    }
    request.headers = *std::move(headers);
  }
  const Timestamp time = now();
  request.body = body_of(*kind, result.event_id, options_.public_url, caller.tenant, time);
  for (const auto& [header, value] : webhook->headers) request.headers.set(header, value);
  request.headers.set("Content-Type", webhook->endpoint.content_type);
  request.headers.set(outbound::kWebhookIdHeader, result.event_id);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  request.headers.set(outbound::kWebhookTimestampHeader,
                      std::to_string(seconds.time_since_epoch().count()));
  request.headers.set(outbound::kWebhookSignatureHeader,
                      sign_by(webhook->keys, result.event_id, time, request.body));
  const auto begin = std::chrono::steady_clock::now();
  request.deadline = begin + webhook->endpoint.timeout;
  log_.info("webhook test event is sent", {{"endpoint", name}, {"by", caller.subject.view()}});
  const auto response = co_await means_.client.fetch(std::move(request));
  result.duration =
      std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
  if (!response) {
    result.error_class = class_of(response.error().failure);
    result.error = response.error().message;
    if (response.error().failure == outbound::HttpFailure::kRefused) {
      log_.warn_limited("webhook endpoint may not be called",
                        {{"endpoint", name}, {"error", result.error}});
      result.error = kAddressRefused;
    }
    co_return result;
  }
  result.status = response->status;
  result.delivered = response->status >= 200 && response->status < 300;
  if (!result.delivered) {
    result.error_class = "HTTP_" + std::to_string(response->status);
    result.error = "The endpoint answered with status " + std::to_string(response->status) + ".";
  }
  if (is_valid_utf8(response->body)) result.answer = cut_utf8(response->body, kExcerptBytes);
  co_return result;
}

}  // namespace errand::notification
