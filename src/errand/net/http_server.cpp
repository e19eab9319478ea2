#include "errand/net/http_server.h"

#include <algorithm>
#include <array>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "errand/async/deadline.h"
#include "errand/base/assert.h"
#include "errand/net/connection.h"
#include "errand/net/server_impl.h"
#include "errand/telemetry/metric_names.h"

namespace errand::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr int kBacklog = 1'024;
/// Refused connections that are told so at a time; further ones are closed without a word.
constexpr std::size_t kTurnedAwayMax = 64;

std::string endpoint_text(std::string_view address, std::uint16_t port) {
  return address.find(':') == std::string_view::npos ? fmt::format("{}:{}", address, port)
                                                     : fmt::format("[{}]:{}", address, port);
}

std::unexpected<Error> explain(const error_code& ec, const HttpServer::Options& options) {
  const std::string where = endpoint_text(options.address, options.port);
  if (ec == asio::error::address_in_use) {
    return fail(ErrorCode::kAddressInUse,
                fmt::format("{} is in use by another program. Stop that one, or choose another "
                            "port; port 0 takes any free one.",
                            where));
  }
  if (ec == asio::error::access_denied) {
    return fail(ErrorCode::kForbidden,
                fmt::format("This user may not listen on {}. Choose a port from 1024 on.", where));
  }
  if (ec == boost::system::errc::address_not_available) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is not an address of this machine. 127.0.0.1 serves this machine "
                            "alone, 0.0.0.0 every network.",
                            options.address));
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("Cannot listen on {}: {}.", where, ec.message()));
}

}  // namespace

HttpServer::Impl::Impl(asio::any_io_executor executor_arg, const Options& options_arg,
                       HttpHandler& handler_arg, telemetry::Log log_arg,
                       telemetry::Metrics* metrics_arg)
    : executor(std::move(executor_arg)),
      options(options_arg),
      handler(handler_arg),
      log(std::move(log_arg)),
      metrics(metrics_arg),
      strand_(asio::make_strand(executor)),
      acceptor_(strand_),
      tasks_([log = log](std::string_view name, const std::exception_ptr& error) {
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          log.error("connection failed", {{"task", name}, {"error", e.what()}});
        } catch (...) {
          log.error("connection failed", {{"task", name}});
        }
      }) {
  if (metrics != nullptr) {
    connections_gauge_ = metrics->gauge(telemetry::kHttpConnections);
    refused_counter_ = metrics->counter(telemetry::kHttpConnectionsRefused);
  }
}

Result<void> HttpServer::Impl::open() {
  error_code ec;
  const auto address = asio::ip::make_address(options.address, ec);
  if (ec) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is not an IP address; write one such as 127.0.0.1, 0.0.0.0, "
                            "::1 or ::.",
                            options.address));
  }
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), ec);
  if (ec) return explain(ec, options);
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (ec) return explain(ec, options);
  if (address.is_v6()) acceptor_.set_option(asio::ip::v6_only(false), ec);
  acceptor_.bind(endpoint, ec);
  if (ec) return explain(ec, options);
  acceptor_.listen(kBacklog, ec);
  if (ec) return explain(ec, options);
  port = acceptor_.local_endpoint(ec).port();
  return {};
}

void HttpServer::Impl::start() { tasks_.spawn(strand_, "accept", accept_loop()); }

asio::awaitable<void> HttpServer::Impl::accept_loop() {
  const auto self = shared_from_this();
  while (!draining()) {
    auto [ec, socket] = co_await acceptor_.async_accept(asio::make_strand(executor), kTuple);
    if (draining()) break;
    if (ec == asio::error::operation_aborted) break;
    if (ec) {
      // Out of file descriptors, mostly: those that end make room.
      log.warn_limited("cannot accept a connection", {{"error", ec.message()}});
      co_await async::sleep_for(Milliseconds{100});
      continue;
    }
    if (connections() >= options.connections_max) {
      refused_counter_.add();
      log.warn_limited("too many connections", {{"connections_max", options.connections_max}});
      if (turned_away_ < kTurnedAwayMax) {
        ++turned_away_;
        auto socket_executor = socket.get_executor();
        tasks_.spawn(socket_executor, "turn away", turn_away(std::move(socket)));
      }
      continue;
    }
    auto connection = std::make_shared<Connection>(*this, std::move(socket));
    insert(connection);
    tasks_.spawn(connection->executor(), "connection", serve(connection));
  }
}

