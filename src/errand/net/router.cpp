#include "errand/net/router.h"

#include <algorithm>
#include <utility>

namespace errand::net {

namespace {

bool is_prefix_route(std::string_view path) noexcept { return path.ends_with("/*"); }

/// Length of the match, so that the most specific wins; 0 when `path` does not match.
std::size_t match_length(std::string_view route, std::string_view path) noexcept {
  if (!is_prefix_route(route)) return route == path ? std::string_view::npos : 0;
  const std::string_view prefix = route.substr(0, route.size() - 1);
  return path.starts_with(prefix) ? prefix.size() : 0;
}

bool serves(const Route& route, std::string_view method) noexcept {
  return std::ranges::any_of(route.methods, [method](const std::string& m) {
    return m == method || (method == "HEAD" && m == "GET");
  });
}

}  // namespace

void Router::add(Route route) { routes_.push_back(std::move(route)); }
void Router::add(WebSocketRoute route) { web_sockets_.push_back(std::move(route)); }

void Router::on_not_found(std::function<HttpResponse(const HttpRequest&)> handler) {
  not_found_ = std::move(handler);
}

void Router::on_refuse(std::function<HttpResponse(unsigned, std::string)> handler) {
  refuse_ = std::move(handler);
}

std::vector<std::string> Router::listing() const {
  std::vector<std::string> out;
  for (const Route& route : routes_) {
    for (const std::string& method : route.methods) out.push_back(method + " " + route.path);
  }
  for (const WebSocketRoute& route : web_sockets_) out.push_back("WebSocket " + route.path);
  std::ranges::sort(out);
  return out;
}

const Route* Router::find(std::string_view method, std::string_view path) const noexcept {
  const Route* best = nullptr;
  std::size_t best_length = 0;
  for (const Route& route : routes_) {
    const std::size_t length = match_length(route.path, path);
    if (length > best_length && serves(route, method)) {
      best = &route;
      best_length = length;
    }
  }
  return best;
}

std::string Router::allowed_methods(std::string_view path) const {
  std::vector<std::string> methods;
  for (const Route& route : routes_) {
    if (match_length(route.path, path) == 0) continue;
    for (const std::string& method : route.methods) {
      methods.push_back(method);
      if (method == "GET") methods.emplace_back("HEAD");
    }
  }
  std::ranges::sort(methods);
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  std::string out;
  for (const std::string& method : methods) {
    if (!out.empty()) out += ", ";
    out += method;
  }
  return out;
}

boost::asio::awaitable<HttpResponse> Router::handle(HttpRequest request) {
  if (const Route* route = find(request.method, request.path)) {
    co_return co_await route->handler(std::move(request));
  }
  if (const std::string allowed = allowed_methods(request.path); !allowed.empty()) {
    auto response = refuse(405, "This path is served for " + allowed + " only.");
    response.headers.set("Allow", allowed);
    co_return response;
  }
  for (const WebSocketRoute& route : web_sockets_) {
    if (route.path != request.path) continue;
    auto response = refuse(426, "This path takes WebSocket connections only.");
    response.headers.set("Upgrade", "websocket");
    response.headers.set("Connection", "Upgrade");
    co_return response;
  }
  if (not_found_) co_return not_found_(request);
  co_return refuse(404, "Nothing is served at this path.");
}

std::variant<WebSocketAccept, HttpResponse> Router::upgrade(const HttpRequest& request) {
  for (const WebSocketRoute& route : web_sockets_) {
    if (route.path == request.path) return route.upgrade(request);
  }
  if (const std::string allowed = allowed_methods(request.path); !allowed.empty()) {
    return refuse(400, "This path takes no WebSocket connections.");
  }
  if (not_found_) return not_found_(request);
  return refuse(404, "Nothing is served at this path.");
}

bool Router::half_close_cancels(const HttpRequest& request) const {
  const Route* route = find(request.method, request.path);
  return route != nullptr && route->half_close_cancels;
}

HttpResponse Router::refuse(unsigned status, std::string text) {
  if (refuse_) return refuse_(status, std::move(text));
  return HttpHandler::refuse(status, std::move(text));
}

}  // namespace errand::net
