#include "errand/server/health.h"

#include "errand/json/writer.h"

namespace errand::server {

namespace asio = boost::asio;

namespace {

net::HttpResponse no_store(net::HttpResponse response) {
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

void Health::add_routes(net::Router& router) {
  router.add(net::Route{.methods = {"GET"},
                        .path = "/healthz",
                        .handler = [](net::HttpRequest) -> asio::awaitable<net::HttpResponse> {
                          co_return no_store(net::HttpResponse::json(200, R"({"status":"ok"})"));
                        }});
  router.add(net::Route{.methods = {"GET"},
                        .path = "/readyz",
                        .handler = [this](net::HttpRequest) -> asio::awaitable<net::HttpResponse> {
                          co_return no_store(ready());
                        }});
}

net::HttpResponse Health::ready() const {
  std::vector<HealthCheck> checks = checks_ ? checks_() : std::vector<HealthCheck>();
  if (draining_) {
    checks.push_back({.name = "draining", .ok = false, .reason = "The server is shutting down."});
  }
  bool all = true;
  for (const HealthCheck& check : checks) all = all && check.ok;

  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("status");
  writer.string(all ? "ready" : "not ready");
  writer.key("checks");
  writer.begin_array();
  for (const HealthCheck& check : checks) {
    writer.begin_object();
    writer.key("name");
    writer.string(check.name);
    writer.key("ok");
    writer.boolean(check.ok);
    if (!check.ok) {
      writer.key("reason");
      writer.string(check.reason);
    }
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return net::HttpResponse::json(all ? 200 : 503, std::move(body));
}

}  // namespace errand::server
