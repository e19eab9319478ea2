#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "errand_worker/errors.h"
#include "errand_worker/handler.h"
#include "errand_worker/job.h"
#include "errand_worker/log.h"

namespace errand_worker {

struct WorkerOptions {
  /// The server's address, such as "https://errand.example"; http, https, ws or wss.
  std::string url{};
  /// A token with the scope `worker`.
  std::string token{};
  /// How many jobs run at once, each on a thread of its own; from 1 to 10,000. Threads are started
  /// when they are needed first.
  int slots = 1;
  /// Queues to take jobs from; empty: all that the token allows.
  std::vector<std::string> queues{};
  /// For people; empty: the host's name and the process id.
  std::string name{};
  /// Which build of your code this is.
  std::string build{};
  /// What this worker is or has, for people to see.
  std::map<std::string, std::string> labels{};
  /// Takes only jobs whose label, for each entry, has one of the values; without values only jobs
  /// that do not have the label.
  std::map<std::string, std::vector<std::string>> selectors{};
  Logger logger = json_logger();
  /// What is less than this is not logged.
  LogLevel log_level = LogLevel::kInfo;
  /// How long running jobs go on after stop() before they are told to stop and given back; >= 0.
  std::chrono::milliseconds drain_timeout{30'000};
  /// Whether SIGTERM and SIGINT stop(); a second one then ends the process.
  bool handle_signals = true;
  /// Longest wait before connecting again the first time, and at all; > 0. Each time is drawn
  /// between a tenth of the longest and that, the longest doubles.
  std::chrono::milliseconds reconnect_first{1'000};
  std::chrono::milliseconds reconnect_longest{30'000};
  /// File of the authorities (PEM) that vouch for an https server; empty: those of the system.
  std::string ca_file{};
};

/// Takes jobs from an Errand server and runs their handlers.
///
///     errand_worker::Worker worker({.url = "http://127.0.0.1:7420", .token = token, .slots = 4});
///     worker.handle("exportReport", [](errand_worker::Job& job) -> boost::json::value {
///       return {{"url", write_report(job.input())}};
///     });
///     worker.run();  // until SIGTERM or SIGINT: then what runs is finished first
///
/// Heartbeats, reconnecting and draining happen by themselves. Running jobs survive a broken
/// connection and a restart of the server: what they report meanwhile is sent until it is
/// acknowledged. A job can run more than once, as a machine may die between work and report.
///
/// handle() comes before run() and on one thread; stop() and running() from any.
class Worker {
 public:
  /// @throws std::invalid_argument naming the first bad option.
  explicit Worker(WorkerOptions options);
  /// run() must have returned.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Names the function that runs jobs of one type.
  /// @throws std::logic_error when there is one already, or after run().
  Worker& handle(std::string type, Handler handler);

  /// The same for `function(Job&, const Input&) -> Result`; see typed_handler().
  template <class Input, class Result, class Function>
  Worker& handle(std::string type, Function function) {
    return handle(std::move(type), typed_handler<Input, Result>(std::move(function)));
  }

  /// Connects and works until stop(), a signal, or until an operator drains this worker; then
  /// returns when no handler runs any more. A server that cannot be reached is tried again and
  /// again. Handlers run on other threads than the caller's.
  ///
  /// @throws WorkerRefused when the server will not have this worker.
  /// @throws std::logic_error without a handler, or when called a second time.
  void run();

  /// Asks run() to end, and returns at once: it takes no further job, waits for running ones and
  /// their acknowledgements, then closes. Jobs that run longer than `drain_timeout` are told to
  /// stop, and given back 5 s later; a handler that ignores that too holds run() up. May be called
  /// from a handler, more than once, and before run(), which then returns at once.
  void stop();

  /// How many jobs run now.
  std::size_t running() const;

 private:
  class Core;

  std::unique_ptr<Core> core_;
};

}  // namespace errand_worker
