#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "errand/async/task_group.h"
#include "errand/net/http_server.h"

namespace errand::net {

class Connection;

/// What the connections share. Private to net.
class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  using Acceptor = boost::asio::ip::tcp::acceptor;
  using Socket = boost::asio::ip::tcp::socket;

  Impl(boost::asio::any_io_executor executor_arg, const Options& options_arg,
       HttpHandler& handler_arg, telemetry::Log log_arg, telemetry::Metrics* metrics_arg);

  Result<void> open();
  void start();
  boost::asio::awaitable<void> stop(Milliseconds grace);

  [[nodiscard]] bool draining() const noexcept { return draining_.load(); }

  /// Counts an answered request.
  void count_request(std::string_view method, unsigned status) const;

  boost::asio::any_io_executor executor;
  const Options options;
  HttpHandler& handler;
  telemetry::Log log;
  telemetry::Metrics* metrics;
  std::uint16_t port = 0;

  void insert(const std::shared_ptr<Connection>& connection);
  void remove(const std::shared_ptr<Connection>& connection);
  [[nodiscard]] std::size_t connections() const;

 private:
  boost::asio::awaitable<void> accept_loop();
  boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  boost::asio::awaitable<void> turn_away(Socket socket);

  boost::asio::any_io_executor strand_;  ///< of the acceptor and the stop timer
  Acceptor acceptor_;
  async::TaskGroup tasks_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::atomic<std::size_t> turned_away_ = 0;  ///< refused connections still being told so
  telemetry::Gauge connections_gauge_;
  telemetry::Counter refused_counter_;
};

}  // namespace errand::net
