#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace errand_worker::testing {

/// A server on 127.0.0.1 that speaks the protocol as a test tells it to, and keeps what it hears.
/// Runs on a thread of its own; thread-safe.
class FakeServer {
 public:
  /// How it behaves; may be changed at any time by configure().
  struct Behavior {
    std::int64_t heartbeat_ms = 10'000;
    std::int64_t message_bytes_max = 1 << 20;
    bool answering = true;         ///< answers reports, heartbeats and drains by itself
    unsigned refuse_with = 0;      ///< HTTP status for the next handshakes; 0 lets them in
    unsigned messages_status = 0;  ///< HTTP status of POST /worker/v1/messages; 0 takes it
    std::string subprotocol = "errand.worker.v1";
    std::vector<std::string> features;
  };

  /// What was heard so far.
  struct Heard {
    std::vector<boost::json::object> messages;
    std::vector<std::size_t> frames;          ///< the number of messages in each
    std::vector<boost::json::object> posted;  ///< messages that came by HTTP
    std::size_t sockets = 0;                  ///< WebSockets that were accepted
    std::vector<unsigned> close_codes;  ///< of WebSockets that have ended; 0 without a close frame
    std::size_t handshakes = 0;         ///< the refused ones included
    std::string authorization;
    std::string path;

    /// The messages of one type.
    std::vector<boost::json::object> of(std::string_view type) const;
    /// Index of the last message that is equal to `message`; -1 for none.
    int last_index(const boost::json::object& message) const;
  };

  FakeServer();
  /// Listens at `port`; a client that waits for it meets `behavior` from the first handshake on.
  FakeServer(std::uint16_t port, Behavior behavior);
  ~FakeServer();  ///< stop()
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::uint16_t port() const;
  std::string url() const;

  void configure(const std::function<void(Behavior&)>& change);
  /// Waits until `condition` holds, and returns what was heard then. Throws after a minute.
  Heard until(const std::function<bool(const Heard&)>& condition);
  /// The message number `count` of `type`, from 1, once it has come.
  boost::json::object nth(std::string_view type, std::size_t count = 1);
  Heard heard() const;

  /// Sends to the socket that was accepted last, or to the one of that number, from 0.
  void send(const boost::json::value& message, int socket = -1);
  void ack(const boost::json::object& report, const boost::json::value& error = nullptr);
  /// Cuts the connection that was accepted last without a close frame.
  void cut();
  void close(unsigned code, const std::string& reason);
  /// Ends every connection and no longer listens.
  void stop();

  class Parts;

 private:
  std::unique_ptr<Parts> parts_;
};

/// A job of type "work" with the input {"n": number}; `rest` overrides members.
boost::json::object job_message(int number, const boost::json::object& rest = {});

/// {"jobId", "token"} of job_message(number).
boost::json::object held_job(int number, const boost::json::object& rest = {});

}  // namespace errand_worker::testing
