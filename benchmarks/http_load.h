#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// A client of HTTP/1.1 with many connections, each with one request under way: the next one is
/// sent when the answer to the last one is there. One thread, epoll, no copy of a body: it takes as
/// little as it can of the cores it shares with the server.
class HttpLoad {
 public:
  struct Options {
    std::uint16_t port = 0;  ///< of 127.0.0.1
    int connections = 64;
    std::chrono::milliseconds how_long{5'000};
    /// Appends one whole request. False: none now; asked again after the next answer or wake().
    std::function<bool(std::string& request)> next;
    /// Ends the run before `how_long` has passed, once it says true; may be empty.
    std::function<bool()> finished = nullptr;
    /// Looks at an answer; an error ends the run with it.
    std::function<Result<void>(int status, std::string_view body)> done;
  };

  struct Outcome {
    std::uint64_t answers = 0;
    double seconds = 0;                               ///< how long the run was
    std::vector<std::chrono::nanoseconds> latencies;  ///< of each answer, in no order
  };

  HttpLoad();
  ~HttpLoad();
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  /// Runs for `how_long`, then waits for the answers that are under way, which are not counted.
  Result<Outcome> run(const Options& options);

  /// Lets idle connections ask for their next request. From any thread.
  void wake() const;

 private:
  int wake_fd_ = -1;
};

/// A POST of JSON, or a GET where `body` is empty.
std::string http_request(std::string_view path, std::string_view token, std::string_view body);

}  // namespace errand::benchmarks
