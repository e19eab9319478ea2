#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "errand/base/error.h"
#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/outbound/http_client.h"
#include "errand/outbound/target_url.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/upstream/forwarded_headers.h"

namespace errand::upstream {

/// Passes HTTP requests on to one server and its responses back, as they are: method, body, query
/// string and end-to-end headers; status, headers and body, which is handed over as it comes.
///
/// Nothing is sent twice but GET, HEAD and OPTIONS, which bear it. Redirects are responses. A
/// client that reads slowly makes the upstream wait; one that leaves ends its request there. Goes
/// to the configured host and port alone.
///
/// Thread-safe. stop() comes before the end of the coroutines' context.
class Forwarder {
 public:
  struct Options {
    std::string url;  ///< of the upstream's GraphQL, http or https
    /// For resolving, connecting and the handshake of TLS; else 502.
    std::chrono::milliseconds connect_timeout{5'000};
    /// Until the head of the response, or all of a short one; else 504.
    std::chrono::milliseconds timeout{60'000};
    /// Between two pieces of a response; then it is cut.
    std::chrono::milliseconds idle_timeout{300'000};
    /// For a whole response.
    std::chrono::milliseconds stream_max = std::chrono::hours(24);
    std::size_t requests_max = 1'024;      ///< under way at once, streams included; else 503
    std::size_t buffer_bytes = 256 << 10;  ///< of one response, read before its client takes it
    std::string ca_file;  ///< certificates to trust instead of the system's; empty: those
  };

  /// Why there is no response of the upstream.
  struct Failure {
    unsigned status = 502;  ///< 502, 503 or 504; 400 for headers that cannot be sent
    Error error;            ///< for the client: without anything of what is inside
  };

  /// @param metrics  may be null; else outlives the forwarder
  /// @return kConfigInvalid for an URL that is none
  static Result<std::unique_ptr<Forwarder>> create(Options options, telemetry::Log log,
                                                   telemetry::Metrics* metrics);

  /// On a strand. Cancelled, it ends the request.
  boost::asio::awaitable<std::expected<net::HttpResponse, Failure>> forward(
      net::HttpRequest request, Cause cause);

  /// Ends what is under way and takes nothing more. After the HTTP server has stopped.
  void stop() { client_->stop(); }

 private:
  Forwarder(Options options, const outbound::TargetUrl& url,
            std::unique_ptr<outbound::HttpClient> client, telemetry::Log log,
            telemetry::Metrics* metrics);

  void count(std::string_view outcome, std::chrono::steady_clock::time_point begun);

  const Options options_;
  const std::string url_;
  const std::unique_ptr<outbound::HttpClient> client_;
  const telemetry::Log log_;
  telemetry::Metrics* const metrics_;
};

/// Lets requests go to the host and port of `url` alone, whatever they resolve to: an operator who
/// names it wants it.
Result<std::shared_ptr<const outbound::AddressGuard>> guard_for(const outbound::TargetUrl& url);

}  // namespace errand::upstream
