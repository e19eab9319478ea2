#pragma once

// A gateway on a lane, a store in memory and a port, for tests; and a client that speaks frames.

#include <deque>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/system/system_error.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/json/parse.h"
#include "errand/json/writer.h"
#include "errand/net/http_server.h"
#include "errand/net/test_client.h"
#include "errand/runtime/event_bus.h"
#include "errand/store/memory_store.h"
#include "errand/worker/gateway.h"

namespace errand::worker {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bj = boost::json;
namespace websocket = boost::beast::websocket;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::HasSubstr;

/// Knows "work" and "mail", whose results are {"n": Int!}.
class Types final : public JobTypes {
 public:
  bool knows(const JobTypeName& type) const override {
    return type.str() == "work" || type.str() == "mail";
  }
  bool routes_by(const JobTypeName& type, std::string_view label) const override {
    return type.str() == "work" && label == "region";
  }
  bool hosted(const JobTypeName& type) const override { return hosted_types.contains(type); }
  Result<std::string> check_result(const JobTypeName& type,
                                   const bj::value& result) const override {
    EXPECT_TRUE(knows(type)) << type.str();
    const auto* object = result.if_object();
    const auto* n = object == nullptr ? nullptr : object->if_contains("n");
    if (n == nullptr || !n->is_int64()) {
      return fail(ErrorCode::kResultInvalid, "result.n: expected Int!");
    }
    return json::to_text(result);
  }

  std::set<JobTypeName> hosted_types;
};

class Client {
 public:
  explicit Client(std::uint16_t port, const std::string& token,
                  const std::string& protocol = "errand.worker.v1")
      : stream_(context_) {
    stream_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    stream_.set_option(websocket::stream_base::decorator([=](websocket::request_type& request) {
      request.set(beast::http::field::authorization, "Bearer " + token);
      if (!protocol.empty()) request.set(beast::http::field::sec_websocket_protocol, protocol);
    }));
    beast::error_code ec;
    stream_.handshake(response_, "127.0.0.1", "/worker", ec);
    failed_ = static_cast<bool>(ec);
  }

  [[nodiscard]] unsigned refused() const { return failed_ ? response_.result_int() : 0; }

  void send(std::string_view text) { stream_.write(asio::buffer(text)); }
  void send(const bj::value& message) { send(json::to_text(message)); }
  void send_binary(std::string_view text) {
    stream_.binary(true);
    send(text);
  }

  /// The next message, in a frame of its own or with others.
  bj::object read() {
    if (!waiting_.empty()) {
      bj::object next = std::move(waiting_.front());
      waiting_.pop_front();
      return next;
    }
    beast::flat_buffer buffer;
    beast::error_code ec;
    stream_.read(buffer, ec);
    if (ec) return {{"type", "closed"}, {"code", static_cast<int>(stream_.reason().code)}};
    ++frames_;
    bj::value frame = json::parse(beast::buffers_to_string(buffer.data())).value();
    if (frame.is_object()) return std::move(frame.get_object());
    for (bj::value& message : frame.as_array()) waiting_.push_back(message.as_object());
    return read();
  }

  /// The next message, which must be of that type.
  bj::object read(std::string_view type) {
    bj::object message = read();
    EXPECT_EQ(text(message, "type"), type) << json::to_text(message);
    return message;
  }

  /// Says hello and gives credits.
  void join(int credits, bj::object more = {}) {
    bj::object hello{{"type", "hello"}, {"types", {"work", "mail"}}, {"slots", 8}};
    for (const auto& [key, value] : more) hello[key] = value;
    send(hello);
    read("welcome");
    if (credits > 0) send({{"type", "credits"}, {"add", credits}});
  }

  /// Frames that were read.
  [[nodiscard]] int frames() const { return frames_; }

  void drop() { stream_.next_layer().close(); }

  static std::string text(const bj::object& message, std::string_view key) {
    const auto* value = message.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
  }

 private:
  asio::io_context context_;
  websocket::stream<asio::ip::tcp::socket> stream_;
  websocket::response_type response_;
  bool failed_ = false;
  std::deque<bj::object> waiting_;
  int frames_ = 0;
};

inline std::string text(const bj::object& message, std::string_view key) {
  return Client::text(message, key);
}

/// A message about the job of an offer.
inline bj::object about(const bj::object& offer, std::string_view type, bj::object more = {}) {
  bj::object message{
      {"type", type}, {"jobId", offer.at("jobId")}, {"token", offer.at("token")}, {"ref", "r"}};
  for (const auto& [key, value] : more) message[key] = value;
  return message;
}

inline bj::object heartbeat(const bj::object& offer) {
  return {{"type", "heartbeat"},
          {"jobs", bj::array{{{"jobId", offer.at("jobId")}, {"token", offer.at("token")}}}}};
}

inline bj::object failure(std::string_view kind) {
  return {{"error", {{"kind", kind}, {"code", "OOPS"}, {"message", "it broke"}}}};
}

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() : key_(crypto::MasterKey::generate(random_)), doors_(credentials()) {}

  void TearDown() override {
    if (!server_) return;
    gateway_->drain(0ms);
    asio::co_spawn(threads_.context(), server_->stop(100ms), asio::use_future).get();
    asio::co_spawn(threads_.context(), gateway_->stop(std::chrono::steady_clock::now()),
                   asio::use_future)
        .get();
    lane_->stop();
    server_.reset();
    pool_.stop();  // its threads hold executors until their calls have returned
    threads_.join();
  }

