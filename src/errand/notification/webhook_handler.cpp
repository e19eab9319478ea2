#include "errand/notification/webhook_handler.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <boost/json/object.hpp>

#include "errand/base/time_text.h"
#include "errand/base/utf8.h"
#include "errand/contract/cloud_event.h"
#include "errand/crypto/encoding.h"
#include "errand/job/evolve.h"
#include "errand/outbound/retry_after.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/upstream/headers_file.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

/// Of a response; what it says is for people.
constexpr std::size_t kResponseBytesMax = 16 << 10;
constexpr std::size_t kExcerptBytes = 512;
/// Longest wait that an endpoint may ask for.
constexpr Milliseconds kRetryAfterMax = std::chrono::hours(24);
/// Between a request's end and that of its attempt: the engine's timeout says nothing about the
/// endpoint, so that it must not come first.
constexpr Milliseconds kBeforeTheEngine{2'000};

std::string remediation_for(unsigned status) {
  if (status >= 300 && status < 400) {
    return "Redirects are not followed: write the final address into the endpoint's url.";
  }
  if (status == 401 || status == 403) {
    return "Let the endpoint accept requests that are signed with its secret (errand webhook "
           "secret).";
  }
  if (status == 404 || status == 405) return "Correct the endpoint's url.";
  return {};
}

/// Why an endpoint's deliveries fail at once.
std::string disabled_words(const RegisteredWebhook& webhook) {
  std::string words = webhook.state.disabled == DisabledReason::kGone
                          ? "The endpoint said that it is retired (410), and is disabled"
                          : "The endpoint has failed for five days, and is disabled";
  if (webhook.state.disabled_at) words += " since " + format_timestamp(*webhook.state.disabled_at);
  return words + ".";
}

}  // namespace

std::string webhook_secret(const crypto::MasterKey& master_key, std::string_view name,
                           int generation) {
  const auto key = master_key.hmac_key("webhook-secret.v1");
  const crypto::Digest secret = key.sign(std::to_string(generation) + "\n" + std::string(name));
  return "whsec_" + crypto::to_base64(secret);
}

std::chrono::steady_clock::time_point webhook_deadline(
    Milliseconds timeout, std::chrono::steady_clock::time_point now,
    std::chrono::steady_clock::time_point attempt_ends_at) {
  return std::min(now + timeout, attempt_ends_at - kBeforeTheEngine);
}

std::string sign_by(const std::vector<WebhookKey>& keys, std::string_view id, Timestamp time,
                    std::string_view body) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::string signatures;
  const auto add = [&](const std::string& signature) {
    if (!signatures.empty()) signatures += ' ';
    signatures += signature;
  };
  for (const WebhookKey& key : keys) {
    if (key.until && *key.until <= time) continue;
    add(key.secret.sign(id, seconds, body));
    if (key.signing) add(key.signing->sign(id, seconds, body));
  }
  return signatures;
}

Result<std::shared_ptr<WebhookHandler>> WebhookHandler::create(Options options,
                                                               const Means& means) {
  auto breaker = outbound::CircuitBreaker::create(options.breaker);
  if (!breaker) return std::unexpected(breaker.error());
  return std::shared_ptr<WebhookHandler>(
      new WebhookHandler(std::move(options), means, *std::move(breaker)));
}

Result<RegisteredWebhookPtr> WebhookHandler::find(const WebhookDelivery&) const {
  return means_.endpoints.find(options_.name);
}

std::shared_ptr<WebhookHandler::Target> WebhookHandler::target_of(const WebhookEndpoint& endpoint) {
  const std::scoped_lock lock(mutex_);
  if (!target_ || target_->url != endpoint.url) {
    target_ = std::make_shared<Target>(endpoint.url, means_, breaker_);
  }
  return target_;
}

