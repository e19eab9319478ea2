#include "fake_server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace errand_worker::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
namespace websocket = beast::websocket;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

class Session;

bool is_report(std::string_view type) {
  return type == "complete" || type == "fail" || type == "release" || type == "snooze" ||
         type == "step";
}

json::object ack_of(const json::object& report, const json::value& error) {
  json::object ack{{"type", "ack"},
                   {"jobId", report.at("jobId")},
                   {"token", report.at("token")},
                   {"status", error.is_null() ? "OK" : "REFUSED"}};
  if (report.contains("ref")) ack.emplace("ref", report.at("ref"));
  if (!error.is_null()) ack.emplace("error", error);
  return ack;
}

/// What a server answers to `message` by itself; empty for nothing.
json::value answer_of(const json::object& message) {
  const std::string type(message.at("type").as_string());
  if (type == "drain") return json::object{{"type", "draining"}};
  if (type == "heartbeat") {
    json::array jobs = message.at("jobs").as_array();
    for (json::value& job : jobs) {
      job.as_object().emplace("state", "RUNNING");
      job.as_object().emplace("leaseMs", 30'000);
    }
    return json::object{{"type", "heartbeat_ack"}, {"jobs", jobs}};
  }
  if (is_report(type)) return ack_of(message, nullptr);
  return nullptr;
}

}  // namespace

class FakeServer::Parts {
 public:
  Parts(std::uint16_t port, Behavior behavior) : acceptor_(io_), behavior_(std::move(behavior)) {
    const Tcp::endpoint address(asio::ip::address_v4::loopback(), port);
    acceptor_.open(address.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(address);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  void accept();
  void stop();

  template <class Function>
  void on_thread(Function function) {
    asio::post(io_, std::move(function));
  }

  Behavior behavior() const {
    const std::scoped_lock lock(mutex_);
    return behavior_;
  }

  void hear(const std::function<void(Heard&)>& change) {
    {
      const std::scoped_lock lock(mutex_);
      change(heard_);
    }
    changed_.notify_all();
  }

  asio::io_context io_{1};
  Tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::vector<std::shared_ptr<Session>> sessions_;  // on the thread

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Behavior behavior_;
  Heard heard_;

  std::thread thread_;
};

namespace {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, FakeServer::Parts& server)
      : server_(server), socket_(std::move(socket)) {}

  void start() {
    http::async_read(socket_.next_layer(), buffer_, request_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (!error) self->have_request();
                     });
  }

  void send(const json::value& message) {
    outgoing_.push_back(json::serialize(message));
    if (outgoing_.size() == 1) write();
  }

  void cut() { socket_.next_layer().close(); }

  /// After what waits to be sent.
  void close(unsigned code, const std::string& reason) {
    closing_ = {static_cast<websocket::close_code>(code), reason};
    if (outgoing_.empty()) write_close();
  }

 private:
  void have_request() {
    const FakeServer::Behavior behavior = server_.behavior();
    const bool upgrade = websocket::is_upgrade(request_);
    server_.hear([&](FakeServer::Heard& heard) {
      heard.handshakes += upgrade ? 1 : 0;
      heard.authorization = request_[http::field::authorization];
      if (upgrade) heard.path = request_.target();
    });
    if (!upgrade) return take_post(behavior);
    if (behavior.refuse_with != 0) return respond(behavior.refuse_with, "reason");
    if (!behavior.subprotocol.empty()) {
      socket_.set_option(websocket::stream_base::decorator(
          [name = behavior.subprotocol](websocket::response_type& response) {
            response.set(http::field::sec_websocket_protocol, name);
          }));
    }
    socket_.async_accept(request_, [self = shared_from_this()](error_code error) {
      if (error) return;
      self->server_.sessions_.push_back(self);
      self->server_.hear([](FakeServer::Heard& heard) { ++heard.sockets; });
      self->read();
    });
  }

  void take_post(const FakeServer::Behavior& behavior) {
    if (behavior.messages_status != 0 || request_.target() != "/worker/v1/messages") {
      return respond(behavior.messages_status != 0 ? behavior.messages_status : 404, "no");
    }
    json::value body = json::parse(request_.body());
    json::array messages = body.is_array() ? body.as_array() : json::array{body};
    json::array answers;
    server_.hear([&](FakeServer::Heard& heard) {
      for (const json::value& message : messages) {
        heard.posted.push_back(message.as_object());
        if (json::value answer = answer_of(message.as_object()); !answer.is_null()) {
          answers.push_back(std::move(answer));
        }
      }
    });
    respond(200, json::serialize(json::object{{"messages", answers}}));
  }

  void respond(unsigned status, std::string body) {
    response_.result(status);
    response_.body() = std::move(body);
    response_.prepare_payload();
    response_.keep_alive(false);
    http::async_write(socket_.next_layer(), response_,
                      [self = shared_from_this()](error_code, std::size_t) { self->cut(); });
  }

