// A server in front of another one: what is answered here, what is passed on, and what is refused.
#include <atomic>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/event.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/net/http_server.h"
#include "errand/net/test_client.h"
#include "errand/server/cors.h"
#include "errand/server/server.h"

namespace errand::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;
using graphql::execution::ResolverMap;
using graphql::execution::SourceEvent;
using graphql::execution::SourceStream;
using net::TestClient;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct TestContext final : graphql::execution::RequestContext {
  RequestInfo info;
};

/// Gives 1, then waits until it is closed.
class Ticks final : public SourceStream {
 public:
  Ticks(std::atomic<int>& open, asio::any_io_executor executor)
      : open_(open), event_(std::move(executor)) {
    ++open_;
  }
  ~Ticks() override {
    --open_;
    open_.notify_all();
  }

  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    if (!std::exchange(sent_, true)) co_return SourceEvent{FieldValue(1), ""};
    while (!closed_) co_await event_.wait();
    co_return std::nullopt;
  }
  void close() override {
    closed_ = true;
    event_.notify();
  }

 private:
  std::atomic<int>& open_;
  async::Event event_;
  bool sent_ = false;
  bool closed_ = false;
};

auth::Credential credential(std::string_view token) {
  auth::Principal principal;
  principal.tenant = TenantId("acme");
  principal.subject = SubjectId("user:acme");
  principal.scopes = {"*"};
  return {crypto::sha256(token), std::make_shared<const auth::Principal>(std::move(principal))};
}

/// One server with a query, a subscription of the same name, and a mutation.
class Node {
 public:
  Node(asio::io_context& context, const std::string& query, const std::string& mutation,
       const char* token, upstream::Front* front)
      : authenticator_({credential(token)}), service_(resolvers(query, mutation), {}) {
    server_ = std::make_unique<Server>(
        Server::Dependencies{.graphql = {.service = service_,
                                         .authenticator = &authenticator_,
                                         .make_context =
                                             [](RequestInfo info) {
                                               auto context = std::make_shared<TestContext>();
                                               context->info = std::move(info);
                                               return context;
                                             },
                                         .clock = clock_,
                                         .random = random_,
                                         .log = {},
                                         .metrics = nullptr,
                                         .front = front},
                             .readiness = [] { return std::vector<HealthCheck>{}; },
                             .assets = {}},
        Server::Options{.http = {.read = {.batch_max = 10}}, .web_socket = {}, .sse = {}});
    server_->add_routes(router_);
    cors_ = *Cors::create(router_, {});
    http_ = *net::HttpServer::listen(context.get_executor(), {}, *cors_, {}, nullptr);
    http_->start();
  }

  asio::awaitable<void> stop() {
    co_await http_->stop(1h);
    co_await server_->stop();
  }

  [[nodiscard]] std::uint16_t port() const { return http_->port(); }
  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port()) + "/graphql";
  }

  std::atomic<int> open = 0;  ///< streams

 private:
  graphql::execution::Resolvers resolvers(const std::string& query, const std::string& mutation) {
    ResolverMap map;
    const auto answer = [](const ResolveInfo&) -> FieldResult<FieldValue> { return FieldValue(1); };
    map.add("Query", query, answer);
    map.add("Mutation", mutation, answer);
    map.add_stream(
        "Subscription", query,
        [this](const ResolveInfo&) -> asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
          co_return std::unique_ptr<SourceStream>(
              std::make_unique<Ticks>(open, co_await asio::this_coro::executor));
        });
    const graphql::language::Source source{"type Query { " + query + ": Int } type Mutation { " +
                                               mutation + ": Int } type Subscription { " + query +
                                               ": Int }",
                                           "schema.graphql"};
    return *graphql::execution::Resolvers::bind(*graphql::type::build_schema({&source, 1}),
                                                std::move(map));
  }

  SystemClock clock_;
  SystemRandom random_;
  auth::Authenticator authenticator_;
  graphql::request::Service service_;
  std::unique_ptr<Server> server_;
  net::Router router_;
  std::unique_ptr<Cors> cors_;
  std::unique_ptr<net::HttpServer> http_;
};

