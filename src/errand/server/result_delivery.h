#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include "errand/graphql/request/service.h"
#include "errand/server/graphql_http.h"

namespace errand::server {

/// What became of an operation: its one response, or the stream of them.
using StartedOperation =
    std::variant<graphql::request::Response, std::unique_ptr<graphql::execution::ResponseStream>>;

/// Why an operation ended early.
enum class OperationFailure : std::uint8_t {
  kRequest,  ///< a request error: nothing came of it
  kSource,   ///< the source stream failed, perhaps after results
};

/// Takes what comes of one operation and sends it in the words of one transport.
class ResultSink {
 public:
  virtual ~ResultSink() = default;

  /// Sends a result, or a part of one. Waits while the client reads too slowly, so that the source
  /// is read no faster than its client reads.
  /// @return false when nobody wants more.
  virtual boost::asio::awaitable<bool> next(graphql::execution::StreamedResponse response) = 0;

  /// Ends the operation early. Nothing follows.
  /// @param body  {"errors":[…]} as JSON text
  virtual boost::asio::awaitable<void> fail(std::string body, OperationFailure why) = 0;

  /// Ends the operation. Nothing follows.
  virtual boost::asio::awaitable<void> complete() = 0;
};

/// Starts an operation and measures the start.
boost::asio::awaitable<StartedOperation> start_operation(
    const GraphqlDependencies& dependencies, graphql::request::RequestParameters parameters,
    RequestInfo info, graphql::request::Service::StartOptions options);

/// Pulls everything that comes of `operation` and hands it to `sink`, until the end of one of them:
/// the one loop of all streaming transports. Open streams are counted in the metrics.
/// @param metrics    may be null
/// @param transport  label of the metric, such as "websocket"
boost::asio::awaitable<void> deliver(StartedOperation operation, ResultSink& sink,
                                     telemetry::Metrics* metrics, std::string_view transport);

/// The list of errors in the body of a failure, as JSON text.
std::string_view errors_of(std::string_view body) noexcept;

}  // namespace errand::server
