#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// A server of ours on a free port of 127.0.0.1, with its data, schema and credentials in a
/// temporary folder that goes with it.
class ServerProcess {
 public:
  struct Options {
    std::filesystem::path program;
    std::filesystem::path
        parent;          ///< where the temporary folder is made; it decides which disk is measured
    std::string schema;  ///< SDL
  };

  /// Starts the server and waits until it is ready. @return kUnavailable with what it printed.
  static Result<ServerProcess> start(const Options& options);

  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess();  ///< SIGTERM, then SIGKILL after 10 s; removes the folder

  /// Ends the server by SIGKILL, as a crash would. From any thread, once.
  void kill();
  /// Starts it again on the same data, on another port, and waits until it is ready.
  Result<void> restart();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& client_token() const { return client_token_; }
  [[nodiscard]] const std::string& worker_token() const { return worker_token_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  ServerProcess() = default;

  Result<void> launch();

  std::string program_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::filesystem::path folder_;
  std::string client_token_;
  std::string worker_token_;
};

}  // namespace errand::benchmarks
