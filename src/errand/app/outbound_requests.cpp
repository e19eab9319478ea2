#include "errand/app/outbound_requests.h"

#include <utility>

#include "errand/outbound/target_url.h"
#include "errand/upstream/forwarder.h"

namespace errand::app {

OutboundRequests::OutboundRequests(const Config& config, telemetry::Metrics& metrics)
    : config_(config), metrics_(metrics) {}

Result<void> OutboundRequests::open() {
  if (client_) return {};
  outbound::AddressGuard::Options where = config_.outbound.guard;
  where.own = outbound::local_addresses();
  auto guard = outbound::AddressGuard::create(where);
  if (!guard) return fail(ErrorCode::kConfigInvalid, guard.error().message);
  guard_ = std::make_shared<const outbound::AddressGuard>(*std::move(guard));
  if (!config_.upstream.url.empty()) {
    const auto url = outbound::parse_target_url(config_.upstream.url);
    if (!url) return fail(ErrorCode::kConfigInvalid, "upstream.url: " + url.error().message);
    auto only = upstream::guard_for(*url);
    if (!only) return fail(ErrorCode::kConfigInvalid, "upstream.url: " + only.error().message);
    upstream_guard_ = *std::move(only);
  }
  outbound::HttpClient::Options options;
  options.ca_file = config_.outbound.ca_file;
  options.user_agent = "errand/" ERRAND_VERSION;
  auto client = outbound::HttpClient::create(options, guard_, &metrics_);
  if (!client) return fail(ErrorCode::kConfigInvalid, client.error().message);
  client_ = *std::move(client);
  return {};
}

std::shared_ptr<const outbound::AddressGuard> OutboundRequests::guard_for(
    const std::string& url) const {
  return url == config_.upstream.url ? upstream_guard_ : nullptr;
}

void OutboundRequests::stop() {
  if (client_) client_->stop();
}

}  // namespace errand::app
