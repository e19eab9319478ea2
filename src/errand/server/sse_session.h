#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "errand/async/task_group.h"
#include "errand/net/http_message.h"
#include "errand/server/result_delivery.h"

namespace errand::server {

/// One event stream of the single connection mode and the operations that write into it. Private to
/// SseConnections.
///
/// Lives on a strand; the coroutines may be awaited from any other. A result is written on the
/// stream's own strand and awaited there, so that sources are read as fast as the client reads, and
/// nothing is queued here. close() must have returned before it goes.
class SseSession : public std::enable_shared_from_this<SseSession> {
 public:
  struct Options {
    std::size_t operations_max = 100;  ///< at once on one stream
  };

  /// How starting an operation came out.
  enum class Start : std::uint8_t { kAccepted, kRequestError, kIdInUse, kTooMany, kClosed };
  struct StartResult {
    Start outcome = Start::kAccepted;
    graphql::request::Response response;  ///< of a request error
  };

  /// @param executor  a strand
  SseSession(boost::asio::any_io_executor executor, const GraphqlDependencies& dependencies,
             Options options);

  /// Starts an operation, whose results go into the stream as soon as there is one.
  boost::asio::awaitable<StartResult> start(std::string id,
                                            graphql::request::RequestParameters parameters,
                                            RequestInfo info,
                                            graphql::request::Service::StartOptions options);

  /// Ends an operation; unknown ids are ignored.
  boost::asio::awaitable<void> end(std::string id);

  /// Writes what the operations give, and heartbeats, into `writer` until the client leaves or the
  /// server stops; then the session is closed. Runs on the strand of `writer`.
  boost::asio::awaitable<void> serve(net::BodyWriter& writer, Milliseconds heartbeat);

  /// Ends all operations and takes no new ones. Idempotent.
  boost::asio::awaitable<void> close();

  [[nodiscard]] boost::asio::any_io_executor executor() const { return executor_; }

 private:
  struct Operation;
  class Sink;
  using OperationPtr = std::shared_ptr<Operation>;

  // All of these run on the strand.
  boost::asio::awaitable<StartResult> start_here(std::string id,
                                                 graphql::request::RequestParameters parameters,
                                                 RequestInfo info,
                                                 graphql::request::Service::StartOptions options);
  boost::asio::awaitable<void> end_here(std::string id);
  boost::asio::awaitable<void> attach(net::BodyWriter& writer,
                                      boost::asio::any_io_executor writer_executor);
  boost::asio::awaitable<void> close_here();
  boost::asio::awaitable<void> run(OperationPtr operation, StartedOperation started);
  boost::asio::awaitable<void> wait_and_deliver(OperationPtr operation, StartedOperation started);
  boost::asio::awaitable<bool> write(std::string event);
  void finish(Operation& operation);

  boost::asio::any_io_executor executor_;
  const GraphqlDependencies& deps_;
  const Options options_;
  net::BodyWriter* writer_ = nullptr;  ///< while there is a stream
  boost::asio::any_io_executor writer_executor_;
  boost::asio::steady_timer attached_;  ///< cancelled when there is a stream
  bool closed_ = false;
  async::TaskGroup operations_;
  std::unordered_map<std::string, OperationPtr> by_id_;
};

}  // namespace errand::server
