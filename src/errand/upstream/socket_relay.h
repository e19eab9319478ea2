#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "errand/async/event.h"
#include "errand/async/task_group.h"
#include "errand/base/error.h"
#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/upstream/client_socket.h"

namespace errand::upstream {

/// The operations of one client's `graphql-transport-ws` connection that are the upstream's, over a
/// connection of its own to there. That one is opened with the first of them, with the headers of
/// the client's upgrade and its connection_init, and stays open as long as the client's; where the
/// upstream closed it, the next operation opens another.
///
/// Messages go through as they are, ids included. A client that does not read makes the upstream
/// wait. Where the connection fails, so do all operations on it, each with an `error`.
///
/// Belongs to the strand of the client's connection, with all its members.
class SocketRelay : public std::enable_shared_from_this<SocketRelay> {
 public:
  struct Options {
    std::chrono::milliseconds connect_timeout{10'000};  ///< to the end of the handshake
    std::chrono::milliseconds ack_timeout{10'000};      ///< for connection_ack
    std::chrono::milliseconds close_timeout{2'000};
    /// What may wait to be sent to the upstream; an operation that finds no room is refused.
    std::size_t queue_bytes_max = 4 << 20;
  };

  /// The client's side.
  struct Client {
    boost::asio::any_io_executor strand;
    net::HttpHeaders headers;     ///< of the upgrade, as they go to the upstream
    std::string query;            ///< of its target
    std::string connection_init;  ///< its message
    /// Passes a message to the client, when there is room; false once the client is gone.
    std::function<boost::asio::awaitable<bool>(std::string message)> send;
    /// The upstream ended the operation; its last message is passed next.
    std::function<void(std::string_view id)> ended;
    /// The operation could not be run, or not to its end.
    std::function<boost::asio::awaitable<void>(std::string id, Error why)> failed;
  };

  /// @param connector  outlives the relay
  SocketRelay(Options options, const SocketConnector& connector, Client client, telemetry::Log log,
              telemetry::Metrics* metrics);
  ~SocketRelay();
  SocketRelay(const SocketRelay&) = delete;
  SocketRelay& operator=(const SocketRelay&) = delete;

  /// Sends a subscribe message with the id `id`, which is not in use.
  /// @return kResourceExhausted where there is no room for it
  Result<void> subscribe(std::string id, std::string message);

  /// The client wants no more of `id`; nothing is passed on for it from here on.
  void complete(std::string_view id);

  /// Ends the connection and waits for it. Before the relay goes.
  boost::asio::awaitable<void> close();

 private:
  struct Outgoing {
    std::string id;  ///< of a subscribe message; else empty
    std::string text;
    bool pong = false;
  };

  boost::asio::awaitable<void> run();
  /// @return why no connection is there, or there any more
  boost::asio::awaitable<Error> open_and_serve();
  /// From the connection on to its end. @return why it ended
  boost::asio::awaitable<Error> serve(std::shared_ptr<ClientSocket> socket);
  boost::asio::awaitable<void> write_loop(std::shared_ptr<ClientSocket> socket);
  boost::asio::awaitable<std::optional<Error>> wait_for_ack(std::shared_ptr<ClientSocket> socket);
  boost::asio::awaitable<Error> read_loop(std::shared_ptr<ClientSocket> socket);
  boost::asio::awaitable<void> fail_all(Error why);
  void send(Outgoing message);
  void count(std::string_view outcome);
  [[nodiscard]] Error closed_error(const ClientSocket& socket, const Error& why) const;

  const Options options_;
  const SocketConnector& connector_;
  const Client client_;
  const telemetry::Log log_;
  telemetry::Metrics* const metrics_;

  std::unordered_set<std::string> open_;  ///< ids
  std::deque<Outgoing> queue_;            ///< in the order of sending
  std::size_t queue_bytes_ = 0;
  bool pong_waits_ = false;  ///< in the queue; a second one is not needed
  bool running_ = false;     ///< run() is
  bool closing_ = false;
  // Of the present connection.
  std::shared_ptr<ClientSocket> socket_;
  bool acknowledged_ = false;
  bool over_ = false;
  async::Event wake_writer_;
  async::TaskGroup tasks_;
};

}  // namespace errand::upstream
