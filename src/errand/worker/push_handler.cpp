#include "errand/worker/push_handler.h"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/async/deadline.h"
#include "errand/base/utf8.h"
#include "errand/crypto/encoding.h"
#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/outbound/retry_after.h"
#include "errand/worker/callback_token.h"

namespace errand::worker {
namespace {

namespace bj = boost::json;

/// What stands around the arguments in a response of an endpoint.
constexpr std::size_t kStateBytesMax = 64 << 10;
constexpr Milliseconds kCallAgain{1'000};
/// Of a response that is no error of ours, what goes into the job's error for people.
constexpr std::size_t kExcerptBytes = 512;

const bj::object* object_of(const Result<bj::value>& body) {
  return body ? body->if_object() : nullptr;
}

std::optional<Milliseconds> duration_of(const bj::object& object, std::string_view name) {
  const auto* value = object.if_contains(bj::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double ms = value->to_number<double>();
  if (!(ms >= 0)) return std::nullopt;
  constexpr double kLongest = 30.0 * 24 * 3'600'000;
  return Milliseconds(static_cast<std::int64_t>(std::min(ms, kLongest)));
}

std::string remediation_for(unsigned status) {
  if (status >= 300 && status < 400) {
    return "Redirects are not followed: write the final address into @job(handler:).";
  }
  switch (status) {
    case 401:
    case 403:
      return "Let the endpoint accept requests that are signed with its secret (errand push "
             "secret).";
    case 404:
    case 405:
    case 410:
      return "Correct the url in @job(handler:), then retry the job.";
    default:
      return {};
  }
}

/// A failure from a response with an error status. Its body may say more: {"code", "message",
/// "details", "remediation", "retryAfterMs"}.
Outcome refusal(const outbound::HttpResponse& response, const Result<bj::value>& body,
                Timestamp now) {
  Failure result = make_failure(
      is_transient_status(response.status) ? FailureKind::kTransient : FailureKind::kPermanent,
      "HTTP_" + std::to_string(response.status),
      "The endpoint answered with status " + std::to_string(response.status) + ".",
      remediation_for(response.status));
  if (const auto header = response.headers.find("retry-after")) {
    result.retry_after = outbound::parse_retry_after(*header, now);
  }
  if (const bj::object* said = object_of(body)) {
    bj::object error = *said;
    error["kind"] = result.kind == FailureKind::kTransient ? "TRANSIENT" : "PERMANENT";
    if (!error.contains("message")) error["message"] = result.message;
    const auto parsed = parse_report("fail", {{"error", std::move(error)}});
    if (!parsed) return result;
    Failure told = std::get<Failure>(*parsed);
    if (told.code.empty()) told.code = result.code;
    if (!told.remediation) told.remediation = result.remediation;
    if (!told.retry_after) told.retry_after = result.retry_after;
    return told;
  }
  if (!response.body.empty() && is_valid_utf8(response.body)) {
    result.details = bj::object{{"body", cut_utf8(response.body, kExcerptBytes)}};
  }
  return result;
}

std::string body_of(const Attempt& attempt, int call, const std::string& state,
                    const std::string& callback_url) {
  std::string text = to_text(attempt.offer());
  text.pop_back();
  json::Writer out(text);
  text += ",";
  text += "\"callback\":";
  out.begin_object();
  out.key("token");
  out.string(callback_token({.job = attempt.offer().job, .token = attempt.offer().token}));
  if (!callback_url.empty()) {
    out.key("url");
    out.string(callback_url);
  }
  out.end_object();
  text += ",\"call\":" + std::to_string(call);
  if (!state.empty()) text += ",\"state\":" + state;
  text += '}';
  return text;
}

}  // namespace

std::string push_secret(const crypto::MasterKey& master_key, std::string_view origin,
                        int generation) {
  const auto key = master_key.hmac_key("push-secret.v1");
  const crypto::Digest secret = key.sign(std::to_string(generation) + "\n" + std::string(origin));
  return "whsec_" + crypto::to_base64(secret);
}

Result<std::shared_ptr<PushHandler>> PushHandler::create(Options options,
                                                         outbound::HttpClient& client,
                                                         const Clock& clock) {
  if (options.secrets.empty()) return fail(ErrorCode::kInvalidArgument, "there is no secret");
  if (const auto url = outbound::parse_target_url(options.url); !url) {
    return std::unexpected(url.error());
  }
  auto breaker = outbound::CircuitBreaker::create(options.breaker);
  if (!breaker) return std::unexpected(breaker.error());
  return std::shared_ptr<PushHandler>(
      new PushHandler(std::move(options), client, clock, *std::move(breaker)));
}

PushHandler::PushHandler(Options options, outbound::HttpClient& client, const Clock& clock,
                         outbound::CircuitBreaker breaker)
    : options_(std::move(options)),
      clock_(clock),
      target_(client, clock, std::move(breaker), {.name = "endpoint", .code = "PUSH"}) {}

outbound::HttpRequest PushHandler::request(const Attempt& attempt, const Call& call) const {
  const JobOffer& offer = attempt.offer();
  outbound::HttpRequest request{
      .method = "POST",
      .url = options_.url,
      .headers = {},
      .body = body_of(attempt, call.number, call.state_json, options_.callback_url),
      .response_bytes_max = options_.response_bytes_max};
  // The same for each attempt of a run, so that an endpoint that has done the work already knows.
  const std::string id =
      offer.job.str() + "-r" + std::to_string(offer.run) + "-c" + std::to_string(call.number);
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now().wall);
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Accept", "application/json");
  request.headers.add("Idempotency-Key", "\"" + id + "\"");
  request.headers.add(outbound::kWebhookIdHeader, id);
  request.headers.add(outbound::kWebhookTimestampHeader,
                      std::to_string(now.time_since_epoch().count()));
  request.headers.add(outbound::kWebhookSignatureHeader,
                      outbound::sign_webhook(options_.secrets, id, now, request.body));
  if (!offer.traceparent.empty()) request.headers.add("traceparent", offer.traceparent);
  return request;
}

boost::asio::awaitable<Outcome> PushHandler::run(AttemptPtr attempt) {
  Call call;
  while (true) {
    auto response =
        co_await target_.send(attempt, [this, attempt, call] { return request(*attempt, call); });
    if (!response) co_return std::move(response.error());
    auto answer = co_await read(attempt, *std::move(response), call);
    if (answer) co_return std::move(*answer);
    ++call.number;
  }
}

boost::asio::awaitable<PushHandler::Answer> PushHandler::read(AttemptPtr attempt,
                                                              outbound::HttpResponse response,
                                                              Call& call) const {
  const auto body =
      response.body.empty() ? Result<bj::value>(bj::value()) : json::parse(response.body);
  if (response.status < 200 || response.status >= 300) {
    co_return refusal(response, body, clock_.now().wall);
  }
  if (response.status == 202) {
    // It goes on elsewhere and reports by its token; the attempt's timeout is its bound. The stop
    // comes when the job has ended, too.
    attempt->leave_elsewhere();
    co_await async::sleep_until(attempt->ends_at() + kBehindTheEngine, attempt->stop_token());
    const auto stop = attempt->stop();
    if (!stop || stop->why == AttemptStop::kShutdown) co_return LeftElsewhere{};
    if (!attempt->lost()) {
      // A cancel: the endpoint hears of it in the answer to its next report or heartbeat, and has
      // the grace for that.
      co_await async::sleep_until(stop->until, attempt->lost_token());
    }
    co_return target_.stopped(*attempt);
  }
  if (!body) {
    co_return make_failure(FailureKind::kPermanent, "RESULT_INVALID",
                           "The endpoint's response is not JSON: " + body.error().message,
                           "Let the endpoint answer with the result as JSON.");
  }
  if (response.status != 206) co_return Complete{.result = *body};

  const bj::object* said = body->if_object();
  if (said == nullptr) {
    co_return make_failure(
        FailureKind::kPermanent, "PUSH_RESPONSE_INVALID",
        "The endpoint's response of status 206 is no object.",
        "Answer 206 with {\"progress\": {...}, \"state\": ..., \"callAgainMs\": n}.");
  }
  if (const auto* progress = said->if_contains("progress"); progress && progress->is_object()) {
    auto parsed = parse_report("progress", progress->get_object());
    if (!parsed) {
      co_return make_failure(
          FailureKind::kPermanent, "PUSH_RESPONSE_INVALID",
          "The endpoint's progress is not understood: " + parsed.error().message);
    }
    attempt->progress(std::get<Progress>(std::move(*parsed)));
  }
  const auto* state = said->if_contains("state");
  call.state_json = state == nullptr ? std::string() : json::to_text(*state);
  if (call.state_json.size() > kStateBytesMax) {
    co_return make_failure(FailureKind::kPermanent, "PUSH_RESPONSE_INVALID",
                           "The endpoint's state takes more than 64 KiB.",
                           "Keep the state elsewhere and answer with a reference to it.");
  }
  const auto until =
      std::chrono::steady_clock::now() + duration_of(*said, "callAgainMs").value_or(kCallAgain);
  if (!co_await async::sleep_until(std::min(until, attempt->ends_at()), attempt->stop_token())) {
    co_return target_.stopped(*attempt);
  }
  co_return std::nullopt;
}

}  // namespace errand::worker
