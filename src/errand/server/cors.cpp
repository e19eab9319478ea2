#include "errand/server/cors.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace errand::server {

namespace asio = boost::asio;

namespace {

constexpr std::string_view kAny = "*";

/// Paths that pages of other origins may use.
bool is_open(std::string_view path) noexcept {
  return path == "/graphql" || path.starts_with("/graphql/") || path == "/healthz" ||
         path == "/readyz";
}

/// Whether `origin` is one that browsers send: scheme, host and port (RFC 6454, 6.2), or "null".
bool is_origin(std::string_view origin) noexcept {
  if (origin == "null") return true;
  const std::size_t scheme = origin.find("://");
  if (scheme == 0 || scheme == std::string_view::npos || scheme + 3 == origin.size()) return false;
  const auto fits = [](char c) {
    return c > ' ' && c < 0x7F && !(c >= 'A' && c <= 'Z') &&
           std::string_view("/?#@*,\"\\").find(c) == std::string_view::npos;
  };
  return std::ranges::all_of(origin.substr(0, scheme), fits) &&
         std::ranges::all_of(origin.substr(scheme + 3), fits);
}

}  // namespace

Result<std::unique_ptr<Cors>> Cors::create(net::Router& router, Options options) {
  for (const std::string& origin : options.origins) {
    if (origin != kAny && !is_origin(origin)) {
      return fail(ErrorCode::kConfigInvalid,
                  fmt::format("\"{}\" is not an origin as browsers send it; write scheme, host and "
                              "port in lower case, such as \"https://app.example\", or \"*\"",
                              origin));
    }
    // Any page can have the origin "null", by a sandboxed frame.
    if ((origin == kAny || origin == "null") && options.credentials) {
      return fail(ErrorCode::kConfigInvalid,
                  "credentials cannot be allowed to the pages of any origin; list the origins");
    }
  }
  return std::unique_ptr<Cors>(new Cors(router, std::move(options)));
}

Cors::Cors(net::Router& router, Options options)
    : router_(router),
      options_(std::move(options)),
      any_origin_(std::ranges::find(options_.origins, kAny) != options_.origins.end()) {}

asio::awaitable<net::HttpResponse> Cors::handle(net::HttpRequest request) {
  if (options_.origins.empty() || !is_open(request.path)) {
    co_return co_await router_.handle(std::move(request));
  }
  const std::string origin(request.header("Origin").value_or(""));
  if (request.method == "OPTIONS" && !origin.empty() &&
      request.header("Access-Control-Request-Method")) {
    const std::string methods = router_.allowed_methods(request.path);
    if (!methods.empty()) co_return answer_preflight(origin, methods);
  }
  net::HttpResponse response = co_await router_.handle(std::move(request));
  add_headers(response, origin);
  co_return response;
}

net::HttpResponse Cors::answer_preflight(std::string_view origin, const std::string& methods) {
  if (!allows(origin)) {
    auto response = refuse(403, "Pages of this origin may not use this server: see cors.origins.");
    response.headers.add_to_list("Vary", "Origin");
    return response;
  }
  net::HttpResponse response;
  response.status = 204;
  add_headers(response, origin);
  response.headers.add("Access-Control-Allow-Methods", methods);
  response.headers.add("Access-Control-Allow-Headers",
                       fmt::format("{}", fmt::join(options_.headers, ", ")));
  const auto max_age = std::chrono::duration_cast<std::chrono::seconds>(options_.max_age);
  response.headers.add("Access-Control-Max-Age", fmt::format("{}", max_age.count()));
  return response;
}

bool Cors::allows(std::string_view origin) const {
  return any_origin_ || std::ranges::find(options_.origins, origin) != options_.origins.end();
}

void Cors::add_headers(net::HttpResponse& response, std::string_view origin) const {
  // Also to requests without an origin: a cache must not give their answer to those with one.
  if (!any_origin_) response.headers.add_to_list("Vary", "Origin");
  if (origin.empty() || !allows(origin)) return;
  response.headers.set("Access-Control-Allow-Origin", any_origin_ ? kAny : origin);
  if (options_.credentials) response.headers.set("Access-Control-Allow-Credentials", "true");
  response.headers.set("Access-Control-Expose-Headers", "X-Request-Id");
}

std::variant<net::WebSocketAccept, net::HttpResponse> Cors::upgrade(
    const net::HttpRequest& request) {
  return router_.upgrade(request);
}

bool Cors::half_close_cancels(const net::HttpRequest& request) const {
  return router_.half_close_cancels(request);
}

net::HttpResponse Cors::refuse(unsigned status, std::string text) {
  return router_.refuse(status, std::move(text));
}

}  // namespace errand::server