/// The upstream serves `me` and `export`, the server before it `job` and `exportJob`, each under a
/// token of its own.
class FrontTest : public testing::Test {
 protected:
  explicit FrontTest(std::optional<upstream::Identity::Options> identity = std::nullopt) {
    upstream_ = std::make_unique<Node>(threads_.context(), "me", "export", "token-up", nullptr);
    front_ = upstream::Front::create(
                 {.http = {.url = upstream_->url()}, .identity = std::move(identity)},
                 upstream::RootFields({{{"job"}, {"exportJob"}, {"job"}}}), {}, nullptr)
                 .value();
    node_ =
        std::make_unique<Node>(threads_.context(), "job", "exportJob", "token-own", front_.get());
  }

  ~FrontTest() override {
    asio::co_spawn(threads_.context(), node_->stop(), asio::use_future).get();
    front_->stop();
    if (upstream_) stop_upstream();
    node_.reset();
    threads_.join();
  }

  void stop_upstream() {
    asio::co_spawn(threads_.context(), upstream_->stop(), asio::use_future).get();
    upstream_.reset();
  }

  TestClient::Response send(const std::string& head, const std::string& token,
                            const std::string& body = "") {
    TestClient client(node_->port());
    client.send(head + "\r\nHost: x\r\nAuthorization: Bearer " + token +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    return client.read_response();
  }

  TestClient::Response post(const std::string& body, const std::string& token,
                            const std::string& more = "") {
    return send("POST /graphql HTTP/1.1\r\nContent-Type: application/json" + more, token, body);
  }

  static void wait_for_none(std::atomic<int>& count) {
    for (int now = count; now != 0; now = count) count.wait(now);
  }

  class Socket {
   public:
    Socket(std::uint16_t port, const std::string& token) : stream_(context_) {
      stream_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
      stream_.set_option(websocket::stream_base::decorator([token](websocket::request_type& r) {
        r.set("Sec-WebSocket-Protocol", "graphql-transport-ws");
        r.set("Authorization", "Bearer " + token);
      }));
      stream_.handshake("127.0.0.1", "/graphql");
    }
    void send(std::string_view text) { stream_.write(asio::buffer(text)); }
    std::string read() {
      beast::flat_buffer buffer;
      stream_.read(buffer);
      return beast::buffers_to_string(buffer.data());
    }
    void init() {
      send(R"({"type":"connection_init"})");
      EXPECT_EQ(read(), R"({"type":"connection_ack"})");
    }
    void subscribe(const std::string& id, const std::string& query) {
      send(R"({"type":"subscribe","id":")" + id + R"(","payload":{"query":")" + query + "\"}}");
    }
    void complete(const std::string& id) { send(R"({"type":"complete","id":")" + id + "\"}"); }
    void close() { stream_.close(websocket::close_code::normal); }

   private:
    asio::io_context context_;
    websocket::stream<asio::ip::tcp::socket> stream_;
  };

  net::TestThreads threads_;
  std::unique_ptr<Node> upstream_;
  std::unique_ptr<upstream::Front> front_;
  std::unique_ptr<Node> node_;
};

TEST_F(FrontTest, EachSideAnswersItsOwnOperationsUnderItsOwnTokens) {
  EXPECT_EQ(post(R"({"query":"{me}"})", "token-up").body, R"({"data":{"me":1}})");
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-own").body, R"({"data":{"job":1}})");
  EXPECT_EQ(post(R"({"query":"mutation{export}"})", "token-up").body, R"({"data":{"export":1}})");
  EXPECT_EQ(post(R"({"query":"mutation{exportJob}"})", "token-own").body,
            R"({"data":{"exportJob":1}})");
  EXPECT_EQ(post(R"({"query":"{me}"})", "token-own").status, 401U);
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-up").status, 401U);
}

