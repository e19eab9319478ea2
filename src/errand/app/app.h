#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "errand/app/config.h"
#include "errand/auth/credentials.h"
#include "errand/base/result.h"
#include "errand/telemetry/log.h"
#include "errand/worker/gateway.h"

namespace errand::app {

/// A running server, put together from its parts: the composition root. The one place that names a
/// concrete store.
///
/// start() and stop() are called from one thread; between them everything runs on the app's own.
class App {
 public:
  /// What a person needs to know to use the server.
  struct Summary {
    std::string url;                 ///< "http://127.0.0.1:7420"
    std::uint16_t port = 0;          ///< in use, also when any was asked for
    std::string data;                ///< directory of the database
    std::vector<std::string> types;  ///< job types served
    std::string upstream;            ///< the server that this one stands in front of; or empty
    bool graphiql = false;           ///< /graphiql is served
    /// Development mode: the tokens.
    std::optional<auth::DevelopmentTokens> tokens;
    bool first_start = false;  ///< the tokens are new
  };

  /// What is no setting, because no installation wants it.
  struct Options {
    /// A clock that clients put forward at /test/clock, in development mode alone.
    bool test_clock = false;
    /// Handlers within this process, of the program that embeds the server.
    std::vector<worker::Gateway::Hosted> handlers = {};
  };

  /// Opens the store, checks the schema against its live jobs, binds the address and serves.
  ///
  /// @return kConfigInvalid, kSchemaInvalid, kSchemaIncompatible, kAddressInUse, kStoreLocked,
  ///         kStoreTooNew, kStoreReadOnly or kStoreFull, each saying what to do.
  static Result<std::unique_ptr<App>> start(const Config& config, const Options& options,
                                            telemetry::Log log);

  /// Calls stop().
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  [[nodiscard]] const Summary& summary() const;

  /// Reads the credentials file anew. What is let in already stays until it closes.
  /// @return the file's error; then the old credentials go on.
  Result<void> reload_credentials();

  /// Graceful end: not ready, no new connections, workers are told, requests in flight are answered
  /// (at most server.drain_timeout), what the lane holds is committed. Idempotent.
  void stop();

 private:
  class Impl;
  explicit App(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::app