Result<WebhookHandler::Message> WebhookHandler::make(const WebhookEndpoint& endpoint,
                                                     const WebhookDelivery& delivery) const {
  Message message;
  if (!endpoint.headers_file.empty()) {
    auto headers = upstream::read_headers_file(endpoint.headers_file);
    if (!headers) {
      means_.log.warn_limited("headers of a webhook endpoint cannot be read",
                              {{"endpoint", endpoint.name}, {"error", headers.error().message}});
      return fail(ErrorCode::kConfigInvalid, std::string(kHeadersUnreadable));
    }
    message.headers = *std::move(headers);
  }
  const auto before = Sequence{to_number(delivery.sequence) - 1};
  const auto events = means_.reader.events_of(delivery.job, before, 1);
  if (!events) return std::unexpected(events.error());
  const auto job = means_.reader.job(delivery.job);
  if (!job) return std::unexpected(job.error());
  if (events->empty() || *job == nullptr) {
    return fail(ErrorCode::kNotFound, "the event was deleted with its job");
  }
  const job::Event& event = events->front();
  contract::CloudEventContext context{.base_url = options_.public_url,
                                      .tenant = (*job)->spec.tenant,
                                      .job_type = (*job)->spec.type};
  std::string result;
  job::JobState state;
  if (endpoint.full) {
    // As it was right after the event, so that each attempt says the same.
    const auto history =
        means_.reader.events_of(delivery.job, Sequence{0}, to_number(delivery.sequence));
    if (!history) return std::unexpected(history.error());
    auto folded = job::fold(*history);
    if (!folded) return std::unexpected(folded.error());
    state = *std::move(folded);
    context.job = &state;
    if (std::holds_alternative<job::Succeeded>(event.data)) {
      const auto payload = means_.reader.payload(delivery.job, store::PayloadKind::kResult);
      if (!payload) return std::unexpected(payload.error());
      if (*payload) result = (*payload)->bytes;
      context.result = result;
    }
  }
  message.id = contract::event_id(event);
  message.body = contract::to_cloud_event(event, context);
  return message;
}

Result<WebhookHandler::Prepared> WebhookHandler::prepare(const WebhookDelivery& delivery) const {
  Prepared prepared;
  auto found = find(delivery);
  if (!found) return std::unexpected(found.error());
  prepared.webhook = *std::move(found);
  const auto status = prepared.webhook ? prepared.webhook->status() : WebhookStatus::kDeleted;
  if (status == WebhookStatus::kDeleted || status == WebhookStatus::kDisabled) return prepared;
  auto message = make(prepared.webhook->endpoint, delivery);
  if (!message) return std::unexpected(message.error());
  prepared.message = *std::move(message);
  return prepared;
}

outbound::HttpRequest WebhookHandler::request(const RegisteredWebhook& webhook,
                                              const Message& message,
                                              const worker::Attempt& attempt) const {
  outbound::HttpRequest request{.method = "POST",
                                .url = webhook.endpoint.url,
                                .headers = message.headers,
                                .body = message.body,
                                .response_bytes_max = kResponseBytesMax,
                                .when_too_large = outbound::WhenTooLarge::kTruncate};
  request.deadline = webhook_deadline(webhook.endpoint.timeout, std::chrono::steady_clock::now(),
                                      attempt.ends_at());
  const Timestamp now = means_.clock.now().wall;
  for (const auto& [name, value] : webhook.headers) request.headers.set(name, value);
  request.headers.set("Content-Type", webhook.endpoint.content_type);
  request.headers.set(outbound::kWebhookIdHeader, message.id);
  request.headers.set(
      outbound::kWebhookTimestampHeader,
      std::to_string(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count()));
  request.headers.set(outbound::kWebhookSignatureHeader,
                      sign_by(webhook.keys, message.id, now, message.body));
  const std::string& traceparent = attempt.offer().traceparent;
  if (!traceparent.empty()) request.headers.set("traceparent", traceparent);
  return request;
}

std::optional<worker::Outcome> WebhookHandler::explain(const WebhookEndpoint& endpoint,
                                                       const outbound::HttpError& error) const {
  using outbound::HttpFailure;
  // Each is tried again: names are corrected, and addresses allowed, while deliveries wait.
  switch (error.failure) {
    case HttpFailure::kRefused:
      means_.log.warn_limited("webhook endpoint may not be called",
                              {{"endpoint", endpoint.name}, {"error", error.message}});
      return make_failure(FailureKind::kTransient, "WEBHOOK_REFUSED", std::string(kAddressRefused),
                          "Correct the endpoint's url, or ask who runs this server to allow its "
                          "address (outbound.allow).");
    case HttpFailure::kInvalid:
      return make_failure(FailureKind::kTransient, "WEBHOOK_REFUSED",
                          "The endpoint cannot be called: " + error.message,
                          "Correct the endpoint's url and headers.");
    case HttpFailure::kTooLarge:
      return make_failure(FailureKind::kTransient, "WEBHOOK_TOO_LARGE",
                          "The endpoint's response is too large: " + error.message,
                          "Let the endpoint answer with a status and few headers.");
    default:
      return std::nullopt;
  }
}

