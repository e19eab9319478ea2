#include "errand/net/web_socket.h"

#include <deque>
#include <mutex>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "errand/async/event.h"
#include "errand/base/crash_point.h"
#include "errand/base/utf8.h"
#include "errand/net/accepted_web_socket.h"
#include "errand/net/draining_socket.h"

namespace errand::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReasonBytesMax = 123;

using CorkOption = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_CORK>;

/// The first of `served` that the client offers, "" when none.
std::string choose_subprotocol(const std::vector<std::string>& served, const HttpHeaders& headers) {
  const std::string offered = headers.joined("Sec-WebSocket-Protocol");
  for (const std::string& protocol : served) {
    std::string_view rest = offered;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      std::string_view item = rest.substr(0, comma);
      while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
      while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
      if (item == protocol) return protocol;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return "";
}

class BeastWebSocket final : public AcceptedWebSocket,
                             public std::enable_shared_from_this<BeastWebSocket> {
 public:
  BeastWebSocket(asio::ip::tcp::socket socket, WebSocketAccept accept, telemetry::Log log)
      : executor_(socket.get_executor()),
        accept_(std::move(accept)),
        log_(std::move(log)),
        stream_(DrainingSocket(std::move(socket))),
        close_timer_(executor_),
        write_timer_(executor_),
        room_timer_(executor_, asio::steady_timer::time_point::max()),
        wake_writer_(executor_) {
    const WebSocketOptions& options = accept_.options;
    stream_.set_option(websocket::stream_base::timeout{.handshake_timeout = options.close_timeout,
                                                       .idle_timeout = options.idle_timeout,
                                                       .keep_alive_pings = true});
    stream_.read_message_max(options.message_bytes_max);
    stream_.auto_fragment(false);
    stream_.text(true);
  }

  asio::awaitable<void> serve(HttpRequest request) override {
    const auto self = shared_from_this();
    const bool accepted = co_await accept(&request);
    if (!accepted) co_return;
    const bool agreed = accept_.subprotocols.empty() || !subprotocol_.empty();
    if (!agreed) close(accept_.refusal);

    // Writer and handler run side by side; both have ended before this returns.
    using asio::experimental::make_parallel_group;
    using asio::experimental::wait_for_all;
    co_await make_parallel_group(
        asio::co_spawn(executor_, write_loop(), asio::deferred),
        asio::co_spawn(executor_, read_side(agreed, std::move(request)), asio::deferred))
        .async_wait(wait_for_all(), asio::as_tuple(asio::use_awaitable));
    close_timer_.cancel();
    shut();
  }

  asio::awaitable<Result<Message>> read() override {
    while (true) {
      beast::flat_buffer buffer;
      const auto [ec, bytes] = co_await stream_.async_read(buffer, kTuple);
      static_cast<void>(bytes);
      if (ec) co_return std::unexpected(read_failed(ec));
      // After our close frame the peer's late messages no longer count.
      if (closing()) continue;
      const auto data = buffer.data();
      Message message{.data = std::string(static_cast<const char*>(data.data()), data.size()),
                      .text = stream_.got_text()};
      // Beast 1.81 takes a text that ends within a character where its last fragment is empty.
      if (message.text && !is_valid_utf8(message.data)) {
        begin_close({1007, "The text is not UTF-8"}, true);
        co_return fail(ErrorCode::kProtocolError, "A text message is not UTF-8.");
      }
      co_return message;
    }
  }

  bool send(std::string text) override {
    {
      const std::lock_guard lock(mutex_);
      if (close_ || !room_for(text.size())) return false;
      queue_bytes_ += text.size();
      queue_.push_back(std::move(text));
    }
    wake_writer_.notify();
    return true;
  }

  asio::awaitable<bool> send_when_room(std::string text) override {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (close_) co_return false;
        if (room_for(text.size())) break;
      }
      // Ended by the writer, by the close, or by the cancellation of the one who waits.
      co_await room_timer_.async_wait(kTuple);
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
      }
    }
    co_return send(std::move(text));
  }

  bool has_room(std::size_t bytes) const override {
    const std::lock_guard lock(mutex_);
    return !close_ && room_for(bytes);
  }

  void close(WebSocketClose why) override { begin_close(std::move(why), false); }
  void close_now(WebSocketClose why) override { begin_close(std::move(why), true); }

  std::optional<WebSocketClose> closed_by_peer() const override {
    const std::lock_guard lock(mutex_);
    return closed_by_peer_;
  }

  const std::string& subprotocol() const override { return subprotocol_; }
  asio::any_io_executor executor() const override { return executor_; }

  void abort() override { end_all(); }

 private:
  asio::awaitable<bool> accept(const HttpRequest* request) {
    subprotocol_ = choose_subprotocol(accept_.subprotocols, request->headers);
    stream_.set_option(
        websocket::stream_base::decorator([this](websocket::response_type& response) {
          response.set(beast::http::field::server, "errand");
          if (!subprotocol_.empty()) {
            response.set(beast::http::field::sec_websocket_protocol, subprotocol_);
          }
        }));
    beast::http::request<beast::http::string_body> head(beast::http::verb::get, request->path, 11);
    for (const auto& [name, value] : request->headers.fields()) head.insert(name, value);
    const auto [ec] = co_await stream_.async_accept(head, kTuple);
    if (ec) {
      log_.warn_limited("WebSocket handshake refused",
                        {{"error", ec.message()}, {"peer", request->peer}});
      shut();
      co_return false;
    }
    co_return true;
  }

  /// The handler, or what takes its place where there is no subprotocol in common.
  asio::awaitable<void> read_side(bool agreed, HttpRequest request) {
    const std::string peer = request.peer;
    auto handler =
        agreed ? accept_.handler(shared_from_this(), std::move(request)) : drop_messages();
    const auto [error] =
        co_await asio::co_spawn(executor_, std::move(handler),
                                asio::bind_cancellation_slot(read_cancellation_.slot(), kTuple));
    if (!error) {
      close({1000, ""});
      co_return;
    }
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      if (e.code() != asio::error::operation_aborted) {
        log_.error("WebSocket handler failed", {{"error", e.what()}, {"peer", peer}});
      }
    } catch (const std::exception& e) {
      log_.error("WebSocket handler failed", {{"error", e.what()}, {"peer", peer}});
    } catch (...) {
      log_.error("WebSocket handler failed", {{"peer", peer}});
    }
    close({1011, "Internal error"});
  }

  /// Waits for the peer's close frame.
  asio::awaitable<void> drop_messages() {
    while (true) {
      const auto message = co_await read();
      if (!message) co_return;
    }
  }

  asio::awaitable<void> write_loop() {
    while (true) {
      std::deque<std::string> batch;
      std::optional<WebSocketClose> closing;
      {
        const std::lock_guard lock(mutex_);
        batch.swap(queue_);
        queue_bytes_ = 0;
        closing = close_;
      }
      if (!batch.empty()) {
        room_timer_.cancel();
        start_write_timer();
        const bool written = co_await write_batch(std::move(batch));
        write_timer_.cancel();
        if (!written) {
          // The peer is gone, or reads no more: nothing that is sent would arrive.
          begin_close({1006, ""}, true);
          shut();
          co_return;
        }
        continue;
      }
      if (closing) {
        websocket::close_reason reason;
        reason.code = closing->code;
        const std::string_view text = cut_utf8(closing->reason, kReasonBytesMax);
        reason.reason = beast::string_view(text.data(), text.size());
        // Fails where the peer closed first or is gone: all the same.
        co_await stream_.async_close(
            reason, asio::bind_cancellation_slot(close_cancellation_.slot(), kTuple));
        shut();
        co_return;
      }
      co_await wake_writer_.wait();
    }
  }

  void start_write_timer() {
    write_timer_.expires_after(accept_.options.write_timeout);
    write_timer_.async_wait([weak = weak_from_this()](const error_code& ec) {
      const auto self = weak.lock();
      if (ec || !self) return;
      self->log_.warn_limited("WebSocket peer reads too slowly");
      self->begin_close({1013, "You read too slowly; connect again"}, true);
    });
  }

  /// Several messages that wait together share packets.
  asio::awaitable<bool> write_batch(std::deque<std::string> batch) {
    error_code ignored;
    const bool cork = batch.size() > 1;
    if (cork) stream_.next_layer().set_option(CorkOption(true), ignored);
    for (const std::string& message : batch) {
      const auto [ec, bytes] = co_await stream_.async_write(asio::buffer(message), kTuple);
      static_cast<void>(bytes);
      if (ec) co_return false;
      crash_point(CrashPoint::kAfterFrame);
    }
    if (cork) stream_.next_layer().set_option(CorkOption(false), ignored);
    co_return true;
  }

  Error read_failed(const error_code& ec) {
    const auto end = [this](WebSocketClose why, ErrorCode code, std::string text) {
      // Beast has sent the close frame where one is due.
      begin_close(std::move(why), true);
      return Error{code, std::move(text)};
    };
    if (ec == websocket::error::closed) {
      const auto& reason = stream_.reason();
      {
        const std::lock_guard lock(mutex_);
        closed_by_peer_ =
            WebSocketClose{reason.code, std::string(reason.reason.data(), reason.reason.size())};
      }
      return end({1000, ""}, ErrorCode::kUnavailable, "The peer closed the connection.");
    }
    if (ec == websocket::error::message_too_big) {
      return end({1009, ""}, ErrorCode::kPayloadTooLarge,
                 "A message is longer than " + std::to_string(accept_.options.message_bytes_max) +
                     " bytes.");
    }
    if (ec == beast::error::timeout) {
      return end({1006, ""}, ErrorCode::kDeadlineExceeded, "The peer gave no sign of life.");
    }
    if (ec == asio::error::operation_aborted) {
      return end({1001, ""}, ErrorCode::kCancelled, "The connection was cancelled.");
    }
    if (ec == websocket::condition::protocol_violation ||
        ec == websocket::error::bad_frame_payload) {
      return end({1002, ""}, ErrorCode::kProtocolError, "Malformed frame: " + ec.message() + ".");
    }
    return end({1006, ""}, ErrorCode::kUnavailable, "The connection is gone.");
  }

  void begin_close(WebSocketClose why, bool drop_queue) {
    {
      const std::lock_guard lock(mutex_);
      if (drop_queue) {
        queue_.clear();
        queue_bytes_ = 0;
      }
      if (close_) return;
      close_ = std::move(why);
    }
    wake_writer_.notify();
    // A peer that does not read must not hold the connection.
    asio::post(executor_, [self = shared_from_this()] {
      self->room_timer_.cancel();
      // Where the connection has ended already, the timer would only keep its remains.
      if (!self->stream_.next_layer().is_open()) return;
      self->close_timer_.expires_after(self->accept_.options.close_timeout);
      self->close_timer_.async_wait([self](const error_code& ec) {
        if (!ec) self->end_all();
      });
    });
  }

  [[nodiscard]] bool closing() const {
    const std::lock_guard lock(mutex_);
    return close_.has_value();
  }

  /// Called under the lock.
  [[nodiscard]] bool room_for(std::size_t bytes) const {
    return queue_.empty() || (queue_.size() < accept_.options.queue_messages_max &&
                              queue_bytes_ + bytes <= accept_.options.queue_bytes_max);
  }

  /// Ends the connection, and all that waits for it. Beast 1.81 needs the latter: a peer whose ping
  /// or fault crosses this side's close makes its read and its close wait for each other, and no
  /// timer of its own nor the end of the socket sets them free.
  void end_all() {
    shut();
    close_cancellation_.emit(asio::cancellation_type::terminal);
    read_cancellation_.emit(asio::cancellation_type::terminal);
  }

  void shut() {
    error_code ec;
    if (stream_.next_layer().is_open()) stream_.next_layer().close(ec);
  }

  asio::any_io_executor executor_;
  WebSocketAccept accept_;
  telemetry::Log log_;
  websocket::stream<DrainingSocket, false> stream_;
  asio::steady_timer close_timer_;
  asio::steady_timer write_timer_;
  asio::steady_timer room_timer_;                ///< cancelled whenever the queue has room again
  asio::cancellation_signal read_cancellation_;  ///< of the handler and its read
  asio::cancellation_signal close_cancellation_;
  std::string subprotocol_;
  async::Event wake_writer_;

  mutable std::mutex mutex_;
  std::deque<std::string> queue_;
  std::size_t queue_bytes_ = 0;
  std::optional<WebSocketClose> close_;
  std::optional<WebSocketClose> closed_by_peer_;
};

}  // namespace

std::shared_ptr<AcceptedWebSocket> make_web_socket(asio::ip::tcp::socket socket,
                                                   WebSocketAccept accept, telemetry::Log log) {
  return std::make_shared<BeastWebSocket>(std::move(socket), std::move(accept), std::move(log));
}

}  // namespace errand::net
