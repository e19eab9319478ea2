#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "errand/base/result.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/upstream/client_socket.h"
#include "errand/upstream/forwarder.h"
#include "errand/upstream/identity.h"
#include "errand/upstream/root_fields.h"
#include "errand/upstream/socket_relay.h"

namespace errand::upstream {

/// An existing GraphQL server that this one stands in front of: which operations are its own, and
/// the ways to pass them on.
///
/// Thread-safe. Outlives the server that uses it.
class Front {
 public:
  struct Options {
    Forwarder::Options http;
    SocketRelay::Options web_socket;
    /// Of the upstream's WebSocket (ws, wss, http or https); empty: that of HTTP.
    std::string web_socket_url;
    std::size_t message_bytes_max = 16 << 20;  ///< of a WebSocket message from the upstream
    /// Whom the upstream knows, is known here too; its URL and certificates are those of `http`.
    std::optional<Identity::Options> identity;
  };

  /// @param metrics  may be null; else outlives the front
  /// @return kConfigInvalid naming the URL that is none, or certificates that cannot be read
  static Result<std::unique_ptr<Front>> create(Options options, RootFields root_fields,
                                               telemetry::Log log, telemetry::Metrics* metrics);

  [[nodiscard]] const RootFields& root_fields() const noexcept { return root_fields_; }

  [[nodiscard]] Forwarder& forwarder() noexcept { return *forwarder_; }

  /// For one WebSocket of a client.
  std::shared_ptr<SocketRelay> relay(SocketRelay::Client client) const;

  /// nullptr: the upstream is not asked who its clients are.
  [[nodiscard]] Identity* identity() noexcept { return identity_.get(); }

  /// Ends HTTP requests under way. After the HTTP server has stopped.
  void stop() {
    forwarder_->stop();
    if (identity_) identity_->stop();
  }

 private:
  Front(Options options, RootFields root_fields, std::unique_ptr<Forwarder> forwarder,
        std::unique_ptr<SocketConnector> connector, std::unique_ptr<Identity> identity,
        telemetry::Log log, telemetry::Metrics* metrics);

  const Options options_;
  const RootFields root_fields_;
  const std::unique_ptr<Forwarder> forwarder_;
  const std::unique_ptr<SocketConnector> connector_;
  const std::unique_ptr<Identity> identity_;
  const telemetry::Log log_;
  telemetry::Metrics* const metrics_;
};

}  // namespace errand::upstream
