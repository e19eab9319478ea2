#pragma once

#include <memory>
#include <string>

#include "errand/app/config.h"
#include "errand/base/result.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/metrics.h"

namespace errand::app {

/// The requests that the server makes by itself: one client with one thread for all of them, made
/// when the first part needs it, and the rules of where they may go. Used on one thread until all
/// are made.
class OutboundRequests {
 public:
  /// Both outlive it.
  OutboundRequests(const Config& config, telemetry::Metrics& metrics);

  /// Makes the client, once.
  /// @return kConfigInvalid naming the setting
  Result<void> open();

  /// Both after open() alone.
  [[nodiscard]] outbound::HttpClient& client() const { return *client_; }
  [[nodiscard]] const outbound::AddressGuard& guard() const { return *guard_; }

  /// What lets requests to `url` go there and nowhere else, wherever that is: nullptr for others
  /// than the configured upstream, to which the guard() applies.
  [[nodiscard]] std::shared_ptr<const outbound::AddressGuard> guard_for(
      const std::string& url) const;

  /// Ends what is under way. Idempotent.
  void stop();

 private:
  const Config& config_;
  telemetry::Metrics& metrics_;
  std::shared_ptr<const outbound::AddressGuard> guard_;
  std::shared_ptr<const outbound::AddressGuard> upstream_guard_;
  std::unique_ptr<outbound::HttpClient> client_;
};

}  // namespace errand::app
