#include "benchmarks/worker_client.h"

#include <exception>
#include <unordered_map>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace errand::benchmarks {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace json = boost::json;

struct WorkerClient::Session {
  asio::io_context context{1};
  beast::websocket::stream<asio::ip::tcp::socket> socket{context};
};

WorkerClient::WorkerClient(Options options)
    : options_(std::move(options)),
      session_(std::make_unique<Session>()),
      thread_([this] { run(); }) {}

WorkerClient::~WorkerClient() { (void)stop(); }

Result<void> WorkerClient::stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    // The thread waits in a blocking read; this ends it.
    ::shutdown(session_->socket.next_layer().native_handle(), SHUT_RDWR);
    thread_.join();
  }
  return outcome_;
}

void WorkerClient::run() {
  auto& socket = session_->socket;
  try {
    socket.next_layer().connect({asio::ip::address_v4::loopback(), options_.port});
    socket.next_layer().set_option(asio::ip::tcp::no_delay(true));
    socket.set_option(
        beast::websocket::stream_base::decorator([this](beast::websocket::request_type& request) {
          request.set(beast::http::field::authorization, "Bearer " + options_.token);
          request.set(beast::http::field::sec_websocket_protocol, "errand.worker.v1");
        }));
    socket.handshake("127.0.0.1", "/worker");
    socket.text(true);
    socket.write(asio::buffer(fmt::format(
        R"([{{"type":"hello","types":["{}"],"slots":{},"name":"bench"}},{{"type":"credits","add":{}}}])",
        options_.job_type, options_.slots, options_.slots)));

    std::unordered_map<std::string, std::uint64_t> running;
    beast::flat_buffer buffer;
    std::string reply;
    while (!stopping_) {
      socket.read(buffer);
      const std::string_view text(static_cast<const char*>(buffer.data().data()), buffer.size());
      const json::value parsed = json::parse(text);
      buffer.consume(buffer.size());
      reply.clear();
      std::size_t free_slots = 0;
      const auto handle = [&](const json::object& message) {
        const auto& type = message.at("type").as_string();
        if (type == "job") {
          const auto& id = message.at("jobId").as_string();
          const auto number =
              message.at("arguments").at("input").at("number").to_number<std::uint64_t>();
          running.emplace(id, number);
          reply += fmt::format(
              R"({}{{"type":"complete","jobId":"{}","token":"{}","result":{{"number":{}}}}})",
              reply.empty() ? '[' : ',', id.c_str(), message.at("token").as_string().c_str(),
              number);
        } else if (type == "ack") {
          if (message.at("status").as_string() != "OK")
            throw std::runtime_error("refused: " + json::serialize(message));
          const auto found = running.find(std::string(message.at("jobId").as_string()));
          if (found == running.end()) throw std::runtime_error("an ack of no job");
          options_.completed(found->second);
          running.erase(found);
          ++free_slots;
        } else if (type == "error") {
          throw std::runtime_error(json::serialize(message));
        }
      };
      if (parsed.is_array()) {
        for (const auto& message : parsed.as_array()) handle(message.as_object());
      } else {
        handle(parsed.as_object());
      }
      if (free_slots > 0)
        reply += fmt::format(R"({}{{"type":"credits","add":{}}})", reply.empty() ? '[' : ',',
                             free_slots);
      if (reply.empty()) continue;
      reply += ']';
      socket.write(asio::buffer(reply));
    }
  } catch (const std::exception& error) {
    if (!stopping_)
      outcome_ = fail(ErrorCode::kProtocolError, fmt::format("worker: {}", error.what()));
  }
}

}  // namespace errand::benchmarks
