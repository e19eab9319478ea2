#include "errand/server/server.h"

#include "errand/json/writer.h"

namespace errand::server {

namespace asio = boost::asio;

namespace {

/// An answer of ours to what is no GraphQL request, as JSON for programs and people alike.
net::HttpResponse problem(unsigned status, std::string_view text,
                          const std::vector<std::string>& available = {}) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("error");
  writer.string(text);
  if (!available.empty()) {
    writer.key("available");
    writer.begin_array();
    for (const std::string& entry : available) writer.string(entry);
    writer.end_array();
  }
  writer.end_object();
  body += '\n';
  return net::HttpResponse::json(status, std::move(body));
}

}  // namespace

Server::Server(Dependencies dependencies, Options options)
    : assets_(dependencies.assets),
      metrics_(dependencies.graphql.metrics),
      in_front_(dependencies.graphql.front != nullptr),
      http_(dependencies.graphql, options.http),
      web_socket_(dependencies.graphql, options.web_socket),
      sse_(dependencies.graphql, options.http, options.sse),
      health_(std::move(dependencies.readiness)) {}

void Server::add_routes(net::Router& router) {
  std::vector<std::string> methods{"POST", "GET"};
  std::vector<std::string> stream_methods{"POST", "GET", "PUT", "DELETE"};
  if (in_front_) {
    // Whether there is something for these is the upstream's to say; preflights (CORS) are.
    methods.insert(methods.end(), {"OPTIONS", "PUT", "PATCH", "DELETE"});
    stream_methods.emplace_back("OPTIONS");
  }
  router.add(net::Route{
      .methods = methods, .path = "/graphql", .handler = [this](net::HttpRequest request) {
        return http_.handle(std::move(request));
      }});
  router.add(net::WebSocketRoute{
      .path = "/graphql",
      .upgrade = [this](const net::HttpRequest& request) { return web_socket_.upgrade(request); }});
  router.add(net::Route{.methods = stream_methods,
                        .path = "/graphql/stream",
                        .handler = [this](net::HttpRequest request) {
                          return SseConnections::concerns(request) && request.method != "OPTIONS"
                                     ? sse_.handle(std::move(request))
                                     : http_.handle(std::move(request));
                        }});
  health_.add_routes(router);
  if (metrics_ != nullptr) {
    router.add(net::Route{
        .methods = {"GET"},
        .path = "/metrics",
        .handler = [this](net::HttpRequest) -> asio::awaitable<net::HttpResponse> {
          net::HttpResponse response;
          response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
          response.body = metrics_->render();
          co_return response;
        }});
  }
  add_asset_routes(router, assets_);
  router.on_not_found([&router](const net::HttpRequest& request) {
    // A path is a peer's text: bounded, and escaped by the writer; it need not be UTF-8.
    std::string path = request.path.substr(0, 200);
    for (char& c : path) {
      if (c < 0x20 || c > 0x7E) c = '?';
    }
    return problem(404, "Nothing is served at " + path + ".", router.listing());
  });
  router.on_refuse([](unsigned status, const std::string& text) { return problem(status, text); });
}

}  // namespace errand::server
