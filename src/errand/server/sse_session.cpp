#include "errand/server/sse_session.h"

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "errand/async/deadline.h"
#include "errand/server/sse_message.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::execution::StreamedResponse;
using graphql::request::Outcome;
using graphql::request::Response;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// For what runs on the strand of another connection: the signal that would cancel it belongs to
/// the one who waits, and may be gone when that other strand comes to emit it (Boost 1.81).
auto uncancelled() {
  return asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable);
}

}  // namespace

struct SseSession::Operation {
  std::string id;
  bool stopped = false;  ///< nothing more is sent for it
  asio::cancellation_signal cancellation;
};

class SseSession::Sink final : public ResultSink {
 public:
  Sink(SseSession& session, Operation& operation) : session_(session), operation_(operation) {}

  asio::awaitable<bool> next(StreamedResponse response) override {
    if (operation_.stopped) co_return false;
    const bool written = co_await session_.write(sse::next_of(operation_.id, response.body));
    co_return written && !operation_.stopped;
  }
  asio::awaitable<void> fail(std::string body, OperationFailure) override {
    return end(sse::next_of(operation_.id, body) + sse::complete_of(operation_.id));
  }
  asio::awaitable<void> complete() override { return end(sse::complete_of(operation_.id)); }

 private:
  asio::awaitable<void> end(std::string events) {
    if (operation_.stopped) co_return;
    // The id is free before its client hears of the end, and may use it again.
    session_.finish(operation_);
    co_await session_.write(std::move(events));
  }

  SseSession& session_;
  Operation& operation_;
};

SseSession::SseSession(asio::any_io_executor executor, const GraphqlDependencies& dependencies,
                       Options options)
    : executor_(std::move(executor)),
      deps_(dependencies),
      options_(options),
      attached_(executor_, asio::steady_timer::time_point::max()),
      operations_([log = dependencies.log](std::string_view, const std::exception_ptr& error) {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          log.error("GraphQL operation failed", {{"error", e.what()}});
        } catch (...) {
          log.error("GraphQL operation failed");
        }
      }) {}

asio::awaitable<SseSession::StartResult> SseSession::start(
    std::string id, graphql::request::RequestParameters parameters, RequestInfo info,
    graphql::request::Service::StartOptions options) {
  const auto self = shared_from_this();
  co_return co_await asio::co_spawn(
      executor_, start_here(std::move(id), std::move(parameters), std::move(info), options),
      uncancelled());
}

asio::awaitable<SseSession::StartResult> SseSession::start_here(
    std::string id, graphql::request::RequestParameters parameters, RequestInfo info,
    graphql::request::Service::StartOptions options) {
  const auto result = [](Start outcome) { return StartResult{.outcome = outcome, .response = {}}; };
  if (closed_) co_return result(Start::kClosed);
  if (by_id_.contains(id)) co_return result(Start::kIdInUse);
  if (by_id_.size() >= options_.operations_max) co_return result(Start::kTooMany);
  auto operation = std::make_shared<Operation>();
  operation->id = std::move(id);
  by_id_.emplace(operation->id, operation);
  // The id is taken while the operation starts, and free again where nothing comes of it, be it by
  // an exception.
  struct Reservation {
    SseSession* session;
    Operation& operation;
    ~Reservation() {
      if (session != nullptr) session->finish(operation);
    }
  } reservation{this, *operation};

  StartedOperation started =
      co_await start_operation(deps_, std::move(parameters), std::move(info), options);
  if (auto* response = std::get_if<Response>(&started);
      response != nullptr && response->request_error()) {
    co_return StartResult{.outcome = Start::kRequestError, .response = std::move(*response)};
  }
  if (closed_) co_return result(Start::kClosed);
  reservation.session = nullptr;
  operations_.spawn(executor_, "operation", run(std::move(operation), std::move(started)));
  co_return result(Start::kAccepted);
}

asio::awaitable<void> SseSession::run(OperationPtr operation, StartedOperation started) {
  const auto self = shared_from_this();
  if (operation->stopped) co_return;
  const auto [error] =
      co_await asio::co_spawn(executor_, wait_and_deliver(operation, std::move(started)),
                              asio::bind_cancellation_slot(operation->cancellation.slot(), kTuple));
  if (operation->stopped) co_return;
  finish(*operation);
  if (!error) co_return;
  const Response failure = Response::failure(Outcome::kFailed, ErrorCode::kInternal,
                                             "The server failed on this operation; see its log.");
  co_await write(sse::next_of(operation->id, failure.body) + sse::complete_of(operation->id));
  std::rethrow_exception(error);
}

asio::awaitable<void> SseSession::wait_and_deliver(OperationPtr operation,
                                                   StartedOperation started) {
  while (writer_ == nullptr) {
    co_await attached_.async_wait(kTuple);  // ended by attach(), or by the operation's end
    if (operation->stopped) co_return;
  }
  Sink sink(*this, *operation);
  co_await deliver(std::move(started), sink, deps_.metrics, "sse");
}

asio::awaitable<bool> SseSession::write(std::string event) {
  if (writer_ == nullptr || closed_) co_return false;
  // An operation that ends while its piece goes out must not cut it short: the stream is shared.
  const auto [error, written] =
      co_await asio::co_spawn(writer_executor_, writer_->write(std::move(event)),
                              asio::bind_cancellation_slot(asio::cancellation_slot(), kTuple));
  co_return !error && written;
}

asio::awaitable<void> SseSession::end(std::string id) {
  const auto self = shared_from_this();
  co_await asio::co_spawn(executor_, end_here(std::move(id)), uncancelled());
}

asio::awaitable<void> SseSession::end_here(std::string id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) co_return;
  const OperationPtr operation = found->second;
  finish(*operation);
  operation->cancellation.emit(asio::cancellation_type::terminal);
}

void SseSession::finish(Operation& operation) {
  if (operation.stopped) return;
  operation.stopped = true;
  by_id_.erase(operation.id);
}

asio::awaitable<void> SseSession::serve(net::BodyWriter& writer, Milliseconds heartbeat) {
  const auto self = shared_from_this();
  const auto writer_executor = co_await asio::this_coro::executor;
  std::exception_ptr failure;
  try {
    // First of all, so that the client sees its stream before any result.
    bool alive = co_await writer.write(std::string(sse::kKeepAlive));
    co_await asio::co_spawn(executor_, attach(writer, writer_executor), uncancelled());
    while (alive) {
      co_await async::sleep_for(heartbeat);
      alive = co_await writer.write(std::string(sse::kKeepAlive));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  // The operations must end before the writer does, also when this coroutine is cancelled.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await close();
  if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> SseSession::attach(net::BodyWriter& writer,
                                         asio::any_io_executor writer_executor) {
  writer_ = &writer;
  writer_executor_ = std::move(writer_executor);
  attached_.cancel();
  co_return;
}

asio::awaitable<void> SseSession::close() {
  const auto self = shared_from_this();
  co_await asio::co_spawn(executor_, close_here(), uncancelled());
}

asio::awaitable<void> SseSession::close_here() {
  closed_ = true;
  const auto open = std::exchange(by_id_, {});
  for (const auto& [id, operation] : open) {
    operation->stopped = true;
    operation->cancellation.emit(asio::cancellation_type::terminal);
  }
  co_await operations_.join();
  writer_ = nullptr;
}

}  // namespace errand::server
