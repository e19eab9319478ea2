#include "errand/notification/web_push_channel.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "errand/base/utf8.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/crypto/web_push_encryption.h"
#include "errand/json/writer.h"
#include "errand/notification/http_outcome.h"
#include "errand/outbound/target_url.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using worker::FailureKind;
using worker::make_failure;

constexpr std::size_t kResponseBytesMax = 4 << 10;
/// One slow push service is not to take the time of the others.
constexpr Milliseconds kPostTimeout = std::chrono::seconds(15);
constexpr std::chrono::days kKeepMax{28};
constexpr std::size_t kTopicBytes = 24;  // 32 characters (RFC 8030, 5.4)

constexpr const char* kRemediation =
    "Let the browser subscribe again with the server's present key (webPushKey), and see that "
    "notifications.web_push.contact is an address that reaches you.";

worker::Failure nobody() {
  return make_failure(FailureKind::kPermanent, kNoRecipient,
                      "The recipient has no browser that takes Web Push messages.");
}

}  // namespace

std::string web_push_payload(const Message& message) {
  std::string title = message.title;
  std::string body = message.text;
  const auto write = [&](bool with_data) {
    boost::json::object payload{{"id", message.id}, {"title", title}, {"body", body}};
    if (!message.link.empty()) payload["url"] = message.link;
    if (!message.category.empty()) payload["category"] = message.category;
    if (with_data && !message.data.empty()) payload["data"] = message.data;
    return json::to_text(payload);
  };
  constexpr std::size_t kMax = crypto::kWebPushPlaintextMax;
  std::string text = write(true);
  if (text.size() > kMax) text = write(false);
  // A byte of the text takes one of JSON at least, so that each round comes nearer from above.
  for (std::string* part : {&body, &title}) {
    constexpr std::string_view kCut = "…";
    bool cut = false;
    while (text.size() > kMax && !part->empty()) {
      const std::size_t excess = text.size() - kMax + (cut ? 0 : kCut.size());
      std::string_view rest = *part;
      if (cut) rest.remove_suffix(kCut.size());
      rest =
          cut_utf8(rest, rest.size() - std::min(rest.size(), std::max<std::size_t>(excess / 6, 1)));
      *part = rest.empty() ? std::string() : std::string(rest) + std::string(kCut);
      cut = true;
      text = write(false);
    }
  }
  if (text.size() <= kMax) return text;
  // The link is as long as all that.
  return json::to_text(boost::json::object{{"id", message.id}, {"title", title}, {"body", body}});
}

Result<std::shared_ptr<WebPushChannel>> WebPushChannel::create(const Options& options,
                                                               crypto::P256Key key,
                                                               const Means& means,
                                                               telemetry::Log log) {
  if (!Vapid::is_contact(options.contact)) {
    return fail(ErrorCode::kInvalidArgument,
                "contact: write how push services reach you, such as \"mailto:ops@example.org\"");
  }
  if (options.keep < Milliseconds::zero() || options.keep > kKeepMax) {
    return fail(ErrorCode::kInvalidArgument, "keep: write a time from \"0s\" to \"28d\"");
  }
  return std::shared_ptr<WebPushChannel>(
      new WebPushChannel(options, std::move(key), means, std::move(log)));
}

WebPushChannel::WebPushChannel(const Options& options, crypto::P256Key key, const Means& means,
                               telemetry::Log log)
    : options_(options),
      means_(means),
      log_(std::move(log)),
      vapid_(std::move(key), options.contact) {}

