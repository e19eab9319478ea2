#include "benchmarks/worker_client.h"

#include <exception>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace errand::benchmarks {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace json = boost::json;

/// The connection. All but grant() and stop() runs on the worker's thread.
class WorkerClient::Session {
 public:
  explicit Session(Options options) : options_(std::move(options)) {}

  void run() {
    socket_.next_layer().connect({asio::ip::address_v4::loopback(), options_.port});
    socket_.next_layer().set_option(asio::ip::tcp::no_delay(true));
    socket_.set_option(
        beast::websocket::stream_base::decorator([this](beast::websocket::request_type& request) {
          request.set(beast::http::field::authorization, "Bearer " + options_.token);
          request.set(beast::http::field::sec_websocket_protocol, "errand.worker.v1");
        }));
    socket_.handshake("127.0.0.1", "/worker");
    socket_.text(true);
    add_message(fmt::format(R"({{"type":"hello","types":["{}"],"slots":{},"name":"bench"}})",
                            options_.job_type, options_.slots));
    if (options_.always_free) credits_ = options_.slots;
    send();
    receive();
    context_.run();
  }

  void grant(int credits) {
    asio::post(context_, [this, credits] {
      credits_ += credits;
      send();
    });
  }

  void stop() {
    asio::post(context_, [this] { context_.stop(); });
  }

 private:
  void receive() {
    socket_.async_read(buffer_, [this](beast::error_code error, std::size_t) {
      if (error) throw std::runtime_error(error.message());
      const auto now = Clock::now();
      const std::string_view text(static_cast<const char*>(buffer_.data().data()), buffer_.size());
      const json::value parsed = json::parse(text);
      buffer_.consume(buffer_.size());
      if (parsed.is_array()) {
        for (const auto& message : parsed.as_array()) handle(message.as_object(), now);
      } else {
        handle(parsed.as_object(), now);
      }
      send();
      receive();
    });
  }

  void handle(const json::object& message, Clock::time_point now) {
    const auto& type = message.at("type").as_string();
    if (type == "job") {
      const auto& id = message.at("jobId").as_string();
      const auto number =
          message.at("arguments").at("input").at("number").to_number<std::uint64_t>();
      if (options_.started) options_.started({id.data(), id.size()}, number, now);
      running_.emplace(id, number);
      add_message(
          fmt::format(R"({{"type":"complete","jobId":"{}","token":"{}","result":{{"number":{}}}}})",
                      id.c_str(), message.at("token").as_string().c_str(), number));
    } else if (type == "ack") {
      if (message.at("status").as_string() != "OK")
        throw std::runtime_error("refused: " + json::serialize(message));
      const auto found = running_.find(std::string(message.at("jobId").as_string()));
      if (found == running_.end()) throw std::runtime_error("an ack of no job");
      if (options_.completed) options_.completed(found->second);
      running_.erase(found);
      if (options_.always_free) ++credits_;
    } else if (type == "error") {
      throw std::runtime_error(json::serialize(message));
    }
  }

  void add_message(const std::string& message) {
    next_ += next_.empty() ? '[' : ',';
    next_ += message;
  }

  /// Sends what has gathered, one array at a time.
  void send() {
    if (sending_) return;
    if (credits_ > 0)
      add_message(fmt::format(R"({{"type":"credits","add":{}}})", std::exchange(credits_, 0)));
    if (next_.empty()) return;
    next_ += ']';
    under_way_.clear();
    next_.swap(under_way_);
    sending_ = true;
    socket_.async_write(asio::buffer(under_way_), [this](beast::error_code error, std::size_t) {
      if (error) throw std::runtime_error(error.message());
      sending_ = false;
      send();
    });
  }

  const Options options_;
  asio::io_context context_{1};
  beast::websocket::stream<asio::ip::tcp::socket> socket_{context_};
  beast::flat_buffer buffer_;
  std::unordered_map<std::string, std::uint64_t> running_;
  int credits_ = 0;  ///< to be sent
  std::string next_;
  std::string under_way_;
  bool sending_ = false;
};

WorkerClient::WorkerClient(Options options)
    : session_(std::make_unique<Session>(std::move(options))), thread_([this] {
        try {
          session_->run();
        } catch (const std::exception& error) {
          outcome_ = fail(ErrorCode::kProtocolError, fmt::format("worker: {}", error.what()));
        }
      }) {}

WorkerClient::~WorkerClient() { (void)stop(); }

void WorkerClient::grant(int credits) { session_->grant(credits); }

Result<void> WorkerClient::stop() {
  if (thread_.joinable()) {
    session_->stop();
    thread_.join();
  }
  return outcome_;
}

}  // namespace errand::benchmarks