TEST_F(FrontTest, ErrorsAreThoseOfTheSideThatAnswers) {
  EXPECT_THAT(post(R"({"query":"{nobodyKnows}"})", "token-up").body, HasSubstr("nobodyKnows"));
  EXPECT_THAT(post(R"({"query":"{me"})", "token-up").body, HasSubstr("Syntax Error"));
  EXPECT_THAT(post("{broken", "token-up").body, HasSubstr("The body is not JSON"));
  EXPECT_EQ(post("{broken", "token-own").status, 401U);  // it is the upstream's to say
  EXPECT_THAT(post(R"({"query":"{job(x:1)}"})", "token-own").body, HasSubstr("Unknown argument"));
}

TEST_F(FrontTest, AMixedOperationIsRefusedWithTheNamesOfBothSides) {
  const auto response =
      post(R"({"query":"{me job}"})", "token-up", "\r\nAccept: application/graphql-response+json");
  EXPECT_EQ(response.status, 400U);
  EXPECT_THAT(response.body,
              AllOf(HasSubstr(R"("code":"MIXED_OPERATION")"),
                    HasSubstr("job belongs to the job server, me to the server behind it")));
  EXPECT_EQ(post(R"({"query":"{me job}"})", "token-up").status, 200U);  // as a validation error
}

TEST_F(FrontTest, ABatchGoesToOneSide) {
  EXPECT_EQ(post(R"([{"query":"{me}"},{"query":"mutation{export}"}])", "token-up").body,
            R"([{"data":{"me":1}},{"data":{"export":1}}])");
  EXPECT_EQ(post(R"([{"query":"{job}"},{"query":"{job}"}])", "token-own").body,
            R"([{"data":{"job":1}},{"data":{"job":1}}])");
  EXPECT_THAT(post(R"([{"query":"{job}"},{"query":"{me}"}])", "token-own").body,
              HasSubstr("MIXED_OPERATION"));
  EXPECT_THAT(post(R"([{"query":"{job me}"}])", "token-own").body, HasSubstr("MIXED_OPERATION"));
}

TEST_F(FrontTest, AGetIsPassedOnByItsQueryString) {
  EXPECT_EQ(send("GET /graphql?query=%7Bme%7D HTTP/1.1", "token-up").body, R"({"data":{"me":1}})");
  EXPECT_EQ(send("GET /graphql?query={me} HTTP/1.1", "token-up").body, R"({"data":{"me":1}})");
  EXPECT_EQ(send("GET /graphql?query=%7Bjob%7D HTTP/1.1", "token-own").body,
            R"({"data":{"job":1}})");
  EXPECT_THAT(send("GET /graphql HTTP/1.1", "token-up").body, HasSubstr("query"));
}

TEST_F(FrontTest, WhatCannotBeLookedIntoIsPassedOn) {
  const auto response = send(
      "POST /graphql HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x", "token-up", "--x");
  EXPECT_EQ(response.status, 415U);  // of the upstream, which takes none
  EXPECT_EQ(send("PUT /graphql HTTP/1.1", "token-up").status, 405U);
}

TEST_F(FrontTest, APreflightIsTheUpstreamsWhereCorsIsNotSetUpHere) {
  const auto response = send(
      "OPTIONS /graphql HTTP/1.1\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Method: POST",
      "none");
  EXPECT_EQ(response.status, 405U);
  EXPECT_TRUE(response.has("Allow: GET, HEAD, POST\r\n"));  // the upstream's, which knows none
}

TEST_F(FrontTest, APersistedQueryIsLocalOnceItWasRegisteredHere) {
  const auto extensions = [](std::string_view text) {
    return R"("extensions":{"persistedQuery":{"version":1,"sha256Hash":")" +
           crypto::to_hex(crypto::sha256(text)) + "\"}}";
  };
  const std::string job = "{" + extensions("{job}") + "}";
  EXPECT_THAT(post(job, "token-up").body, HasSubstr("PersistedQueryNotFound"));
  EXPECT_EQ(post(R"({"query":"{job}",)" + extensions("{job}") + "}", "token-own").body,
            R"({"data":{"job":1}})");
  EXPECT_EQ(post(job, "token-own").body, R"({"data":{"job":1}})");
  EXPECT_EQ(post(R"({"query":"{me}",)" + extensions("{me}") + "}", "token-up").body,
            R"({"data":{"me":1}})");
  EXPECT_EQ(post("{" + extensions("{me}") + "}", "token-up").body, R"({"data":{"me":1}})");
}

