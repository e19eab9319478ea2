#include "errand/upstream/socket_relay.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "errand/async/deadline.h"
#include "errand/telemetry/metric_names.h"
#include "errand/upstream/relay_message.h"

namespace errand::upstream {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr const char* kSubprotocol = "graphql-transport-ws";

/// The code of a close or an HTTP status that speaks of credentials.
std::optional<ErrorCode> code_of_credentials(unsigned number) {
  switch (number) {
    case 401:
    case 4401:
      return ErrorCode::kUnauthenticated;
    case 403:
    case 4403:
      return ErrorCode::kForbidden;
    default:
      return std::nullopt;
  }
}

class CountedSocket {
 public:
  explicit CountedSocket(telemetry::Metrics* metrics)
      : gauge_(metrics == nullptr ? telemetry::Gauge()
                                  : metrics->gauge(telemetry::kUpstreamWebSockets)) {
    gauge_.add(1);
  }
  ~CountedSocket() { gauge_.add(-1); }
  CountedSocket(const CountedSocket&) = delete;
  CountedSocket& operator=(const CountedSocket&) = delete;

 private:
  telemetry::Gauge gauge_;
};

}  // namespace

SocketRelay::SocketRelay(Options options, const SocketConnector& connector, Client client,
                         telemetry::Log log, telemetry::Metrics* metrics)
    : options_(options),
      connector_(connector),
      client_(std::move(client)),
      log_(std::move(log)),
      metrics_(metrics),
      wake_writer_(client_.strand),
      tasks_([log = log_](std::string_view, const std::exception_ptr& error) {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          log.error("relay to the upstream failed", {{"error", e.what()}});
        } catch (...) {
          log.error("relay to the upstream failed");
        }
      }) {}

SocketRelay::~SocketRelay() = default;

Result<void> SocketRelay::subscribe(std::string id, std::string message) {
  if (!queue_.empty() && queue_bytes_ + message.size() > options_.queue_bytes_max) {
    count("refused");
    return fail(ErrorCode::kResourceExhausted,
                "Too much waits to be sent to the server behind this one; try again in a while.");
  }
  open_.insert(id);
  send({.id = std::move(id), .text = std::move(message)});
  if (!running_ && !closing_) {
    running_ = true;
    tasks_.spawn(client_.strand, "relay", run());
  }
  return {};
}

void SocketRelay::complete(std::string_view id) {
  if (open_.erase(std::string(id)) == 0) return;
  count("stopped");
  const auto unsent = std::ranges::find(queue_, id, &Outgoing::id);
  if (unsent != queue_.end()) {
    queue_bytes_ -= unsent->text.size();
    queue_.erase(unsent);
    return;
  }
  send({.id = "", .text = relay_message::complete(id)});
}

void SocketRelay::send(Outgoing message) {
  queue_bytes_ += message.text.size();
  queue_.push_back(std::move(message));
  wake_writer_.notify();
}

asio::awaitable<void> SocketRelay::close() {
  closing_ = true;
  open_.clear();
  wake_writer_.notify();
  // The writer says goodbye; a peer that does not answer is cut.
  asio::steady_timer timer(client_.strand, options_.close_timeout);
  timer.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (ec) return;
    if (self->socket_) self->socket_->cut();
    self->tasks_.cancel();
  });
  if (!acknowledged_) {  // nobody to take leave of
    if (socket_) socket_->cut();
    tasks_.cancel();
  }
  co_await tasks_.join();
  timer.cancel();
}

asio::awaitable<void> SocketRelay::run() {
  const auto self = shared_from_this();
  std::exception_ptr failure;
  try {
    while (!closing_ && !open_.empty()) {
      Error why = co_await open_and_serve();
      // What is left in the queue concerns operations that are over, or fail now.
      co_await fail_all(std::move(why));
    }
  } catch (...) {
    failure = std::current_exception();
  }
  running_ = false;
  if (!failure || closing_) co_return;
  co_await fail_all({.code = ErrorCode::kInternal,
                     .message = "The server failed on this operation; see its log."});
  std::rethrow_exception(failure);
}

asio::awaitable<Error> SocketRelay::open_and_serve() {
  over_ = false;
  acknowledged_ = false;
  auto connected = co_await connector_.connect(client_.headers, client_.query, kSubprotocol,
                                               steady_clock::now() + options_.connect_timeout);
  if (!connected) {
    const SocketConnector::Refusal& refusal = connected.error();
    log_.warn_limited("upstream takes no WebSocket", {{"reason", refusal.text}});
    Error why{.code = code_of_credentials(refusal.status).value_or(ErrorCode::kUnavailable),
              .message = "The server behind this one cannot be reached by WebSocket."};
    if (refusal.status != 0) {
      why.message = fmt::format("The server behind this one refused the WebSocket with status {}.",
                                refusal.status);
    }
    co_return why;
  }
  socket_ = *std::move(connected);
  const CountedSocket counted(metrics_);
  Error why = co_await serve(socket_);
  socket_->cut();
  socket_.reset();
  acknowledged_ = false;
  co_return why;
}

