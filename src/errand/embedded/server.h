#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errand_worker/handler.h"

#include "errand/base/result.h"

namespace errand {

/// What an embedded server is started with. Paths are relative to the working directory.
struct ServerOptions {
  /// SDL; at least one, here or in the configuration file.
  std::vector<std::string> schema_files{};
  /// Directory of the database and the master key; not set: "errand-data".
  std::optional<std::string> data{};
  std::optional<std::uint16_t> port{};  ///< 0 takes a free one; not set: 7420
  /// All other settings by their key in errand.toml, as texts: {"worker.lease", "10s"},
  /// {"auth.credentials", "credentials.toml"}. Without credentials it is in development mode, on
  /// loopback.
  std::map<std::string, std::string> settings{};
  /// An errand.toml to read, which yields to all that is set here; empty: ./errand.toml, if there.
  std::string config_file{};
  /// A clock that tests put forward at /test/clock; development mode only.
  bool test_clock = false;
};

/// The whole server within a C++ program, with handlers that run in this process.
///
///     errand::Server server({.schema_files = {"schema.graphql"}});
///     server.handle("exportReport", [](errand_worker::Job& job) -> boost::json::value {
///       return {{"url", write_report(job.input())}};
///     });
///     if (const auto started = server.start(); !started) return fail(started.error().message);
///     ...
///     server.stop();
///
/// Handlers are those of the package errand-worker: what runs here runs as well in a process of its
/// own, and is tested by errand_worker::run_job(). They have the lease, retries, timeouts and
/// cancellation of every job; only that no socket lies between. Types without one are for workers
/// that connect.
///
/// handle() comes before start(), on one thread; handlers run on others. start() and stop() are
/// called from one thread.
class Server {
 public:
  explicit Server(ServerOptions options);
  /// Calls stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Names the function that runs jobs of one type, the mutation's name.
  /// @param slots  how many run at once, each on a thread of its own; from 1 to 10,000
  Server& handle(std::string type, errand_worker::Handler handler, int slots = 1);

  /// The same for `function(Job&, const Input&) -> Result`; see errand_worker::typed_handler().
  template <class Input, class Result, class Function>
  Server& handle(std::string type, Function function, int slots = 1) {
    return handle(std::move(type), errand_worker::typed_handler<Input, Result>(std::move(function)),
                  slots);
  }

  /// Opens the store and serves.
  /// @return kInvalidArgument for a handler of a type that the schema does not have, or that is
  ///         there twice; else what app::App::start() says
  Result<void> start();

  /// Graceful end: nothing new starts, running handlers have `server.drain_timeout` to finish, then
  /// they are told to stop and their jobs given back. Returns when no handler runs any more.
  /// Idempotent.
  void stop();

  /// "http://127.0.0.1:7420"; between start() and stop().
  [[nodiscard]] const std::string& url() const;
  /// Development mode: the clients' token; else empty.
  [[nodiscard]] const std::string& client_token() const;
  /// Development mode: the token of workers that connect; else empty.
  [[nodiscard]] const std::string& worker_token() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand
