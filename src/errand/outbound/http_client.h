#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "errand/base/result.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/http_exchange.h"
#include "errand/telemetry/metrics.h"

namespace errand::outbound {

/// Sends HTTP requests (1.1, and 2 over TLS) on one thread of its own, whatever their number.
///
/// What a target can do is bounded: its response is never unpacked, a redirect is a response like
/// another, cookies and .netrc do not exist, proxies of the environment are not used. Each address
/// is checked by an AddressGuard before it is connected to, and each connection before it is used
/// again. TLS is 1.2 or newer, and verified.
///
/// Connections are kept and shared by the requests of one origin (scheme, host, port). One that the
/// target closed in the moment of being used again is replaced, and the request sent once more, as
/// RFC 9110, 9.2.2 has it for idempotent ones: requests are to bear it, by an idempotency key, or
/// to say HttpRequest::once.
///
/// Bounded: over Options::in_flight_max requests wait, in their order, those of an origin that has
/// its share letting others pass; beyond Options::waiting_max they are refused.
///
/// Thread-safe. stop(), and with it the destructor, ends all requests with kCanceled; neither may
/// be called within a callback.
class HttpClient {
 public:
  struct Options {
    std::size_t in_flight_max = 256;             ///< requests under way; > 0
    std::size_t in_flight_per_origin_max = 64;   ///< of those, to one origin; > 0
    std::size_t waiting_max = 4'096;             ///< requests that wait for their turn
    std::size_t waiting_per_origin_max = 1'024;  ///< of those, for one origin
    std::size_t idle_connections_max = 64;       ///< kept open for later requests
    std::size_t header_bytes_max = 64 * 1024;    ///< of a response, interim ones and trailers too
    std::string user_agent = "errand";
    std::string ca_file;  ///< certificates to trust instead of the system's; empty: those
  };

  /// Told once what became of a request; on the client's thread, which it must not block, or within
  /// fetch() where nothing was tried. Throws nothing.
  using Done = std::move_only_function<void(HttpResult)>;

  /// Starts the thread.
  /// @param guard    of requests without one of their own; not null
  /// @param metrics  may be null; else outlives the client
  /// @return kInvalidArgument naming a bad option
  static Result<std::unique_ptr<HttpClient>> create(const Options& options,
                                                    std::shared_ptr<const AddressGuard> guard,
                                                    telemetry::Metrics* metrics);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends `request` and tells `done` what became of it.
  void fetch(HttpRequest request, Done done);

  /// The same for a coroutine, which resumes on its own executor, whose context is to outlive
  /// stop(). Its cancellation (all types) works as a stop of HttpRequest::stop; the result is
  /// awaited, so that afterwards nothing goes on.
  boost::asio::awaitable<HttpResult> fetch(HttpRequest request);

  /// Ends what is under way and takes nothing more. Idempotent; blocks until all have been told.
  void stop();

  class Impl;

 private:
  explicit HttpClient(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace errand::outbound
