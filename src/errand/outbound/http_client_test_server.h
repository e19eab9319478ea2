#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace errand::outbound {

/// A server on loopback that does to its clients whatever a test says, with one thread a
/// connection.
class TestServer {
 public:
  struct Request {
    std::string head;  ///< with the empty line
    std::string body;
    [[nodiscard]] bool has(std::string_view text) const { return head.contains(text); }
  };

  class Connection {
   public:
    explicit Connection(int socket) : socket_(socket) {}

    /// The next request with a Content-Length or none; nullopt at the connection's end.
    std::optional<Request> read() {
      Request request;
      while (!received_.contains("\r\n\r\n")) {
        if (!read_some()) return std::nullopt;
      }
      const std::size_t end = received_.find("\r\n\r\n") + 4;
      request.head = received_.substr(0, end);
      received_.erase(0, end);
      std::size_t length = 0;
      if (const std::size_t at = request.head.find("Content-Length: "); at != std::string::npos) {
        length = std::strtoul(request.head.c_str() + at + 16, nullptr, 10);
      }
      while (received_.size() < length) {
        if (!read_some()) return std::nullopt;
      }
      request.body = received_.substr(0, length);
      received_.erase(0, length);
      return request;
    }

    /// False once the client is gone.
    bool send(std::string_view bytes) {
      while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }

    bool answer(std::string_view body, std::string_view headers = "", int status = 200) {
      return send("HTTP/1.1 " + std::to_string(status) + " X\r\n" + std::string(headers) +
                  "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                  std::string(body));
    }

    /// Returns when the client, or the server's end, has ended it.
    void wait_for_end() {
      while (read_some()) received_.clear();
    }

    [[nodiscard]] int socket() const { return socket_; }

   private:
    bool read_some() {
      char data[16 * 1024];
      const ssize_t bytes = ::recv(socket_, data, sizeof data, 0);
      if (bytes <= 0) return false;
      received_.append(data, static_cast<std::size_t>(bytes));
      return true;
    }

    int socket_;
    std::string received_;
  };

  /// @param serve  for each connection, which ends when it returns
  explicit TestServer(std::function<void(Connection&)> serve) : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 1'024) != 0 ||
        ::getsockname(listener_, generic, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }

  ~TestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/",
                                std::string_view host = "127.0.0.1") const {
    return "http://" + std::string(host) + ":" + std::to_string(port_) + std::string(path);
  }
  /// Accepted so far.
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      ++connections_;
      const std::lock_guard lock(mutex_);
      open_.push_back(socket);
      threads_.emplace_back([this, socket] {
        // OpenSSL's writes to a client that left raise it.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        Connection connection(socket);
        serve_(connection);
        const std::lock_guard closing(mutex_);
        std::erase(open_, socket);
        ::close(socket);
      });
    }
  }

  const std::function<void(Connection&)> serve_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;  ///< the acceptor's, then the destructor's
  std::mutex mutex_;
  std::vector<int> open_;  ///< guarded by mutex_
};

}  // namespace errand::outbound
