#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/net/http_server.h"

namespace errand::net {

/// One thing served at one path.
struct Route {
  /// Methods served, such as {"GET", "POST"}; HEAD comes with GET by itself. Others get 405.
  std::vector<std::string> methods;
  /// An exact path, or a prefix when it ends in "/*".
  std::string path;
  std::function<boost::asio::awaitable<HttpResponse>(HttpRequest request)> handler;
  /// See HttpHandler::half_close_cancels().
  bool half_close_cancels = false;
};

/// A WebSocket served at one exact path.
struct WebSocketRoute {
  std::string path;
  /// Asked anew for each upgrade, so that it can refuse one (401, 503).
  std::function<std::variant<WebSocketAccept, HttpResponse>(const HttpRequest& request)> upgrade;
};

/// Finds the route of a request. The most specific one wins: exact paths first, then the longest
/// prefix. Routes are added before the server starts; after that it is immutable and thread-safe.
class Router final : public HttpHandler {
 public:
  void add(Route route);
  void add(WebSocketRoute route);

  /// Makes the answer for a path that nobody serves; the default is a short text.
  void on_not_found(std::function<HttpResponse(const HttpRequest& request)> handler);
  /// Shapes refusals: see HttpHandler::refuse().
  void on_refuse(std::function<HttpResponse(unsigned status, std::string text)> handler);

  /// "GET /metrics" and the like, sorted, for people who took a wrong path.
  [[nodiscard]] std::vector<std::string> listing() const;

  /// Methods that are served at `path`, as the header Allow lists them; "" when none are.
  [[nodiscard]] std::string allowed_methods(std::string_view path) const;

  boost::asio::awaitable<HttpResponse> handle(HttpRequest request) override;
  std::variant<WebSocketAccept, HttpResponse> upgrade(const HttpRequest& request) override;
  bool half_close_cancels(const HttpRequest& request) const override;
  HttpResponse refuse(unsigned status, std::string text) override;

 private:
  [[nodiscard]] const Route* find(std::string_view method, std::string_view path) const noexcept;

  std::vector<Route> routes_;
  std::vector<WebSocketRoute> web_sockets_;
  std::function<HttpResponse(const HttpRequest& request)> not_found_;
  std::function<HttpResponse(unsigned status, std::string text)> refuse_;
};

}  // namespace errand::net
