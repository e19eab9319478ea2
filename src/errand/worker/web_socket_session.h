#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/event.h"
#include "errand/net/web_socket.h"
#include "errand/worker/hub.h"

namespace errand::worker {

/// One worker on a WebSocket, from hello to close. Lives on the connection's strand; offer(),
/// stop() and drain() come from other threads and go over to it.
class WebSocketSession final : public Outlet,
                               public std::enable_shared_from_this<WebSocketSession> {
 public:
  WebSocketSession(Hub& hub, std::shared_ptr<net::WebSocket> socket, auth::PrincipalPtr principal);

  /// Serves the connection to its end.
  boost::asio::awaitable<void> run();

  void offer(std::vector<engine::Dispatch> dispatches) override;
  void stop(engine::StopNotice notice) override;
  void drain(DrainReason reason, Milliseconds grace) override;
  [[nodiscard]] const auth::Principal& principal() const override { return *principal_; }

 private:
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<bool> greet();
  boost::asio::awaitable<bool> handle(WorkerMessage message);
  boost::asio::awaitable<void> report(Report report);
  /// Holds `self` from the start: it is made before it runs, and the connection may end in between.
  static boost::asio::awaitable<void> load_and_send(std::shared_ptr<WebSocketSession> self,
                                                    engine::Dispatch dispatch);
  Result<std::vector<WorkerMessage>> read_messages(const net::WebSocket::Message& message) const;

  void beat(Heartbeat heartbeat);
  void begin_drain();
  void take(engine::Dispatch dispatch);
  void send_offer(const engine::Dispatch& dispatch, const JobOffer& offer);
  /// Puts a message behind those that wait; what comes up in one turn of the strand goes out in one
  /// frame.
  /// @param dispatch  of an offer: released where it cannot be sent after all
  /// @return false: it is closed
  bool send(const ServerMessage& message, std::optional<engine::Dispatch> dispatch = std::nullopt);
  void flush();
  void refuse(const Error& error);
  void finished(const Ack& ack, bool was_progress);
  [[nodiscard]] Reports::Sender sender() const { return {principal_, id_}; }

  Hub& hub_;
  std::shared_ptr<net::WebSocket> socket_;
  auth::PrincipalPtr principal_;
  WorkerId id_;

  struct Outgoing {
    std::string text;
    std::optional<engine::Dispatch> dispatch;
  };

  // On the strand alone.
  std::vector<Outgoing> outgoing_;
  bool flush_is_due_ = false;
  bool closed_ = false;
  bool draining_ = false;
  std::size_t unanswered_ = 0;
  async::Event answered_;
  std::unordered_map<std::string, JobTypeName> types_;  ///< by token, of the jobs offered here
};

}  // namespace errand::worker
