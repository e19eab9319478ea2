#include "errand/server/stream_response.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "errand/async/deadline.h"
#include "errand/server/multipart_writer.h"
#include "errand/server/sse_message.h"

namespace errand::server {

namespace asio = boost::asio;
using graphql::execution::ResponseStream;
using graphql::execution::StreamedResponse;

namespace {

/// A sink that can show that its stream lives.
class StreamSink : public ResultSink {
 public:
  /// @return false once the client is gone.
  virtual asio::awaitable<bool> beat() = 0;
};

class EventStreamSink final : public StreamSink {
 public:
  explicit EventStreamSink(net::BodyWriter& writer) : writer_(writer) {}

  asio::awaitable<bool> next(StreamedResponse response) override {
    co_return co_await writer_.write(sse::next(response.body, response.event_id));
  }
  asio::awaitable<void> fail(std::string body, OperationFailure) override {
    co_await writer_.write(sse::next(body, "") + sse::complete());
  }
  asio::awaitable<void> complete() override { co_await writer_.write(sse::complete()); }
  asio::awaitable<bool> beat() override {
    co_return co_await writer_.write(std::string(sse::kKeepAlive));
  }

 private:
  net::BodyWriter& writer_;
};

/// Parts of Apollo's protocol for subscriptions over HTTP.
class SubscriptionPartsSink final : public StreamSink {
 public:
  explicit SubscriptionPartsSink(net::BodyWriter& writer) : writer_(writer) {}

  asio::awaitable<bool> next(StreamedResponse response) override {
    co_return co_await writer_.part(R"({"payload":)" + response.body + "}");
  }
  asio::awaitable<void> fail(std::string body, OperationFailure why) override {
    // A request error is a response; a source that failed is the transport's to tell.
    std::string part = why == OperationFailure::kRequest
                           ? R"({"payload":)" + body + "}"
                           : R"({"payload":null,"errors":)" + std::string(errors_of(body)) + "}";
    co_await writer_.part(part);
    co_await writer_.close();
  }
  asio::awaitable<void> complete() override { co_await writer_.close(); }
  asio::awaitable<bool> beat() override { co_return co_await writer_.part("{}"); }

 private:
  MultipartWriter writer_;
};

class IncrementPartsSink final : public StreamSink {
 public:
  explicit IncrementPartsSink(net::BodyWriter& writer) : writer_(writer) {}

  asio::awaitable<bool> next(StreamedResponse response) override {
    co_return co_await writer_.part(response.body);
  }
  asio::awaitable<void> fail(std::string body, OperationFailure) override {
    co_await writer_.part(body);
    co_await writer_.close();
  }
  asio::awaitable<void> complete() override { co_await writer_.close(); }
  asio::awaitable<bool> beat() override { co_return true; }

 private:
  MultipartWriter writer_;
};

std::unique_ptr<StreamSink> make_sink(StreamForm form, net::BodyWriter& writer) {
  switch (form) {
    case StreamForm::kEventStream:
      return std::make_unique<EventStreamSink>(writer);
    case StreamForm::kSubscriptionParts:
      return std::make_unique<SubscriptionPartsSink>(writer);
    case StreamForm::kDraftIncrements:
    case StreamForm::k20220824Increments:
      break;
  }
  return std::make_unique<IncrementPartsSink>(writer);
}

std::string content_type(StreamForm form) {
  switch (form) {
    case StreamForm::kEventStream:
      return "text/event-stream; charset=utf-8";
    case StreamForm::kSubscriptionParts:
      return MultipartWriter::content_type("subscriptionSpec=1.0");
    case StreamForm::kDraftIncrements:
      return MultipartWriter::content_type("incrementalSpec=v0.2");
    case StreamForm::k20220824Increments:
      break;
  }
  return MultipartWriter::content_type("deferSpec=20220824");
}

/// Passes on to a sink, and knows whether it is at work.
class BusySink final : public ResultSink {
 public:
  explicit BusySink(StreamSink& sink) : sink_(sink) {}

  asio::awaitable<bool> next(StreamedResponse response) override {
    busy_ = true;
    const bool sent = co_await sink_.next(std::move(response));
    busy_ = false;
    co_return sent;
  }
  asio::awaitable<void> fail(std::string body, OperationFailure why) override {
    busy_ = true;  // for good: nothing may follow
    co_await sink_.fail(std::move(body), why);
  }
  asio::awaitable<void> complete() override {
    busy_ = true;  // for good: nothing may follow
    co_await sink_.complete();
  }

  /// Returns when the client is gone.
  asio::awaitable<void> beat_every(Milliseconds interval) {
    bool alive = true;
    while (alive) {
      co_await async::sleep_for(interval);
      // A piece under way is sign enough, and a beat that waits for its turn could be cancelled
      // half-written when the operation ends.
      if (!busy_) alive = co_await sink_.beat();
    }
  }

 private:
  StreamSink& sink_;
  bool busy_ = false;
};

asio::awaitable<void> write_stream(StartedOperation operation, StreamResponseOptions options,
                                   net::BodyWriter& writer) {
  const std::unique_ptr<StreamSink> sink = make_sink(options.form, writer);
  BusySink busy(*sink);
  const bool events = options.form == StreamForm::kEventStream;
  const auto executor = co_await asio::this_coro::executor;
  const auto [order, delivered, beaten] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(
              executor,
              deliver(std::move(operation), busy, options.metrics, events ? "sse" : "multipart"),
              asio::deferred),
          asio::co_spawn(executor, busy.beat_every(options.heartbeat), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 0 && delivered) std::rethrow_exception(delivered);
  if (order[0] == 1 && beaten) std::rethrow_exception(beaten);
}

bool is_endless(const StartedOperation& operation) {
  const auto* stream = std::get_if<std::unique_ptr<ResponseStream>>(&operation);
  return stream != nullptr && (*stream)->kind() == ResponseStream::Kind::kSubscription;
}

net::HttpResponse stream_head(StreamForm form) {
  net::HttpResponse response;
  response.headers.add("Content-Type", content_type(form));
  // no-transform: a proxy that packs or rewrites would hold pieces back.
  response.headers.add("Cache-Control", "no-cache, no-store, no-transform");
  response.headers.add("X-Accel-Buffering", "no");  // nginx would collect the pieces
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Vary", "Accept");
  return response;
}

}  // namespace

net::HttpResponse event_stream_response() { return stream_head(StreamForm::kEventStream); }

net::HttpResponse stream_response(StartedOperation operation, StreamResponseOptions options) {
  net::HttpResponse response = stream_head(options.form);
  response.endless = is_endless(operation);
  // A std::function is copied, at least in principle.
  auto shared = std::make_shared<StartedOperation>(std::move(operation));
  response.stream = [shared, options](net::BodyWriter& writer) {
    return write_stream(std::move(*shared), options, writer);
  };
  return response;
}

}  // namespace errand::server
