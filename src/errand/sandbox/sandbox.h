#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "errand/base/result.h"
#include "errand/sandbox/file_descriptor.h"
#include "errand/sandbox/machine.h"
#include "errand/sandbox/request.h"

namespace errand::sandbox {

/// Asks one running command to end. Thread-safe; may be used before the run starts and after it.
class StopSignal {
 public:
  StopSignal();

  /// SIGTERM now, SIGKILL to what is left at `kill_at`. An earlier `kill_at` replaces a later one.
  void terminate(std::chrono::steady_clock::time_point kill_at);
  /// SIGKILL to the whole tree.
  void kill() { terminate(std::chrono::steady_clock::time_point::min()); }

 private:
  friend class Run;

  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> kill_at() const;

  FileDescriptor event_;  ///< readable once it was asked
  mutable std::mutex mutex_;
  std::optional<std::chrono::steady_clock::time_point> kill_at_;  ///< guarded by mutex_
};

/// A limit that ended a command.
enum class LimitHit : std::uint8_t { kNone, kWall, kCpu, kMemory, kFileSize, kOutput, kLine };

/// Why a command was not started.
enum class StartFault : std::uint8_t {
  kNone,
  kNotFound,       ///< there is no such program, or it cannot be seen from inside
  kNotExecutable,  ///< it is no program, or may not be executed
  kSandbox,        ///< the sandbox could not be set up
};

/// How a command ended. Of its whole tree nothing is left then.
struct Ended {
  StartFault fault = StartFault::kNone;
  std::string fault_text;          ///< with `fault`: what failed, for people
  std::optional<int> exit_status;  ///< not set: it was killed
  int signal = 0;                  ///< that killed it; 0: none
  LimitHit limit = LimitHit::kNone;
  bool stopped = false;    ///< a StopSignal asked it to end
  bool refused = false;    ///< the sink of lines did
  bool left_over = false;  ///< some process could not be killed, such as one that waits for a disk
  std::string log;         ///< the end of its standard error
  std::uint64_t log_bytes = 0;     ///< all that it wrote there
  std::uint64_t output_bytes = 0;  ///< all that was read of its standard output
  std::chrono::microseconds cpu{0};
  std::uint64_t peak_rss_bytes = 0;  ///< of its largest process

  [[nodiscard]] bool succeeded() const {
    return fault == StartFault::kNone && exit_status == 0 && limit == LimitHit::kNone && !refused;
  }
  /// One sentence without a full stop: "it exited with status 3".
  [[nodiscard]] std::string describe() const;
};

/// Takes one line of standard output, without its line break. false: kill the command.
using LineSink = std::function<bool(std::string_view)>;

/// Runs commands under limits. Thread-safe: any number of runs at once, each on its caller's
/// thread.
class Sandbox {
 public:
  /// @return kUnavailable when this machine cannot start programs from memory.
  static Result<std::shared_ptr<Sandbox>> create(Machine machine, Capabilities capabilities);

  [[nodiscard]] const Machine& machine() const noexcept { return machine_; }
  [[nodiscard]] const Capabilities& capabilities() const noexcept { return capabilities_; }

  /// Whether run() would start it. Errors as sandbox::check().
  [[nodiscard]] Result<void> check(const Request& request) const;

  /// Runs a command to its end, and blocks meanwhile. The thread must live as long as that.
  /// @param stop  of this run alone
  /// @param sink  of each line of standard output, also of a last one without a line break; called
  ///              on this thread
  /// @return how it ended; an error of check(), or kUnavailable when the machine has no memory,
  ///         files or processes left to start it.
  Result<Ended> run(const Request& request, StopSignal& stop, const LineSink& sink) const;

 private:
  Sandbox(Machine machine, Capabilities capabilities, FileDescriptor program)
      : machine_(std::move(machine)),
        capabilities_(std::move(capabilities)),
        program_(std::move(program)) {}

  const Machine machine_;
  const Capabilities capabilities_;
  const FileDescriptor program_;  ///< the init program, in memory
};

}  // namespace errand::sandbox