boost::asio::awaitable<SendOutcome> WebPushChannel::send(const Message& message,
                                                         Milliseconds timeout,
                                                         std::stop_token stop) {
  const auto ends_at = std::chrono::steady_clock::now() + timeout;
  const Recipient& to = message.recipient;
  if (to.subject.view().empty()) co_return std::unexpected(nobody());
  const auto subscriptions = co_await means_.subscriptions.list(to.tenant, to.subject);
  if (!subscriptions) {
    co_return std::unexpected(
        make_failure(FailureKind::kTransient, "PUSH_NOT_READY", subscriptions.error().message));
  }
  const std::string payload = web_push_payload(message);
  std::optional<Sent> sent;
  std::optional<worker::Failure> failed;  // the one of which most can be hoped
  for (const PushSubscription& each : *subscriptions) {
    const auto left =
        std::chrono::duration_cast<Milliseconds>(ends_at - std::chrono::steady_clock::now());
    SendOutcome outcome =
        left > Milliseconds::zero()
            ? co_await post(each, message, payload, std::min(left, kPostTimeout), stop)
            : SendOutcome(std::unexpected(make_failure(FailureKind::kTransient, "PUSH_TIMED_OUT",
                                                       "There was no time left for it.")));
    if (outcome) {
      if (!sent) sent = *std::move(outcome);
      continue;
    }
    worker::Failure& failure = outcome.error();
    if (failure.code == kNoRecipient) {
      const auto dropped = co_await means_.subscriptions.drop(to.tenant, to.subject, each.id);
      if (!dropped) {
        log_.warn("push subscription cannot be dropped", {{"error", dropped.error().message}});
      }
      continue;
    }
    if (!failed ||
        (failed->kind == FailureKind::kPermanent && failure.kind == FailureKind::kTransient)) {
      failed = std::move(failure);
    }
  }
  if (sent) co_return *std::move(sent);
  if (failed) co_return std::unexpected(*std::move(failed));
  co_return std::unexpected(nobody());
}

boost::asio::awaitable<SendOutcome> WebPushChannel::post(const PushSubscription& to,
                                                         const Message& message,
                                                         const std::string& payload,
                                                         Milliseconds timeout,
                                                         std::stop_token stop) {
  const auto unusable = [](std::string why) {
    return std::unexpected(
        make_failure(FailureKind::kPermanent, "PUSH_SUBSCRIPTION_INVALID", std::move(why)));
  };
  const auto url = outbound::parse_target_url(to.endpoint);
  if (!url) co_return unusable(url.error().message);
  const auto public_key = crypto::from_base64url(to.p256dh);
  const auto auth = crypto::from_base64url(to.auth);
  std::array<std::uint8_t, 16> salt{};
  means_.random.fill(salt);
  std::optional<crypto::Bytes> body;
  if (public_key && auth) {
    body = crypto::encrypt_web_push({.public_key = *public_key, .auth = *auth},
                                    crypto::P256Key::generate(means_.random), salt,
                                    crypto::as_bytes(payload));
  }
  if (!body) co_return unusable("The keys of the subscription are none.");

  outbound::HttpRequest request{.method = "POST",
                                .url = to.endpoint,
                                .body = std::string(body->begin(), body->end()),
                                .deadline = std::chrono::steady_clock::now() + timeout,
                                .response_bytes_max = kResponseBytesMax,
                                .when_too_large = outbound::WhenTooLarge::kTruncate,
                                .stop = std::move(stop)};
  const auto ttl = std::chrono::floor<std::chrono::seconds>(options_.keep).count();
  const crypto::Digest digest = crypto::sha256(message.id);
  request.headers = {
      {"Authorization", vapid_.authorization(*url, means_.clock.now().wall)},
      {"Content-Encoding", "aes128gcm"},
      {"Content-Type", "application/octet-stream"},
      {"TTL", std::to_string(ttl)},
      {"Urgency", message.mandatory ? "high" : "normal"},
      {"Topic", crypto::to_base64url(std::span(digest).first(kTopicBytes))},
  };
  const auto response = co_await means_.client.fetch(std::move(request));
  if (!response) {
    co_return std::unexpected(unreachable(response.error(), "push service", "PUSH"));
  }
  co_return read(*response, url->host);
}

SendOutcome WebPushChannel::read(const outbound::HttpResponse& response,
                                 const std::string& host) const {
  const unsigned status = response.status;
  if (status >= 200 && status < 300) {
    return Sent{.provider = host,
                .reference = std::string(response.headers.find("location").value_or(""))};
  }
  if (status == 404 || status == 410) return std::unexpected(nobody());
  worker::Failure failure = refusal(response, "push service " + host, means_.clock.now().wall);
  if (status == 400 || status == 401 || status == 403) {
    failure.code = "PUSH_CONFIGURATION";
    failure.remediation = kRemediation;
  } else if (status == 413) {
    failure.code = "PUSH_TOO_LARGE";
  }
  return std::unexpected(std::move(failure));
}

}  // namespace errand::notification