TEST_F(FrontTest, AnUpstreamThatIsGoneIsSaidInTheWordsOfGraphql) {
  stop_upstream();
  const auto response = post(R"({"query":"{me}"})", "token-up");
  EXPECT_EQ(response.status, 502U);
  EXPECT_TRUE(response.has("Content-Type: application/json"));
  EXPECT_TRUE(response.has("X-Request-Id: "));
  EXPECT_THAT(response.body, AllOf(HasSubstr(R"("code":"UNAVAILABLE")"), Not(HasSubstr("127.0"))));
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-own").body, R"({"data":{"job":1}})");
  EXPECT_EQ(send("GET /readyz HTTP/1.1", "none").status, 200U);
}

TEST_F(FrontTest, ASubscriptionOverEventsIsPassedOnAndEndsWithItsClient) {
  TestClient client(node_->port());
  const std::string body = R"({"query":"subscription{me}"})";
  client.send(
      "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-up\r\n"
      "Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(client.read_response().has("text/event-stream"));
  std::string text;
  while (!text.contains(R"({"data":{"me":1}})")) text += client.read_chunk();
  EXPECT_EQ(upstream_->open, 1);
  client.reset();
  wait_for_none(upstream_->open);
}

TEST_F(FrontTest, TheEventStreamOfSeveralOperationsTakesOnlyLocalOnes) {
  const std::string token = send("PUT /graphql/stream HTTP/1.1", "token-own").body;
  const auto start = [&](const std::string& query) {
    return send(
        "POST /graphql/stream HTTP/1.1\r\nContent-Type: application/json\r\n"
        "X-GraphQL-Event-Stream-Token: " +
            token,
        "token-own", R"({"query":")" + query + R"(","extensions":{"operationId":"1"}})");
  };
  EXPECT_THAT(start("{me}").body, HasSubstr("without the stream's token, or over the WebSocket"));
  EXPECT_THAT(start("{me job}").body, HasSubstr("MIXED_OPERATION"));
  EXPECT_EQ(start("{job}").status, 202U);
}

TEST_F(FrontTest, ASocketCarriesOperationsOfBothSides) {
  Socket socket(node_->port(), "token-up");
  socket.init();
  socket.subscribe("a", "{me}");
  EXPECT_EQ(socket.read(), R"({"id":"a","type":"next","payload":{"data":{"me":1}}})");
  EXPECT_EQ(socket.read(), R"({"id":"a","type":"complete"})");
  socket.subscribe("a", "mutation{export}");
  EXPECT_THAT(socket.read(), HasSubstr(R"("export":1)"));
  EXPECT_EQ(socket.read(), R"({"id":"a","type":"complete"})");
  socket.subscribe("b", "subscription{me}");
  EXPECT_THAT(socket.read(), HasSubstr(R"("id":"b","type":"next")"));
  socket.subscribe("c", "{job me}");
  EXPECT_THAT(socket.read(), AllOf(HasSubstr(R"("id":"c")"), HasSubstr("MIXED_OPERATION")));
  socket.complete("b");
  wait_for_none(upstream_->open);
  socket.subscribe("b", "{me}");
  EXPECT_THAT(socket.read(), HasSubstr(R"("id":"b","type":"next")"));
  EXPECT_EQ(socket.read(), R"({"id":"b","type":"complete"})");
  socket.close();
}

TEST_F(FrontTest, ASocketWithTheUpstreamsTokenAloneIsRefusedLocalOperationsOnly) {
  Socket theirs(node_->port(), "token-up");
  theirs.init();
  theirs.subscribe("1", "{job}");
  EXPECT_THAT(theirs.read(),
              AllOf(HasSubstr(R"("id":"1","type":"error")"), HasSubstr("UNAUTHENTICATED")));
  theirs.subscribe("1", "{me}");
  EXPECT_THAT(theirs.read(), HasSubstr(R"("me":1)"));

  Socket own(node_->port(), "token-own");
  own.init();
  own.subscribe("1", "subscription{job}");
  EXPECT_THAT(own.read(), HasSubstr(R"("job":1)"));
  own.subscribe("2", "{me}");
  EXPECT_THAT(own.read(), AllOf(HasSubstr(R"("id":"2","type":"error")"),
                                HasSubstr("UNAUTHENTICATED"), HasSubstr("401")));
}

TEST_F(FrontTest, ASocketsOperationsEndThereWhenItsClientLeaves) {
  {
    Socket socket(node_->port(), "token-up");
    socket.init();
    socket.subscribe("1", "subscription{me}");
    EXPECT_THAT(socket.read(), HasSubstr(R"("me":1)"));
  }
  wait_for_none(upstream_->open);
}

TEST_F(FrontTest, ASocketIsToldWhenTheUpstreamStops) {
  Socket socket(node_->port(), "token-up");
  socket.init();
  socket.subscribe("1", "subscription{me}");
  EXPECT_THAT(socket.read(), HasSubstr(R"("me":1)"));
  stop_upstream();
  EXPECT_THAT(socket.read(),
              AllOf(HasSubstr(R"("id":"1","type":"error")"), HasSubstr("UNAVAILABLE"),
                    HasSubstr("closed the WebSocket: 1001")));
}

/// The upstream is asked who its clients are.
class FrontWithIdentityTest : public FrontTest {
 protected:
  FrontWithIdentityTest()
      : FrontTest(upstream::Identity::Options{
            .query = "{ me }", .subject = "me", .tenant_otherwise = "acme"}) {}
};

TEST_F(FrontWithIdentityTest, WhomTheUpstreamKnowsIsKnownHere) {
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-up").body, R"({"data":{"job":1}})");
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-own").body, R"({"data":{"job":1}})");
  const auto stranger = post(R"({"query":"{job}"})", "token-x");
  EXPECT_EQ(stranger.status, 401U);
  EXPECT_THAT(stranger.body, HasSubstr("UNAUTHENTICATED"));
  EXPECT_EQ(send("PUT /graphql/stream HTTP/1.1", "token-up").status, 201U);
}

TEST_F(FrontWithIdentityTest, ASocketsLocalOperationsAreRunForWhomTheUpstreamKnows) {
  Socket socket(node_->port(), "token-up");
  socket.init();
  socket.subscribe("1", "{job}");
  EXPECT_EQ(socket.read(), R"({"id":"1","type":"next","payload":{"data":{"job":1}}})");
  EXPECT_EQ(socket.read(), R"({"id":"1","type":"complete"})");
  socket.subscribe("2", "{me}");
  EXPECT_THAT(socket.read(), HasSubstr(R"("me":1)"));

  Socket stranger(node_->port(), "token-x");
  stranger.init();
  stranger.subscribe("1", "{job}");
  EXPECT_THAT(stranger.read(), HasSubstr("UNAUTHENTICATED"));
}

TEST_F(FrontWithIdentityTest, AnUpstreamThatIsGoneRefusesNobodyForGood) {
  stop_upstream();
  const auto response = post(R"({"query":"{job}"})", "token-up");
  EXPECT_EQ(response.status, 503U);
  EXPECT_TRUE(response.has("Retry-After: 1"));
  EXPECT_THAT(response.body, HasSubstr("UNAVAILABLE"));
  EXPECT_EQ(post(R"({"query":"{job}"})", "token-own").body, R"({"data":{"job":1}})");
  EXPECT_EQ(post(R"({"query":"{job}"})", "ert_withdrawn").status, 401U);
}

}  // namespace
}  // namespace errand::server
