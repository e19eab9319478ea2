#pragma once

// An HTTP server that answers as a test says, for the handlers that call one.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "errand/net/http_server.h"
#include "errand/net/router.h"
#include "errand/outbound/address_guard.h"
#include "errand/worker/gateway_test_support.h"

namespace errand::worker {

/// Answers each request by the next of the given functions, and keeps it.
class TestEndpoint {
 public:
  using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

  explicit TestEndpoint(const asio::any_io_executor& executor) {
    router_.add(net::Route{
        .methods = {"POST"}, .path = "/run", .handler = [this](net::HttpRequest request) {
          return answer(*this, std::move(request));
        }});
    server_ = *net::HttpServer::listen(executor, {}, router_, telemetry::Log(), nullptr);
    server_->start();
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/run";
  }
  /// Lets requests go here, and to port 1, where nobody is.
  [[nodiscard]] std::shared_ptr<const outbound::AddressGuard> guard() const {
    return std::make_shared<const outbound::AddressGuard>(*outbound::AddressGuard::create(
        {.allow = {"127.0.0.1"}, .ports = {server_->port(), 1}, .allow_http = true}));
  }
  void then(Answer answer) {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  void then(unsigned status, std::string body, net::HttpHeaders headers = {}) {
    then([=](const net::HttpRequest&) {
      auto response = net::HttpResponse::json(status, body);
      for (const auto& [name, value] : headers.fields()) response.headers.set(name, value);
      return response;
    });
  }
  std::vector<net::HttpRequest> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  void stop(net::TestThreads& threads) {
    if (std::exchange(stopped_, true)) return;
    asio::co_spawn(threads.context(), server_->stop(0ms), asio::use_future).get();
  }

 private:
  static asio::awaitable<net::HttpResponse> answer(TestEndpoint& endpoint,
                                                   net::HttpRequest request) {
    Answer answer;
    {
      const std::scoped_lock lock(endpoint.mutex_);
      endpoint.requests_.push_back(request);
      if (endpoint.answers_.empty()) co_return net::HttpResponse::json(500, "{}");
      answer = std::move(endpoint.answers_.front());
      endpoint.answers_.pop_front();
    }
    co_return answer(request);
  }

  net::Router router_;
  std::unique_ptr<net::HttpServer> server_;
  std::mutex mutex_;
  std::deque<Answer> answers_;
  std::vector<net::HttpRequest> requests_;
  bool stopped_ = false;
};

}  // namespace errand::worker
