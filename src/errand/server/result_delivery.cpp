#include "errand/server/result_delivery.h"

#include <optional>
#include <utility>

#include "errand/telemetry/metric_names.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::execution::ResponseStream;
using graphql::execution::StreamedResponse;
using graphql::request::Response;
using graphql::request::Service;

namespace {

/// Label of errand_graphql_request_duration_seconds.
std::string_view duration_label(const StartedOperation& operation) noexcept {
  if (const auto* response = std::get_if<Response>(&operation)) return operation_type(*response);
  const auto& stream = *std::get<std::unique_ptr<ResponseStream>>(operation);
  return stream.kind() == ResponseStream::Kind::kSubscription ? "subscription" : "incremental";
}

/// Counts a stream while it is open.
class OpenStream {
 public:
  OpenStream(telemetry::Metrics* metrics, std::string_view transport)
      : gauge_(metrics == nullptr ? telemetry::Gauge()
                                  : metrics->gauge(telemetry::kSubscriptions, {transport})) {
    gauge_.add(1);
  }
  ~OpenStream() { gauge_.add(-1); }
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;

 private:
  telemetry::Gauge gauge_;
};

asio::awaitable<void> deliver_response(Response response, ResultSink& sink) {
  if (response.request_error()) {
    co_await sink.fail(std::move(response.body), OperationFailure::kRequest);
    co_return;
  }
  StreamedResponse only;
  only.body = std::move(response.body);
  const bool sent = co_await sink.next(std::move(only));
  if (sent) co_await sink.complete();
}

asio::awaitable<void> deliver_stream(std::unique_ptr<ResponseStream> stream, ResultSink& sink) {
  while (true) {
    std::optional<StreamedResponse> response = co_await stream->next();
    if (!response) break;
    if (response->failed) {
      co_await sink.fail(std::move(response->body), OperationFailure::kSource);
      co_return;
    }
    const bool sent = co_await sink.next(std::move(*response));
    if (!sent) co_return;
  }
  co_await sink.complete();
}

}  // namespace

asio::awaitable<StartedOperation> start_operation(const GraphqlDependencies& dependencies,
                                                  graphql::request::RequestParameters parameters,
                                                  RequestInfo info, Service::StartOptions options) {
  const Stopwatch stopwatch;
  StartedOperation operation = co_await dependencies.service.start(
      std::move(parameters), dependencies.make_context(std::move(info)), options);
  if (dependencies.metrics != nullptr) {
    dependencies.metrics->histogram(telemetry::kGraphqlRequestDuration, {duration_label(operation)})
        .observe(stopwatch.seconds());
  }
  if (const auto* response = std::get_if<Response>(&operation)) {
    count_rejected(dependencies.metrics, *response);
  }
  co_return operation;
}

asio::awaitable<void> deliver(StartedOperation operation, ResultSink& sink,
                              telemetry::Metrics* metrics, std::string_view transport) {
  if (auto* response = std::get_if<Response>(&operation)) {
    co_await deliver_response(std::move(*response), sink);
    co_return;
  }
  const OpenStream open(metrics, transport);
  co_await deliver_stream(std::move(std::get<std::unique_ptr<ResponseStream>>(operation)), sink);
}

std::string_view errors_of(std::string_view body) noexcept {
  constexpr std::string_view kOpening = "{\"errors\":";
  if (!body.starts_with(kOpening)) return "[]";
  return body.substr(kOpening.size(), body.size() - kOpening.size() - 1);
}

}  // namespace errand::server