asio::awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Connection> connection) {
  const auto self = shared_from_this();
  try {
    co_await connection->run();
  } catch (...) {
    remove(connection);
    throw;
  }
  remove(connection);
}

asio::awaitable<void> HttpServer::Impl::turn_away(Socket socket) {
  const auto self = shared_from_this();
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\n\r\n"
      "Too many connections; try again in a while";
  static_assert(std::string_view("Too many connections; try again in a while").size() == 42);
  error_code ec;
  socket.non_blocking(true, ec);
  // A fresh socket's send buffer takes it at once; nobody is waited for.
  socket.write_some(asio::buffer(kAnswer), ec);
  socket.shutdown(asio::socket_base::shutdown_send, ec);
  std::array<char, 4096> dropped{};
  const auto reading = [&socket, &dropped]() -> asio::awaitable<void> {
    while (true) {
      const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(dropped), kTuple);
      static_cast<void>(bytes);
      if (error) co_return;
    }
  };
  const auto done = co_await async::with_deadline(
      std::chrono::steady_clock::now() + std::chrono::seconds(1), reading());
  static_cast<void>(done);
  --turned_away_;
}

asio::awaitable<void> HttpServer::Impl::stop(Milliseconds grace) {
  const auto self = shared_from_this();
  draining_ = true;
  asio::post(strand_, [self] {
    error_code ec;
    self->acceptor_.close(ec);
  });
  const auto for_each = [](Impl& impl, void (Connection::*what)()) {
    const std::lock_guard lock(impl.mutex_);
    for (const auto& connection : impl.connections_) {
      asio::post(connection->executor(), [connection, what] { ((*connection).*what)(); });
    }
  };
  for_each(*this, &Connection::drain);
  asio::steady_timer timer(co_await asio::this_coro::executor, grace);
  timer.async_wait([self, for_each](const error_code& ec) {
    if (ec) return;
    self->log.warn("connections cut at the end of the grace",
                   {{"connections", self->connections()}});
    for_each(*self, &Connection::abort);
    self->tasks_.cancel();
  });
  co_await tasks_.join();
  timer.cancel();
}

void HttpServer::Impl::count_request(std::string_view method, unsigned status) const {
  if (metrics == nullptr) return;
  constexpr std::array<std::string_view, 6> kMethods = {"GET",    "POST", "HEAD",
                                                        "DELETE", "PUT",  "OPTIONS"};
  const bool known = std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
  const std::string code = std::to_string(status);
  metrics->counter(telemetry::kHttpRequests, {known ? method : "OTHER", code}).add();
}

void HttpServer::Impl::insert(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  connections_.insert(connection);
  connections_gauge_.set(static_cast<double>(connections_.size()));
}

void HttpServer::Impl::remove(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  connections_gauge_.set(static_cast<double>(connections_.size()));
}

std::size_t HttpServer::Impl::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::any_io_executor executor,
                                                       const Options& options, HttpHandler& handler,
                                                       telemetry::Log log,
                                                       telemetry::Metrics* metrics) {
  auto impl =
      std::make_shared<Impl>(std::move(executor), options, handler, std::move(log), metrics);
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { ERRAND_ASSERT(impl_->connections() == 0); }

std::uint16_t HttpServer::port() const { return impl_->port; }

std::string HttpServer::address() const {
  return endpoint_text(impl_->options.address, impl_->port);
}

void HttpServer::start() { impl_->start(); }

asio::awaitable<void> HttpServer::stop(Milliseconds grace) { return impl_->stop(grace); }

std::size_t HttpServer::connections() const { return impl_->connections(); }

}  // namespace errand::net
