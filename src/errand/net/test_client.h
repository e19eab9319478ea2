#pragma once

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace errand::net {

/// A client that sends raw bytes, for tests. Blocks; CTest's time limit ends what hangs.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port) : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }

  void send(std::string_view bytes) { boost::asio::write(socket_, boost::asio::buffer(bytes)); }

  /// As send(), where the server may have closed already.
  void try_send(std::string_view bytes) {
    boost::system::error_code ec;
    boost::asio::write(socket_, boost::asio::buffer(bytes), ec);
  }

  struct Response {
    unsigned status = 0;
    std::string head;
    std::string body;
    [[nodiscard]] bool has(std::string_view text) const {
      return head.find(text) != std::string::npos;
    }
  };

  /// Reads one response with a Content-Length (or none). Status 0: the connection ended instead.
  Response read_response(bool with_body = true) {
    Response response;
    boost::system::error_code ec;
    boost::asio::read_until(socket_, boost::asio::dynamic_buffer(received_), "\r\n\r\n", ec);
    if (ec) return response;
    const std::size_t end = received_.find("\r\n\r\n") + 4;
    response.head = received_.substr(0, end);
    received_.erase(0, end);
    response.status = static_cast<unsigned>(std::stoi(response.head.substr(9, 3)));
    const std::size_t at = response.head.find("Content-Length: ");
    if (!with_body || at == std::string::npos) return response;
    const auto length = static_cast<std::size_t>(std::stoul(response.head.substr(at + 16)));
    while (received_.size() < length) {
      if (!read_some()) break;
    }
    response.body = received_.substr(0, length);
    received_.erase(0, length);
    return response;
  }

  /// The data of the next chunk of a chunked body, after read_response(); "" for the last one, or
  /// where the connection ended instead.
  std::string read_chunk() {
    boost::system::error_code ec;
    const std::size_t head =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(received_), "\r\n", ec);
    if (ec) return "";
    const auto size = static_cast<std::size_t>(std::stoul(received_, nullptr, 16));
    received_.erase(0, head);
    while (received_.size() < size + 2) {
      if (!read_some()) return "";
    }
    std::string data = received_.substr(0, size);
    received_.erase(0, size + 2);
    return data;
  }

  /// Everything until the server ends the connection.
  std::string read_to_end() {
    while (read_some()) {
    }
    return std::exchange(received_, {});
  }

  void shutdown_send() { socket_.shutdown(boost::asio::socket_base::shutdown_send); }

  /// Ends the connection by a reset, as a crashed peer's system does.
  void reset() {
    socket_.set_option(boost::asio::socket_base::linger(true, 0));
    socket_.close();
  }

  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  bool read_some() {
    char data[4096];
    boost::system::error_code ec;
    const std::size_t bytes = socket_.read_some(boost::asio::buffer(data), ec);
    if (ec) return false;
    received_.append(data, bytes);
    return true;
  }

  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_;
  std::string received_;
};

/// An io_context on two threads, for tests.
class TestThreads {
 public:
  TestThreads() {
    for (int i = 0; i < 2; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
  }
  ~TestThreads() { join(); }
  TestThreads(const TestThreads&) = delete;
  TestThreads& operator=(const TestThreads&) = delete;

  void join() {
    work_.reset();
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  boost::asio::io_context& context() { return context_; }

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(context_);
  std::vector<std::thread> threads_;
};

}  // namespace errand::net