asio::awaitable<Error> SocketRelay::serve(std::shared_ptr<ClientSocket> socket) {
  const bool greeted = co_await socket->write(client_.connection_init);
  if (!greeted) co_return closed_error(*socket, {});
  const auto deadline = steady_clock::now() + options_.ack_timeout;
  const auto refused = co_await async::with_deadline(deadline, wait_for_ack(socket));
  // The read that was cancelled then has an error of its own to tell.
  if (!refused || (*refused && steady_clock::now() >= deadline)) {
    co_return Error{.code = ErrorCode::kDeadlineExceeded,
                    .message =
                        "The server behind this one did not acknowledge the WebSocket in "
                        "time."};
  }
  if (*refused) co_return **refused;
  acknowledged_ = true;

  auto [order, read_error, why, write_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(client_.strand, read_loop(socket), asio::deferred),
          asio::co_spawn(client_.strand, write_loop(socket), asio::deferred))
          .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  if (read_error) std::rethrow_exception(read_error);
  if (write_error) std::rethrow_exception(write_error);
  co_return why;
}

asio::awaitable<std::optional<Error>> SocketRelay::wait_for_ack(
    std::shared_ptr<ClientSocket> socket) {
  while (true) {
    const auto text = co_await socket->read();
    if (!text) co_return closed_error(*socket, text.error());
    auto head = relay_message::read(*text);
    if (!head) co_return closed_error(*socket, head.error());
    if (head->type == relay_message::Type::kAck) co_return std::nullopt;
    if (head->type != relay_message::Type::kPing) continue;
    const bool answered = co_await socket->write(std::move(head->pong));
    if (!answered) co_return closed_error(*socket, {});
  }
}

asio::awaitable<void> SocketRelay::write_loop(std::shared_ptr<ClientSocket> socket) {
  while (!over_) {
    if (!queue_.empty()) {
      Outgoing next = std::move(queue_.front());
      queue_.pop_front();
      queue_bytes_ -= next.text.size();
      if (next.pong) pong_waits_ = false;
      const bool written = co_await socket->write(std::move(next.text));
      if (!written) {
        socket->cut();  // so that the reader ends too
        co_return;
      }
      continue;
    }
    if (closing_) {
      co_await socket->close({.code = 1000, .reason = ""});
      socket->cut();
      co_return;
    }
    co_await wake_writer_.wait();
  }
}

asio::awaitable<Error> SocketRelay::read_loop(std::shared_ptr<ClientSocket> socket) {
  using relay_message::Type;
  Error why;
  while (true) {
    auto text = co_await socket->read();
    if (!text) {
      why = closed_error(*socket, text.error());
      break;
    }
    auto head = relay_message::read(*text);
    if (!head) {
      why = closed_error(*socket, head.error());
      break;
    }
    if (head->type == Type::kPing && !pong_waits_) {
      pong_waits_ = true;
      send({.id = "", .text = std::move(head->pong), .pong = true});
    }
    if (head->type == Type::kAck || head->type == Type::kPing || head->type == Type::kPong) {
      continue;
    }
    // What comes late for an operation that the client has stopped is dropped.
    if (!open_.contains(head->id)) continue;
    if (head->type != Type::kNext) {
      open_.erase(head->id);
      count(head->type == Type::kError ? "error" : "completed");
      client_.ended(head->id);
    }
    const bool passed = co_await client_.send(*std::move(text));
    if (!passed) {
      why = {.code = ErrorCode::kCancelled, .message = "The client left."};
      break;
    }
  }
  over_ = true;
  wake_writer_.notify();
  co_return why;
}

asio::awaitable<void> SocketRelay::fail_all(Error why) {
  queue_.clear();
  queue_bytes_ = 0;
  pong_waits_ = false;
  const auto failing = std::exchange(open_, {});
  for (const std::string& id : failing) {
    count("failed");
    co_await client_.failed(id, why);
  }
}

Error SocketRelay::closed_error(const ClientSocket& socket, const Error& why) const {
  const net::WebSocketClose closed = socket.closed_by_peer();
  if (closed.code == 0) {
    if (!closing_) {
      log_.warn_limited("WebSocket to the upstream broke", {{"reason", why.message}});
    }
    return {.code = ErrorCode::kUnavailable,
            .message = "The connection to the server behind this one broke. " + why.message};
  }
  return {.code = code_of_credentials(closed.code).value_or(ErrorCode::kUnavailable),
          .message = fmt::format("The server behind this one closed the WebSocket: {} {}",
                                 closed.code, closed.reason)};
}

void SocketRelay::count(std::string_view outcome) {
  if (metrics_ != nullptr) metrics_->counter(telemetry::kUpstreamOperations, {outcome}).add();
}

}  // namespace errand::upstream
