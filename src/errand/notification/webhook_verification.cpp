#include "errand/notification/webhook_verification.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/time_text.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/net/http_message.h"
#include "errand/notification/webhook_handler.h"
#include "errand/outbound/target_url.h"

namespace errand::notification {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::size_t kAnswerBytesMax = 4'096;
constexpr std::string_view kChallengeType = "dev.errand.webhook.challenge";

std::string random_text(Random& random) {
  std::array<std::uint8_t, 24> bytes{};
  random.fill(bytes);
  return crypto::to_base64url(bytes);
}

/// What the sender is called in the handshake: a host's name (CloudEvents HTTP webhook, 4.1.1).
std::string origin_of(const VerificationContext& context) {
  const auto url = outbound::parse_target_url(context.origin);
  return url ? url->host : "errand";
}

outbound::HttpRequest handshake(const RegisteredWebhook& webhook,
                                const VerificationContext& context) {
  outbound::HttpRequest request{.method = "OPTIONS", .url = webhook.endpoint.url};
  request.headers.set("WebHook-Request-Origin", origin_of(context));
  // Of a minute, as the specification counts.
  request.headers.set("WebHook-Request-Rate", std::to_string(60ULL * webhook.endpoint.rate));
  return request;
}

outbound::HttpRequest challenge_request(const RegisteredWebhook& webhook,
                                        const VerificationContext& context,
                                        const std::string& challenge) {
  outbound::HttpRequest request{.method = "POST", .url = webhook.endpoint.url};
  const std::string id = "challenge_" + challenge;
  const std::string time = format_timestamp(context.now);
  request.body = json::to_text(
      boost::json::object{{"specversion", "1.0"},
                          {"id", id},
                          {"source", context.origin.empty() ? "urn:errand" : context.origin},
                          {"type", kChallengeType},
                          {"time", time},
                          {"timestamp", time},
                          {"datacontenttype", "application/json"},
                          {"data", {{"challenge", challenge}}}});
  request.headers.set("Content-Type", webhook.endpoint.content_type);
  request.headers.set(outbound::kWebhookIdHeader, id);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(context.now);
  request.headers.set(outbound::kWebhookTimestampHeader,
                      std::to_string(seconds.time_since_epoch().count()));
  request.headers.set(outbound::kWebhookSignatureHeader,
                      sign_by(webhook.keys, id, context.now, request.body));
  return request;
}

bool answers_challenge(std::string_view body, std::string_view challenge) {
  if (net::trim(body) == challenge) return true;
  const auto answer = json::parse(body);
  const auto* object = answer ? answer->if_object() : nullptr;
  const auto* text = object != nullptr ? object->if_contains("challenge") : nullptr;
  return text != nullptr && text->is_string() && std::string_view(text->get_string()) == challenge;
}

std::unexpected<Error> not_verified(std::string why) {
  return fail(ErrorCode::kBadUserInput, "verification: " + std::move(why));
}

}  // namespace

boost::asio::awaitable<Result<void>> verify_webhook(outbound::HttpClient& client,
                                                    const RegisteredWebhook& webhook,
                                                    WebhookVerification verification,
                                                    VerificationContext context) {
  const bool by_events = verification == WebhookVerification::kCloudEvents;
  const std::string challenge = random_text(context.random);
  outbound::HttpRequest request =
      by_events ? handshake(webhook, context) : challenge_request(webhook, context, challenge);
  for (const auto& [name, value] : webhook.headers) {
    if (!request.headers.find(name)) request.headers.set(name, value);
  }
  request.response_bytes_max = kAnswerBytesMax;
  request.when_too_large = outbound::WhenTooLarge::kTruncate;
  request.deadline = std::chrono::steady_clock::now() + kPatience;
  const auto response = co_await client.fetch(std::move(request));
  if (!response && response.error().failure == outbound::HttpFailure::kRefused) {
    context.log.warn_limited(
        "webhook endpoint may not be called",
        {{"tenant", webhook.owner_name()}, {"error", response.error().message}});
    co_return not_verified(std::string(kAddressRefused));
  }
  if (!response) {
    co_return not_verified("the endpoint could not be asked: " + response.error().message);
  }
  const auto status = std::to_string(response->status);
  if (response->status < 200 || response->status >= 300) {
    co_return not_verified("the endpoint answered with status " + status + ".");
  }
  if (by_events) {
    const auto allowed = response->headers.find("WebHook-Allowed-Origin");
    const std::string origin = origin_of(context);
    if (!allowed || (*allowed != "*" && !net::equals_ignoring_case(*allowed, origin))) {
      co_return not_verified("the endpoint's answer to OPTIONS has no WebHook-Allowed-Origin: " +
                             origin + ", as CloudEvents' HTTP webhook specification asks for.");
    }
  } else if (!answers_challenge(response->body, challenge)) {
    co_return not_verified(
        "the endpoint did not answer the event " + std::string(kChallengeType) +
        " with the challenge in its data, as text or as {\"challenge\": \"...\"}.");
  }
  co_return Result<void>();
}

}  // namespace errand::notification
