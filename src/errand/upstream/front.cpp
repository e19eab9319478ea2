#include "errand/upstream/front.h"

#include <utility>

namespace errand::upstream {

namespace {

/// A WebSocket's URL as that of the HTTP by which it begins (RFC 6455, 3).
std::string http_url(const std::string& url) {
  if (url.starts_with("ws://")) return "http://" + url.substr(5);
  if (url.starts_with("wss://")) return "https://" + url.substr(6);
  return url;
}

}  // namespace

Result<std::unique_ptr<Front>> Front::create(Options options, RootFields root_fields,
                                             telemetry::Log log, telemetry::Metrics* metrics) {
  auto forwarder = Forwarder::create(options.http, log, metrics);
  if (!forwarder) return std::unexpected(forwarder.error());
  auto url = outbound::parse_target_url(
      http_url(options.web_socket_url.empty() ? options.http.url : options.web_socket_url));
  if (!url) return fail(ErrorCode::kConfigInvalid, url.error().message);
  auto connector = SocketConnector::create({.url = *std::move(url),
                                            .ca_file = options.http.ca_file,
                                            .message_bytes_max = options.message_bytes_max,
                                            .close_timeout = options.web_socket.close_timeout});
  if (!connector) return std::unexpected(connector.error());
  std::unique_ptr<Identity> identity;
  if (options.identity) {
    Identity::Options asked = *options.identity;
    asked.url = options.http.url;
    asked.ca_file = options.http.ca_file;
    auto made = Identity::create(std::move(asked), log);
    if (!made) return fail(made.error().code, "identity." + made.error().message);
    identity = *std::move(made);
  }
  return std::unique_ptr<Front>(new Front(std::move(options), std::move(root_fields),
                                          *std::move(forwarder), *std::move(connector),
                                          std::move(identity), std::move(log), metrics));
}

Front::Front(Options options, RootFields root_fields, std::unique_ptr<Forwarder> forwarder,
             std::unique_ptr<SocketConnector> connector, std::unique_ptr<Identity> identity,
             telemetry::Log log, telemetry::Metrics* metrics)
    : options_(std::move(options)),
      root_fields_(std::move(root_fields)),
      forwarder_(std::move(forwarder)),
      connector_(std::move(connector)),
      identity_(std::move(identity)),
      log_(std::move(log)),
      metrics_(metrics) {}

std::shared_ptr<SocketRelay> Front::relay(SocketRelay::Client client) const {
  return std::make_shared<SocketRelay>(options_.web_socket, *connector_, std::move(client), log_,
                                       metrics_);
}

}  // namespace errand::upstream
