#include "errand/upstream/forwarder.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "errand/outbound/address_guard.h"
#include "errand/telemetry/metric_names.h"
#include "errand/upstream/incoming_response.h"

namespace errand::upstream {

namespace asio = boost::asio;
using outbound::HttpFailure;
using SteadyTime = std::chrono::steady_clock::time_point;
using Wait = IncomingResponse::Wait;

namespace {

/// A body that says itself to be no longer is handed over whole, with its length instead of in
/// chunks.
constexpr std::size_t kWholeBytesMax = 64 << 10;

/// Whether RFC 9110 (9.2.2) lets a proxy send the request again by itself.
bool is_repeatable(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

bool is_event_stream(const net::HttpHeaders& headers) {
  const std::string_view type = headers.find("Content-Type").value_or("");
  return net::equals_ignoring_case(net::trim(type.substr(0, type.find(';'))), "text/event-stream");
}

/// Ends the request where its response is dropped, wherever that is.
class Receiver {
 public:
  explicit Receiver(std::shared_ptr<IncomingResponse> incoming) : incoming_(std::move(incoming)) {}
  ~Receiver() { incoming_->abandon(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  IncomingResponse* operator->() const { return incoming_.get(); }

 private:
  std::shared_ptr<IncomingResponse> incoming_;
};

Forwarder::Failure failure_of(HttpFailure failure) {
  const auto unavailable = [](unsigned status, const char* text) {
    return Forwarder::Failure{.status = status,
                              .error = {.code = ErrorCode::kUnavailable, .message = text}};
  };
  switch (failure) {
    case HttpFailure::kInvalid:
      return {.status = 400,
              .error = {.code = ErrorCode::kInvalidArgument,
                        .message = "The request's method or headers cannot be passed on."}};
    case HttpFailure::kFull:
      return {.status = 503,
              .error = {.code = ErrorCode::kResourceExhausted,
                        .message = "Too many requests wait for the server behind this one; try "
                                   "again in a while.",
                        .retry_after = std::chrono::seconds(1)}};
    case HttpFailure::kTimedOut:
      return {.status = 504,
              .error = {.code = ErrorCode::kDeadlineExceeded,
                        .message = "The server behind this one did not answer in time; whether it "
                                   "ran the operation is not known."}};
    case HttpFailure::kCutOff:
      return unavailable(502,
                         "The server behind this one ended the connection before its answer; "
                         "whether it ran the operation is not known.");
    case HttpFailure::kProtocol:
    case HttpFailure::kTooLarge:
      return unavailable(502, "The server behind this one gave no answer that can be passed on.");
    case HttpFailure::kCanceled:
      return unavailable(503, "The server stops.");
    case HttpFailure::kRefused:
    case HttpFailure::kResolve:
    case HttpFailure::kConnect:
    case HttpFailure::kTls:
      break;
  }
  return unavailable(502, "The server behind this one cannot be reached.");
}

/// Hands over a body as it comes. Throws where it breaks off, so that it does not look whole.
asio::awaitable<void> pass_body(std::shared_ptr<Receiver> receiver, net::BodyWriter& writer,
                                std::chrono::milliseconds patience) {
  Receiver& incoming = *receiver;
  while (true) {
    const Wait waited = co_await incoming->wait_for_data(patience);
    if (waited == Wait::kTimedOut) {
      throw net::BrokenBody("the upstream sent nothing for too long");
    }
    std::string data = incoming->take_data();
    if (data.empty()) {
      if (const auto error = incoming->error()) throw net::BrokenBody(error->message);
      co_return;
    }
    const bool written = co_await writer.write(std::move(data));
    if (!written) co_return;
  }
}

}  // namespace

Result<std::shared_ptr<const outbound::AddressGuard>> guard_for(const outbound::TargetUrl& url) {
  auto guard =
      outbound::AddressGuard::create({.allow = {url.address ? url.address->str() : url.host},
                                      .ports = {url.port},
                                      .allow_http = url.scheme == "http"});
  if (!guard) return std::unexpected(guard.error());
  return std::make_shared<const outbound::AddressGuard>(*std::move(guard));
}

Result<std::unique_ptr<Forwarder>> Forwarder::create(Options options, telemetry::Log log,
                                                     telemetry::Metrics* metrics) {
  const auto url = outbound::parse_target_url(options.url);
  if (!url) return fail(ErrorCode::kConfigInvalid, url.error().message);
  auto guard = guard_for(*url);
  if (!guard) return fail(ErrorCode::kConfigInvalid, guard.error().message);
  // Its metrics are of requests to targets of jobs; those here have their own.
  auto client = outbound::HttpClient::create({.in_flight_max = options.requests_max,
                                              .in_flight_per_origin_max = options.requests_max,
                                              .waiting_max = 0,
                                              .waiting_per_origin_max = 0,
                                              .ca_file = options.ca_file},
                                             *std::move(guard), nullptr);
  if (!client) return fail(ErrorCode::kConfigInvalid, client.error().message);
  return std::unique_ptr<Forwarder>(
      new Forwarder(std::move(options), *url, *std::move(client), std::move(log), metrics));
}

Forwarder::Forwarder(Options options, const outbound::TargetUrl& url,
                     std::unique_ptr<outbound::HttpClient> client, telemetry::Log log,
                     telemetry::Metrics* metrics)
    : options_(std::move(options)),
      url_(url.str()),
      client_(std::move(client)),
      log_(std::move(log)),
      metrics_(metrics) {}

void Forwarder::count(std::string_view outcome, SteadyTime begun) {
  if (metrics_ == nullptr) return;
  metrics_->counter(telemetry::kUpstreamRequests, {outcome}).add();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  metrics_->histogram(telemetry::kUpstreamRequestDuration).observe(seconds.count());
}

asio::awaitable<std::expected<net::HttpResponse, Forwarder::Failure>> Forwarder::forward(
    net::HttpRequest request, Cause cause) {
  const SteadyTime begun = std::chrono::steady_clock::now();
  const asio::any_io_executor strand = co_await asio::this_coro::executor;
  const auto incoming =
      std::make_shared<IncomingResponse>(strand, options_.buffer_bytes, kWholeBytesMax);
  const auto receiver = std::make_shared<Receiver>(incoming);
  const bool head_only = request.method == "HEAD";
  outbound::HttpRequest forwarded{.method = request.method,
                                  .url = with_query(url_, request.query),
                                  .headers = request_headers(request, cause),
                                  .body = std::move(request.body),
                                  .plain = true,
                                  .once = !is_repeatable(request.method),
                                  .deadline = begun + options_.stream_max,
                                  .connect_timeout = options_.connect_timeout,
                                  .response_bytes_max = std::numeric_limits<std::size_t>::max(),
                                  .stop = incoming->stop_token(),
                                  .sink = incoming};
  client_->fetch(std::move(forwarded),
                 [incoming](outbound::HttpResult result) { incoming->finish(std::move(result)); });

  const auto failed = [&](HttpFailure failure, std::string_view why) {
    count(to_string(failure), begun);
    log_.warn_limited("upstream gave no answer", {{"failure", to_string(failure)},
                                                  {"reason", why},
                                                  {"request_id", cause.request_id},
                                                  {"traceparent", cause.traceparent}});
    return std::unexpected(failure_of(failure));
  };
  const Wait head_waited = co_await incoming->wait_for_head(options_.timeout);
  if (head_waited == Wait::kTimedOut) {
    co_return failed(HttpFailure::kTimedOut, "no answer within upstream.timeout");
  }
  const auto head = incoming->take_head();
  if (!head) {
    const auto error = incoming->error();
    co_return failed(error ? error->failure : HttpFailure::kProtocol, error ? error->message : "");
  }

  net::HttpResponse response;
  response.status = head->status;
  response.headers = response_headers(head->headers);
  response.as_is = true;
  // In chunks too, it may have come whole together with its head.
  const bool whole = !head_only && incoming->ended();
  if (whole) {
    if (const auto error = incoming->error()) co_return failed(error->failure, error->message);
  }
  static constexpr std::array<std::string_view, 6> kClasses{"other", "1xx", "2xx",
                                                            "3xx",   "4xx", "5xx"};
  count(kClasses.at(head->status < 600 ? head->status / 100 : 0), begun);
  if (whole) {
    response.body = incoming->take_data();
    co_return response;
  }
  response.endless = is_event_stream(response.headers);
  response.stream = [receiver, patience = options_.idle_timeout](net::BodyWriter& writer) {
    return pass_body(receiver, writer, patience);
  };
  co_return response;
}

}  // namespace errand::upstream
