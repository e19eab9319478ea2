#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "errand/net/server_impl.h"

namespace errand::net {

class AcceptedWebSocket;

/// One client connection: reads requests one after the other, so that pipelined ones are answered
/// in order, and answers each. Private to net; all members run on the socket's strand.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpServer::Impl& server, boost::asio::ip::tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Serves the connection to its end.
  boost::asio::awaitable<void> run();

  /// Ends it as soon as no request is in flight.
  void drain();
  /// Cuts it.
  void abort();

  [[nodiscard]] boost::asio::any_io_executor executor() { return executor_; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  class ChunkWriter;

  /// What became of an attempt to read.
  enum class Read { kData, kEnd, kTimeout, kBroken };

  struct Refusal {
    unsigned status;
    std::string text;
  };

  boost::asio::awaitable<bool> serve_request();
  boost::asio::awaitable<std::optional<Refusal>> read_head(Parser* parser, bool* ended);
  boost::asio::awaitable<std::optional<Refusal>> read_body(Parser* parser, bool* ended);
  boost::asio::awaitable<Read> read_more();
  std::optional<Refusal> check_head(const Parser& parser, HttpRequest& request) const;
  boost::asio::awaitable<HttpResponse> answer(HttpRequest request);
  boost::asio::awaitable<bool> write(std::string method, HttpResponse response, bool keep_alive,
                                     bool http_1_0);
  boost::asio::awaitable<bool> write_stream(HttpResponse response, std::string head, bool chunked);
  boost::asio::awaitable<bool> write_buffers(std::string_view head, std::string_view body);
  void log_failure(std::string_view message, const std::exception_ptr& error);
  boost::asio::awaitable<void> refuse(Refusal refusal);
  boost::asio::awaitable<void> serve_web_socket(HttpRequest request);
  boost::asio::awaitable<void> close();

  void set_deadline(Milliseconds timeout);
  void clear_deadline();
  void arm_timer();

  /// Watches for the client's leaving, while a handler runs.
  void start_watch(bool half_close_cancels);
  void stop_watch();
  void watch();
  void on_readable();
  /// Ends what runs for the client: nothing can be sent to it any more.
  void give_up();

  HttpServer::Impl& server_;
  boost::asio::any_io_executor executor_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::string peer_;
  boost::beast::flat_buffer buffer_;

  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point armed_until_;
  bool timed_out_ = false;

  boost::asio::cancellation_signal handler_cancellation_;
  bool handler_runs_ = false;
  bool endless_stream_runs_ = false;
  std::uint64_t watch_ = 0;  ///< number of the present watch; odd while one is on
  bool half_close_cancels_ = false;

  bool idle_ = false;
  bool linger_ = true;       ///< the client may still send, and must get what was sent to it
  bool peer_ended_ = false;  ///< the client shut down its sending side
  bool broken_ = false;      ///< nothing can be sent any more
  std::shared_ptr<AcceptedWebSocket> web_socket_;
};

}  // namespace errand::net
