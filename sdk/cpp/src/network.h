#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "endpoint.h"

/// Sockets, timers and signals of a worker, on one thread. The only part that knows Asio and Beast.
namespace errand_worker::internal {

/// Why connecting again would not help.
struct Refusal {
  int code = 0;  ///< HTTP status or close code
  std::string message;
};

/// One WebSocket to the server, from connecting to closed. On the network's thread alone.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Sends one text message. One at a time: the next one after ConnectionEvents::sent(), and none
  /// before opened(). The text is kept as it is until then.
  virtual void send(std::string text) = 0;
  /// Closes with 1000, or by force when the server does not answer within 3 s.
  virtual void close() = 0;
  /// Gives the connection up without a word to the server; closed() will say `why`.
  virtual void terminate(std::string why) = 0;
  /// When the server was heard last, pings included.
  virtual std::chrono::steady_clock::time_point last_heard() const = 0;
};

/// What a connection tells, on the network's thread, never from within a call of the connection.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;

  virtual void opened(Connection& connection) = 0;
  /// @param text  valid during the call
  virtual void received(Connection& connection, std::string_view text) = 0;
  virtual void sent(Connection& connection) = 0;
  /// Once, after which nothing comes.
  virtual void closed(Connection& connection, const std::string& why,
                      const std::optional<Refusal>& refusal) = 0;
};

/// Calls back once, later, on the network's thread.
class Timer {
 public:
  virtual ~Timer() = default;
  /// Starts anew; an earlier start is forgotten.
  virtual void start(std::chrono::milliseconds delay) = 0;
  virtual void cancel() = 0;
};

class Network {
 public:
  /// @param ca_file  PEM; empty: the authorities of the system
  /// @throws std::invalid_argument when `ca_file` cannot be read
  Network(Endpoint endpoint, std::string token, const std::string& ca_file);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Makes the calling thread the network's until stop().
  void run();
  /// From the network's thread.
  void stop();
  /// Calls `function` on the network's thread, soon. From any thread.
  void post(std::function<void()> function);

  /// Begins to connect.
  std::shared_ptr<Connection> connect(ConnectionEvents& events);
  std::unique_ptr<Timer> timer(std::function<void()> fire);
  /// POSTs `body` to /worker/v1/messages within 10 s. `done` gets the status and the body of the
  /// answer, or 0 and what went wrong.
  void post_messages(std::string body, std::function<void(int status, std::string text)> done);
  /// Calls `caught` for the first SIGTERM or SIGINT; afterwards they mean what they did before.
  void on_signal(std::function<void(int number)> caught);

 private:
  struct Parts;

  std::unique_ptr<Parts> parts_;
};

}  // namespace errand_worker::internal
