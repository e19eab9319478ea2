#include "errand/notification/email_channel.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "errand/notification/user_book.h"
#include "errand/telemetry/metric_names.h"
#include "errand/worker/http_target.h"

namespace errand::notification {
namespace {

using outbound::CircuitBreaker;
using outbound::SmtpResult;
using worker::FailureKind;
using worker::make_failure;
using Kind = SmtpResult::Kind;

constexpr std::size_t kWaitingMax = 4'096;
constexpr Milliseconds kPause = std::chrono::minutes(1);

std::string_view outcome_text(Kind kind) {
  switch (kind) {
    case Kind::kAccepted:
      return "ACCEPTED";
    case Kind::kTransient:
      return "TRANSIENT";
    case Kind::kPermanent:
      return "PERMANENT";
    case Kind::kMisconfigured:
      return "MISCONFIGURED";
    case Kind::kUnreachable:
      return "UNREACHABLE";
    case Kind::kAmbiguous:
      return "AMBIGUOUS";
  }
  return "UNREACHABLE";
}

}  // namespace

Result<std::shared_ptr<EmailChannel>> EmailChannel::create(Options options, const Clock& clock,
                                                           telemetry::Log log,
                                                           telemetry::Metrics& metrics) {
  if (options.providers.empty()) {
    return fail(ErrorCode::kInvalidArgument, "providers: there is none");
  }
  if (!is_mail_address(options.from.address)) {
    return fail(ErrorCode::kInvalidArgument,
                "from: write an address, such as \"Errand <errand@example.org>\"");
  }
  std::vector<Route> routes;
  for (const Provider& provider : options.providers) {
    auto client = outbound::SmtpClient::create(provider.server);
    if (!client) {
      return fail(client.error().code,
                  fmt::format("providers: {}: {}", provider.name, client.error().message));
    }
    routes.push_back({.name = provider.name,
                      .client = *std::move(client),
                      .breaker = CircuitBreaker::create({}).value()});
  }
  return std::shared_ptr<EmailChannel>(
      new EmailChannel(std::move(options), std::move(routes), clock, std::move(log), metrics));
}

EmailChannel::EmailChannel(Options options, std::vector<Route> routes, const Clock& clock,
                           telemetry::Log log, telemetry::Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      log_(std::move(log)),
      metrics_(metrics),
      routes_(std::move(routes)),
      pool_({.threads = std::max<std::size_t>(options_.sends_max, 1), .queue_max = kWaitingMax}) {}

EmailChannel::~EmailChannel() { stop(); }

void EmailChannel::stop() {
  stop_.request_stop();
  pool_.stop();
}

boost::asio::awaitable<SendOutcome> EmailChannel::send(const Message& message, Milliseconds timeout,
                                                       std::stop_token stop) {
  const auto ends_at = std::chrono::steady_clock::now() + timeout;
  auto sent = co_await pool_.run([this, message, ends_at, stop]() -> Result<SendOutcome> {
    const auto left =
        std::chrono::duration_cast<Milliseconds>(ends_at - std::chrono::steady_clock::now());
    return transmit(message, std::max(left, Milliseconds(1)), stop);
  });
  if (!sent) {
    co_return std::unexpected(
        make_failure(FailureKind::kTransient, "MAIL_NOT_SENT", sent.error().message));
  }
  co_return *std::move(sent);
}

std::expected<CircuitBreaker::Permit, MonotonicTime> EmailChannel::acquire(Route& route) {
  const MonotonicTime now = clock_.now().monotonic;
  const std::lock_guard lock(mutex_);
  if (now < route.paused_until) return std::unexpected(route.paused_until);
  return route.breaker.acquire(now);
}

void EmailChannel::report(Route& route, CircuitBreaker::Permit permit, Kind kind, bool broken_off) {
  using Outcome = CircuitBreaker::Outcome;
  // A refused recipient says nothing against the server.
  const bool good = kind == Kind::kAccepted || kind == Kind::kPermanent;
  const MonotonicTime now = clock_.now().monotonic;
  const std::lock_guard lock(mutex_);
  route.breaker.report(permit,
                       broken_off ? Outcome::kNeither
                       : good     ? Outcome::kSuccess
                                  : Outcome::kFailure,
                       now);
  if (kind == Kind::kMisconfigured) route.paused_until = now + kPause;
}

SendOutcome EmailChannel::transmit(const Message& message, Milliseconds timeout,
                                   const std::stop_token& stop) {
  const Mail mail{.id = message.id,
                  .from = options_.from,
                  .to = {.address = message.recipient.address},
                  .subject = message.title,
                  .text = message.text,
                  .html = message.html,
                  .unsubscribe_url = message.unsubscribe_url,
                  .date = message.time};
  const auto bytes = write_mail(mail, options_.dkim ? &*options_.dkim : nullptr);
  if (!bytes) {
    return std::unexpected(
        make_failure(FailureKind::kPermanent, "MAIL_INVALID", bytes.error().message));
  }
  const auto ends_at = std::chrono::steady_clock::now() + timeout;
  // Either of two may end it: the attempt, and the channel.
  std::stop_source ended;
  const auto end = [&ended] { ended.request_stop(); };
  const std::stop_callback by_attempt(stop, end);
  const std::stop_callback by_channel(stop_.get_token(), end);
  std::string last = "all mail servers are left out for a while, as they failed again and again";
  bool tried = false;
  std::optional<MonotonicTime> again;  // when a server that is left out may be asked
  for (Route& route : routes_) {
    const auto permit = acquire(route);
    if (!permit) {
      again = std::min(again.value_or(permit.error()), permit.error());
      continue;
    }
    const auto left =
        std::chrono::duration_cast<Milliseconds>(ends_at - std::chrono::steady_clock::now());
    const SmtpResult result = route.client->send(
        {.from = options_.from.address, .to = message.recipient.address, .message = *bytes},
        std::max(left, Milliseconds(1)), ended.get_token());
    report(route, *permit, result.kind, ended.stop_requested());
    if (options_.observer) options_.observer(route.name, result);
    metrics_.counter(telemetry::kMailTransmissions, {route.name, outcome_text(result.kind)}).add();
    switch (result.kind) {
      case Kind::kAccepted:
        return Sent{.provider = route.name, .reference = message_id(mail)};
      case Kind::kPermanent:
        return std::unexpected(
            make_failure(FailureKind::kPermanent, fmt::format("SMTP_{}", result.code),
                         fmt::format("The mail server refused the message: {}", result.text),
                         "Correct the recipient's address, or what the server objects to."));
      case Kind::kAmbiguous:
        return std::unexpected(make_failure(
            FailureKind::kTransient, "MAIL_AMBIGUOUS",
            fmt::format("The connection ended before the mail server said whether it has the "
                        "message: {}. It is sent again under the same Message-ID.",
                        result.text)));
      case Kind::kMisconfigured:
        log_.error("mail server refuses us",
                   {{"provider", route.name}, {"code", result.code}, {"error", result.text}});
        break;
      case Kind::kTransient:
      case Kind::kUnreachable:
        break;
    }
    last = result.text;
    tried = true;
    if (ended.stop_requested() || std::chrono::steady_clock::now() >= ends_at) break;
  }
  worker::Failure failure = make_failure(FailureKind::kTransient, "MAIL_NOT_SENT",
                                         fmt::format("No mail server took the message: {}", last));
  if (again && !tried)
    failure.retry_after = std::max(*again - clock_.now().monotonic, Milliseconds(1));
  return std::unexpected(std::move(failure));
}

}  // namespace errand::notification