  void read() {
    socket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) {
        self->server_.hear([&](FakeServer::Heard& heard) {
          heard.close_codes.push_back(self->socket_.reason().code);
        });
        return;
      }
      const json::value frame = json::parse(beast::buffers_to_string(self->buffer_.data()));
      self->buffer_.consume(self->buffer_.size());
      self->take(frame.is_array() ? frame.get_array() : json::array{frame});
      self->read();
    });
  }

  void take(const json::array& messages) {
    const FakeServer::Behavior behavior = server_.behavior();
    // Before it is answered: a worker that has its answer may be at its end, and the test look.
    server_.hear([&](FakeServer::Heard& heard) {
      heard.frames.push_back(messages.size());
      for (const json::value& message : messages) heard.messages.push_back(message.as_object());
    });
    for (const json::value& message : messages) {
      const json::object& members = message.as_object();
      if (members.at("type") == "hello") {
        json::array features(behavior.features.begin(), behavior.features.end());
        send(json::object{{"type", "welcome"},
                          {"workerId", "w-1"},
                          {"server", "errand/test"},
                          {"heartbeatMs", behavior.heartbeat_ms},
                          {"leaseMs", 30'000},
                          {"messageBytesMax", behavior.message_bytes_max},
                          {"unknownTypes", json::array()},
                          {"features", features}});
      } else if (behavior.answering) {
        if (const json::value answer = answer_of(members); !answer.is_null()) send(answer);
      }
    }
  }

  void write() {
    socket_.text(true);
    socket_.async_write(asio::buffer(outgoing_.front()),
                        [self = shared_from_this()](error_code error, std::size_t) {
                          if (error) return;
                          self->outgoing_.pop_front();
                          if (!self->outgoing_.empty()) return self->write();
                          if (self->closing_) self->write_close();
                        });
  }

  void write_close() {
    socket_.async_close(*closing_, [self = shared_from_this()](error_code) {});
  }

  FakeServer::Parts& server_;
  websocket::stream<beast::tcp_stream, false> socket_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
  std::deque<std::string> outgoing_;
  std::optional<websocket::close_reason> closing_;
};

}  // namespace

void FakeServer::Parts::accept() {
  acceptor_.async_accept([this](error_code error, Tcp::socket socket) {
    if (error) return;
    std::make_shared<Session>(std::move(socket), *this)->start();
    accept();
  });
}

void FakeServer::Parts::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    acceptor_.close();
    for (const auto& session : sessions_) session->cut();
    sessions_.clear();
    io_.stop();
  });
  thread_.join();
}

FakeServer::FakeServer() : FakeServer(0, {}) {}
FakeServer::FakeServer(std::uint16_t port, Behavior behavior)
    : parts_(std::make_unique<Parts>(port, std::move(behavior))) {}
FakeServer::~FakeServer() { parts_->stop(); }

std::uint16_t FakeServer::port() const { return parts_->port_; }
std::string FakeServer::url() const { return "http://127.0.0.1:" + std::to_string(port()); }

void FakeServer::configure(const std::function<void(Behavior&)>& change) {
  const std::scoped_lock lock(parts_->mutex_);
  change(parts_->behavior_);
}

FakeServer::Heard FakeServer::until(const std::function<bool(const Heard&)>& condition) {
  std::unique_lock lock(parts_->mutex_);
  if (!parts_->changed_.wait_for(lock, std::chrono::minutes(1),
                                 [&] { return condition(parts_->heard_); })) {
    std::string last;
    for (const json::object& message : parts_->heard_.messages) {
      last += json::serialize(message) + "\n";
    }
    throw std::runtime_error("what the test waits for did not come; heard:\n" + last);
  }
  return parts_->heard_;
}

json::object FakeServer::nth(std::string_view type, std::size_t count) {
  return until([&](const Heard& heard) { return heard.of(type).size() >= count; })
      .of(type)[count - 1];
}

FakeServer::Heard FakeServer::heard() const {
  const std::scoped_lock lock(parts_->mutex_);
  return parts_->heard_;
}

void FakeServer::send(const json::value& message, int socket) {
  parts_->on_thread([this, message, socket] {
    const auto& sessions = parts_->sessions_;
    const std::size_t index = socket < 0 ? sessions.size() - 1 : static_cast<std::size_t>(socket);
    if (index < sessions.size()) sessions[index]->send(message);
  });
}

void FakeServer::ack(const json::object& report, const json::value& error) {
  send(ack_of(report, error));
}

void FakeServer::cut() {
  parts_->on_thread([this] { parts_->sessions_.back()->cut(); });
}

void FakeServer::close(unsigned code, const std::string& reason) {
  parts_->on_thread([this, code, reason] { parts_->sessions_.back()->close(code, reason); });
}

void FakeServer::stop() { parts_->stop(); }

std::vector<json::object> FakeServer::Heard::of(std::string_view type) const {
  std::vector<json::object> found;
  std::ranges::copy_if(messages, std::back_inserter(found), [&](const json::object& message) {
    return message.at("type") == json::string_view(type);
  });
  return found;
}

int FakeServer::Heard::last_index(const json::object& message) const {
  for (std::size_t i = messages.size(); i-- > 0;) {
    if (messages[i] == message) return static_cast<int>(i);
  }
  return -1;
}

json::object held_job(int number, const json::object& rest) {
  const std::string digits = std::to_string(1'000 + number);
  json::object job{{"jobId", "0193595e-7a00-7abc-8def-01234567" + digits},
                   {"token", std::to_string(number) + ".AAAAAAAAAAAAAAAAAAAAAA"}};
  for (const json::key_value_pair& member : rest) job[member.key()] = member.value();
  return job;
}

json::object job_message(int number, const json::object& rest) {
  json::object job = held_job(number, {{"type", "job"},
                                       {"jobType", "work"},
                                       {"queue", "default"},
                                       {"tenant", "acme"},
                                       {"run", 1},
                                       {"attempt", 1},
                                       {"maxAttempts", 5},
                                       {"arguments", {{"input", {{"n", number}}}}},
                                       {"leaseMs", 30'000},
                                       {"timeoutMs", 60'000},
                                       {"priority", 0},
                                       {"tags", json::array()},
                                       {"labels", json::object()},
                                       {"correlationId", "c-" + std::to_string(number)},
                                       {"createdAt", "2026-11-23T20:15:00.250Z"}});
  for (const json::key_value_pair& member : rest) job[member.key()] = member.value();
  return job;
}

}  // namespace errand_worker::testing