  void start(Gateway::Options options = {}, Milliseconds lease = 30s) {
    gateway_ = std::make_unique<Gateway>(options, Gateway::Parts{.authenticator = doors_,
                                                                 .master_key = key_,
                                                                 .types = types_,
                                                                 .reader = store_.reader(),
                                                                 .pool = pool_,
                                                                 .random = random_,
                                                                 .log = telemetry::Log(),
                                                                 .metrics = &metrics_});
    runtime::Lane::Options lane_options;
    lane_options.engine.lease = lease;
    lane_ = std::make_unique<runtime::Lane>(
        lane_options, store_, bus_, clock_, random_,
        [this](std::vector<engine::Action> actions) { gateway_->deliver(std::move(actions)); });
    ASSERT_TRUE(lane_->start());
    gateway_->attach(*lane_);
    gateway_->add_routes(router_);
    server_ = *net::HttpServer::listen(threads_.context().get_executor(), {}, router_,
                                       telemetry::Log(), nullptr);
    server_->start();
  }

  static std::vector<auth::Credential> credentials() {
    const auto one = [](std::string_view token, const char* tenant, const char* scope,
                        std::vector<QueueName> queues, bool any) {
      return auth::Credential{crypto::sha256(token),
                              std::make_shared<const auth::Principal>(
                                  auth::Principal{.tenant = TenantId(tenant),
                                                  .subject = SubjectId(token),
                                                  .kind = auth::PrincipalKind::kWorker,
                                                  .scopes = {scope},
                                                  .queues = std::move(queues),
                                                  .any_tenant = any})};
    };
    return {one("acme", "acme", "worker", {}, false), one("globex", "globex", "worker", {}, false),
            one("all", "*", "worker", {}, true),
            one("mailer", "acme", "worker", {QueueName("mail")}, false),
            one("client", "acme", "jobs:read", {}, false)};
  }

  Result<engine::Reply> ask(engine::Request request) {
    std::promise<Result<engine::Reply>> answer;
    lane_->submit(std::move(request),
                  [&](Result<engine::Reply> reply) { answer.set_value(std::move(reply)); });
    return answer.get_future().get();
  }

  /// @param credentials  makes the sealed text that the job carries; empty: it carries none
  JobId enqueue(const char* type = "work", const char* tenant = "acme",
                const std::function<std::string(const JobId&)>& credentials = {}) {
    const std::string input = R"({"input":{"n":7}})";
    job::JobSpec spec;
    spec.tenant = TenantId(tenant);
    spec.subject = SubjectId("anna");
    spec.type = JobTypeName(type);
    spec.queue = QueueName(type);
    spec.input = {.digest = key_.hmac_key(crypto::kPayloadDigestLabel).sign(input),
                  .size_bytes = input.size()};
    spec.tags = {"t"};
    const JobId id{Uuid::v7(std::chrono::system_clock::now(), random_)};
    const auto reply = ask(
        engine::EnqueueJob{.id = id,
                           .spec = spec,
                           .input = input,
                           .correlation_id = "corr-1",
                           .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           .actor = {.kind = job::ActorKind::kClient, .subject = spec.subject},
                           .key = std::nullopt,
                           .contract = nullptr,
                           .credentials = credentials ? credentials(id) : std::string()});
    EXPECT_TRUE(reply) << reply.error().message;
    return id;
  }

  Result<engine::Reply> command(const JobId& id, job::Command what) {
    return ask(engine::CommandJob{.id = id,
                                  .command = std::move(what),
                                  .actor = {},
                                  .traceparent = "",
                                  .tenant = std::nullopt,
                                  .result = "",
                                  .worker = WorkerId()});
  }

  job::StatePtr state(const JobId& id) { return store_.reader().job(id).value(); }

  /// Its state once it has that status.
  job::StatePtr until(const JobId& id, job::JobStatus status) {
    while (true) {
      auto now = state(id);
      if (now->status == status) return now;
      std::this_thread::yield();
    }
  }

  Client connect(const std::string& token = "acme") const { return Client(server_->port(), token); }

  net::TestClient::Response post(const std::string& path, const std::string& body,
                                 const std::string& token = "acme",
                                 const std::string& type = "application/json") {
    net::TestClient client(server_->port());
    client.send(request(path, body, token, type));
    return client.read_response();
  }

  static std::string request(const std::string& path, const std::string& body,
                             const std::string& token,
                             const std::string& type = "application/json") {
    return "POST /worker/v1/" + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + token +
           "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }

  static std::vector<bj::object> messages(const net::TestClient::Response& response) {
    EXPECT_EQ(response.status, 200U) << response.body;
    std::vector<bj::object> list;
    const auto body = json::parse(response.body);
    if (!body) return list;
    for (const auto& message : body->as_object().at("messages").as_array()) {
      list.push_back(message.as_object());
    }
    return list;
  }

  SystemClock clock_;
  SystemRandom random_;
  crypto::MasterKey key_;
  auth::Authenticator doors_;
  Types types_;
  telemetry::Metrics metrics_;
  store::MemoryStore store_;
  runtime::EventBus bus_;
  async::BlockingPool pool_{{.threads = 2}};
  net::Router router_;
  net::TestThreads threads_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<runtime::Lane> lane_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace errand::worker