boost::asio::awaitable<worker::Outcome> WebhookHandler::run(worker::AttemptPtr attempt) {
  const auto delivery = parse_webhook_delivery(attempt->offer().arguments_json);
  if (!delivery) {
    co_return make_failure(FailureKind::kPermanent, "WEBHOOK_INVALID",
                           "The delivery does not say which event it is about.");
  }
  auto prepared = co_await means_.pool.run([this, delivery] { return prepare(*delivery); });
  if (!prepared && prepared.error().code == ErrorCode::kConfigInvalid) {
    // Somebody is to correct the file, or is replacing it in this moment.
    co_return make_failure(FailureKind::kTransient, "WEBHOOK_NOT_READY", prepared.error().message,
                           "Ask who runs this server: its log says what is wrong with the "
                           "endpoint's headers_file.");
  }
  if (!prepared) {
    const bool may_pass = is_retryable(prepared.error().code);
    co_return make_failure(may_pass ? FailureKind::kTransient : FailureKind::kPermanent,
                           may_pass ? "WEBHOOK_NOT_READY" : "WEBHOOK_EVENT_GONE",
                           "There is nothing to send: " + prepared.error().message);
  }
  const auto& [webhook, message] = *prepared;
  if (!webhook || webhook->status() == WebhookStatus::kDeleted) {
    co_return make_failure(FailureKind::kPermanent, "WEBHOOK_DELETED",
                           "The endpoint was deleted before the delivery.");
  }
  if (webhook->status() == WebhookStatus::kDisabled) {
    co_return make_failure(FailureKind::kPermanent, "WEBHOOK_DISABLED", disabled_words(*webhook),
                           "Enable the endpoint (enableWebhookEndpoint), then recover what it has "
                           "missed.");
  }
  const std::shared_ptr<Target> target = target_of(webhook->endpoint);
  // Put off, so that the slot is free: callbacks share theirs with those to other hosts.
  worker::HttpManner manner{.puts_off = true,
                            .explain = [this, &prepared](const outbound::HttpError& error) {
                              return explain(prepared->webhook->endpoint, error);
                            }};
  auto response = co_await target->http.send(
      attempt, [&] { return request(*prepared->webhook, prepared->message, *attempt); },
      std::move(manner));
  if (!response) {
    const auto* failure = std::get_if<worker::Failure>(&response.error());
    // What we stopped ourselves says nothing about the endpoint.
    if (failure != nullptr && !attempt->stop_token().stop_requested()) {
      means_.watch.on_outcome(*webhook, {.why = failure->message});
    }
    co_return std::move(response.error());
  }
  auto outcome = read(*response);
  const auto* failure = std::get_if<worker::Failure>(&outcome);
  means_.watch.on_outcome(*webhook, {.delivered = failure == nullptr,
                                     .status = response->status,
                                     .why = failure == nullptr ? "" : failure->message});
  co_return outcome;
}

worker::Outcome WebhookHandler::read(const outbound::HttpResponse& response) const {
  const unsigned status = response.status;
  if (status >= 200 && status < 300) {
    boost::json::object result{{"status", status}, {"durationMs", response.duration.count()}};
    if (!response.body.empty() && is_valid_utf8(response.body)) {
      result["body"] = cut_utf8(response.body, kExcerptBytes);
    }
    return worker::Complete{.result = std::move(result)};
  }
  worker::Failure failure = make_failure(
      FailureKind::kTransient, "HTTP_" + std::to_string(status),
      "The endpoint answered with status " + std::to_string(status) + ".", remediation_for(status));
  if (status == 410) {
    failure.kind = FailureKind::kPermanent;
    failure.code = "WEBHOOK_GONE";
    failure.message = "The endpoint said that it is retired (410).";
    failure.remediation = "Correct its url and enable it, or delete it.";
  }
  if (const auto header = response.headers.find("retry-after")) {
    failure.retry_after = outbound::parse_retry_after(*header, means_.clock.now().wall);
    if (failure.retry_after) {
      failure.retry_after = std::min(*failure.retry_after, kRetryAfterMax);
    }
  }
  failure.details =
      boost::json::object{{"status", status}, {"durationMs", response.duration.count()}};
  if (!response.body.empty() && is_valid_utf8(response.body)) {
    (*failure.details)["body"] = cut_utf8(response.body, kExcerptBytes);
  }
  return failure;
}

}  // namespace errand::notification
