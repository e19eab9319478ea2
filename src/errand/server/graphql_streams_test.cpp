// The streaming HTTP transports: GraphQL over SSE in both modes and multipart subscriptions.
#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/deadline.h"
#include "errand/async/event.h"
#include "errand/crypto/digest.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/net/test_client.h"
#include "errand/server/server.h"

namespace errand::server {
namespace {

namespace asio = boost::asio;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;
using graphql::execution::SourceEvent;
using graphql::execution::SourceStream;
using net::TestClient;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSdl = R"(
type Query { who: String }
type Mutation { set(n: Int!): Int }
type Subscription { count(to: Int!): Int never: Int failing: Int resumed: String }
)";

struct TestContext final : graphql::execution::RequestContext {
  RequestInfo info;
};

/// Gives values with the ids e1, e2 and so on, then perhaps an error; `endless` waits instead.
class Values final : public SourceStream {
 public:
  Values(std::vector<FieldValue> values, bool fails, bool endless, std::atomic<int>& open,
         asio::any_io_executor executor)
      : values_(std::move(values)),
        fails_(fails),
        endless_(endless),
        open_(open),
        event_(std::move(executor)) {
    ++open_;
  }
  ~Values() override { --open_; }

  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    if (sent_ == values_.size() && fails_) {
      co_return graphql::execution::field_error(ErrorCode::kUnavailable, "the source broke");
    }
    while (sent_ == values_.size() && endless_ && !closed_) co_await event_.wait();
    if (closed_ || sent_ == values_.size()) co_return std::nullopt;
    ++sent_;
    co_return SourceEvent{std::move(values_[sent_ - 1]), "e" + std::to_string(sent_)};
  }
  void close() override {
    closed_ = true;
    event_.notify();
  }

 private:
  std::vector<FieldValue> values_;
  const bool fails_;
  const bool endless_;
  std::atomic<int>& open_;
  async::Event event_;
  std::size_t sent_ = 0;
  bool closed_ = false;
};

auth::Credential credential(std::string_view token, const char* tenant) {
  auth::Principal principal;
  principal.tenant = TenantId(tenant);
  principal.subject = SubjectId("user:" + std::string(tenant));
  principal.scopes = {"*"};
  return {crypto::sha256(token), std::make_shared<const auth::Principal>(std::move(principal))};
}

class StreamsTest : public testing::Test {
 protected:
  StreamsTest()
      : authenticator_({credential("token-a", "acme"), credential("token-b", "bolt")}),
        service_(resolvers(), {}) {}

  ~StreamsTest() override {
    asio::co_spawn(threads_.context(), stop(), asio::use_future).get();
    http_.reset();
    EXPECT_EQ(open_, 0);
    threads_.join();
  }

  asio::awaitable<void> stop() {
    co_await http_->stop(1h);
    co_await server_->stop();
  }

  void start(Server::Options options = {}) {
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
                                         .log = telemetry::Log(),
                                         .metrics = &metrics_},
                             .readiness = [] { return std::vector<HealthCheck>{}; },
                             .assets = {}},
        std::move(options));
    server_->add_routes(router_);
    http_ = *net::HttpServer::listen(threads_.context().get_executor(), {}, router_,
                                     telemetry::Log(), nullptr);
    http_->start();
  }

  TestClient connect() { return TestClient(http_->port()); }

  /// Sends a request; `more` is further header lines, each with CRLF before it.
  static void send(TestClient& client, const std::string& line, const std::string& more = "",
                   const std::string& body = "") {
    client.send(line + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json" + more +
                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  static TestClient::Response post(TestClient& client, const std::string& query,
                                   const std::string& accept, const std::string& more = "") {
    send(client, "POST /graphql", "\r\nAuthorization: Bearer token-a\r\nAccept: " + accept + more,
         R"({"query":")" + query + "\"}");
    return client.read_response();
  }
  /// All chunks up to the last, in one.
  static std::string read_body(TestClient& client) {
    std::string out;
    for (std::string chunk = client.read_chunk(); !chunk.empty(); chunk = client.read_chunk()) {
      out += chunk;
    }
    return out;
  }

  graphql::execution::Resolvers resolvers() {
    graphql::execution::ResolverMap map;
    map.add("Query", "who", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      return FieldValue(info.context_as<TestContext>().info.principal->tenant.str());
    });
    map.add("Mutation", "set", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      return FieldValue::json_view(*info.argument("n"));
    });
    const auto add = [&](std::string_view name, auto values, bool fails, bool endless) {
      map.add_stream(
          "Subscription", name,
          [this, values, fails, endless](const ResolveInfo& info)
              -> asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
            co_return std::unique_ptr<SourceStream>(std::make_unique<Values>(
                values(info), fails, endless, open_, co_await asio::this_coro::executor));
          });
    };
    const auto nothing = [](const ResolveInfo&) { return std::vector<FieldValue>(); };
    add("never", nothing, false, true);
    add("failing", nothing, true, false);
    add(
        "count",
        [](const ResolveInfo& info) {
          std::vector<FieldValue> values;
          for (int i = 1; i <= info.argument("to")->as_int64(); ++i) values.emplace_back(i);
          return values;
        },
        false, false);
    add(
        "resumed",
        [](const ResolveInfo& info) {
          std::vector<FieldValue> values;
          values.emplace_back("after " + info.context_as<TestContext>().info.last_event_id);
          return values;
        },
        false, false);
    const graphql::language::Source source{kSdl, "schema.graphql"};
    return *graphql::execution::Resolvers::bind(*graphql::type::build_schema({&source, 1}),
                                                std::move(map));
  }

  net::TestThreads threads_;
  SystemClock clock_;
  SystemRandom random_;
  telemetry::Metrics metrics_;
  std::atomic<int> open_ = 0;  ///< source streams
  auth::Authenticator authenticator_;
  graphql::request::Service service_;
  std::unique_ptr<Server> server_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
};

constexpr const char* kEvents = "text/event-stream";
constexpr const char* kParts = "multipart/mixed;subscriptionSpec=1.0, application/json";

// --- Distinct connections mode ---

TEST_F(StreamsTest, SendsASubscriptionAsEventsWithTheirCursors) {
  start();
  TestClient client = connect();
  const auto head = post(client, "subscription{count(to:2)}", kEvents);
  EXPECT_EQ(head.status, 200U);
  EXPECT_TRUE(head.has("Content-Type: text/event-stream"));
  EXPECT_TRUE(head.has("Cache-Control: no-cache"));
  EXPECT_EQ(client.read_chunk(), "event: next\nid: e1\ndata: {\"data\":{\"count\":1}}\n\n");
  EXPECT_EQ(client.read_chunk(), "event: next\nid: e2\ndata: {\"data\":{\"count\":2}}\n\n");
  EXPECT_EQ(client.read_chunk(), "event: complete\ndata:\n\n");
  EXPECT_EQ(client.read_chunk(), "");
  // The connection is there for more.
  EXPECT_EQ(post(client, "{who}", "application/json").body, R"({"data":{"who":"acme"}})");
}

TEST_F(StreamsTest, SendsQueriesMutationsAndRequestErrorsAsOneEvent) {
  start();
  TestClient client = connect();
  post(client, "{who}", kEvents);
  EXPECT_EQ(read_body(client),
            "event: next\ndata: {\"data\":{\"who\":\"acme\"}}\n\nevent: complete\ndata:\n\n");
  post(client, "mutation{set(n:3)}", kEvents);
  EXPECT_THAT(read_body(client), HasSubstr("data: {\"data\":{\"set\":3}}\n\n"));
  EXPECT_EQ(post(client, "{nope}", kEvents).status, 200U);
  const std::string error = read_body(client);
  EXPECT_THAT(error, testing::StartsWith("event: next\ndata: {\"errors\":[{\"message\":"));
  EXPECT_THAT(error, testing::EndsWith("event: complete\ndata:\n\n"));
  post(client, "subscription{failing}", kEvents);
  EXPECT_THAT(read_body(client), HasSubstr("the source broke"));
}

TEST_F(StreamsTest, TakesASubscriptionByGet) {
  start();
  TestClient client = connect();
  send(client, "GET /graphql/stream?query=subscription%7Bcount(to:1)%7D",
       "\r\nAuthorization: Bearer token-a\r\nAccept: text/event-stream");
  EXPECT_EQ(client.read_response().status, 200U);
  EXPECT_THAT(read_body(client), HasSubstr("\"count\":1"));
  send(client, "GET /graphql/stream?query=mutation%7Bset(n:1)%7D",
       "\r\nAuthorization: Bearer token-a\r\nAccept: text/event-stream");
  EXPECT_EQ(client.read_response().status, 405U);
}

TEST_F(StreamsTest, ResumesFromTheLastEventId) {
  start();
  TestClient client = connect();
  post(client, "subscription{resumed}", kEvents, "\r\nLast-Event-ID: e7");
  EXPECT_THAT(read_body(client), HasSubstr("\"resumed\":\"after e7\""));
}

TEST_F(StreamsTest, ChoosesByTheListThatUrqlSends) {
  start();
  TestClient client = connect();
  const std::string list =
      "application/graphql-response+json, application/graphql+json, application/json, "
      "text/event-stream, multipart/mixed";
  EXPECT_TRUE(post(client, "{who}", list).has("Content-Type: application/graphql-response+json"));
  EXPECT_TRUE(post(client, "subscription{count(to:1)}", "text/event-stream, multipart/mixed")
                  .has("Content-Type: text/event-stream"));
  read_body(client);
}

TEST_F(StreamsTest, RefusesAStreamWithoutAValidToken) {
  start();
  TestClient client = connect();
  send(client, "POST /graphql", "\r\nAccept: text/event-stream", R"({"query":"{who}"})");
  EXPECT_EQ(client.read_response().status, 401U);
}

TEST_F(StreamsTest, ShowsThatAQuietStreamLives) {
  Server::Options options;
  options.http.heartbeat = 1ms;
  start(options);
  TestClient events = connect();
  post(events, "subscription{never}", kEvents);
  EXPECT_EQ(events.read_chunk(), ":\n\n");
  EXPECT_EQ(events.read_chunk(), ":\n\n");
  TestClient parts = connect();
  post(parts, "subscription{never}", kParts);
  EXPECT_THAT(parts.read_chunk(), HasSubstr("\r\n\r\n{}\r\n--graphql"));
}

TEST_F(StreamsTest, ClosesTheSourceWhenTheClientLeaves) {
  start();
  TestClient client = connect();
  post(client, "subscription{never}", kEvents);
  while (metrics_.render().find("errand_subscriptions{transport=\"sse\"} 1") == std::string::npos) {
    std::this_thread::yield();
  }
  EXPECT_EQ(open_, 1);
  client.reset();
  while (open_ != 0) std::this_thread::yield();
}

TEST_F(StreamsTest, AnswersWhoeverTakesIncrementsAlone) {
  start();
  TestClient client = connect();
  const auto response = post(client, "{who}", "multipart/mixed;deferSpec=20220824");
  EXPECT_EQ(response.status, 200U);
  EXPECT_TRUE(response.has("Content-Type: application/json; charset=utf-8\r\n"));
}

// --- Multipart subscriptions ---

TEST_F(StreamsTest, SendsASubscriptionInParts) {
  start();
  TestClient client = connect();
  const auto head = post(client, "subscription{count(to:2)}", kParts);
  EXPECT_EQ(head.status, 200U);
  EXPECT_TRUE(
      head.has("Content-Type: multipart/mixed; boundary=\"graphql\"; subscriptionSpec=1.0\r\n"));
  const std::string type = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n";
  EXPECT_EQ(client.read_chunk(),
            "\r\n--graphql" + type + R"({"payload":{"data":{"count":1}}})" + "\r\n--graphql");
  EXPECT_EQ(client.read_chunk(), type + R"({"payload":{"data":{"count":2}}})" + "\r\n--graphql");
  EXPECT_EQ(client.read_chunk(), "--\r\n");
  EXPECT_EQ(client.read_chunk(), "");
}

TEST_F(StreamsTest, TellsAFailedSourceInTheLastPart) {
  start();
  TestClient client = connect();
  post(client, "subscription{failing}", kParts);
  const std::string body = read_body(client);
  EXPECT_THAT(body, HasSubstr(R"({"payload":null,"errors":[{"message":"the source broke")"));
  EXPECT_THAT(body, testing::EndsWith("\r\n--graphql--\r\n"));
}

TEST_F(StreamsTest, AnswersWhatIsNoSubscriptionWithoutParts) {
  start();
  TestClient client = connect();
  EXPECT_EQ(post(client, "{who}", kParts).body, R"({"data":{"who":"acme"}})");
  EXPECT_THAT(post(client, "{nope}", kParts).body, HasSubstr("errors"));
}

// --- Single connection mode ---

class SingleConnectionTest : public StreamsTest {
 protected:
  static std::string bearer(const std::string& token = "token-a") {
    return "\r\nAuthorization: Bearer " + token;
  }

  std::string reserve() {
    TestClient client = connect();
    send(client, "PUT /graphql/stream", bearer());
    const auto response = client.read_response();
    EXPECT_EQ(response.status, 201U);
    EXPECT_GE(response.body.size(), 43U);
    return response.body;
  }
  /// Opens the stream of `token`; the first comment is read.
  std::unique_ptr<TestClient> open(const std::string& token) {
    auto client = std::make_unique<TestClient>(http_->port());
    send(*client, "GET /graphql/stream?token=" + token);
    EXPECT_TRUE(client->read_response().has("Content-Type: text/event-stream"));
    EXPECT_EQ(client->read_chunk(), ":\n\n");
    return client;
  }
  TestClient::Response execute(const std::string& token, const std::string& id,
                               const std::string& query, const std::string& user = "token-a") {
    TestClient client = connect();
    send(client, "POST /graphql/stream",
         bearer(user) + "\r\nX-GraphQL-Event-Stream-Token: " + token,
         R"({"query":")" + query + R"(","extensions":{"operationId":)" + id + "}}");
    return client.read_response();
  }
  unsigned end(const std::string& token, const std::string& query) {
    TestClient client = connect();
    send(client, "DELETE /graphql/stream" + query,
         bearer() + "\r\nX-GraphQL-Event-Stream-Token: " + token);
    return client.read_response().status;
  }
};

TEST_F(SingleConnectionTest, CarriesTheResultsOfSeveralOperations) {
  start();
  const std::string token = reserve();
  const auto stream = open(token);
  EXPECT_EQ(execute(token, R"("1")", "{who}").status, 202U);
  EXPECT_EQ(stream->read_chunk(),
            "event: next\ndata: {\"id\":\"1\",\"payload\":{\"data\":{\"who\":\"acme\"}}}\n\n");
  EXPECT_EQ(stream->read_chunk(), "event: complete\ndata: {\"id\":\"1\"}\n\n");
  EXPECT_EQ(execute(token, R"("1")", "subscription{count(to:2)}").status, 202U);
  for (const char* count : {"\"count\":1", "\"count\":2", "event: complete"}) {
    EXPECT_THAT(stream->read_chunk(), HasSubstr(count));
  }
  EXPECT_EQ(execute(token, R"("2")", "subscription{failing}").status, 202U);
  EXPECT_THAT(stream->read_chunk(), HasSubstr("the source broke"));
}

TEST_F(SingleConnectionTest, KeepsWhatComesBeforeTheStream) {
  start();
  const std::string token = reserve();
  EXPECT_EQ(execute(token, R"("1")", "subscription{count(to:1)}").status, 202U);
  const auto stream = open(token);
  EXPECT_THAT(stream->read_chunk(), HasSubstr("\"count\":1"));
  EXPECT_THAT(stream->read_chunk(), HasSubstr("complete"));
}

TEST_F(SingleConnectionTest, RefusesWhatTheProtocolDoesNotAllow) {
  start();
  const std::string token = reserve();
  const auto stream = open(token);
  TestClient second = connect();
  send(second, "GET /graphql/stream?token=" + token);
  EXPECT_EQ(second.read_response().status, 409U);
  send(second, "GET /graphql/stream?token=unknown");
  EXPECT_EQ(second.read_response().status, 404U);
  EXPECT_EQ(execute("unknown", R"("1")", "{who}").status, 404U);
  EXPECT_EQ(execute(token, "null", "{who}").status, 400U);
  EXPECT_EQ(execute(token, R"("")", "{who}").status, 400U);
  EXPECT_EQ(execute(token, R"("1")", "{nope}").status, 400U);
  EXPECT_EQ(execute(token, R"("1")", "subscription{never}").status, 202U);
  EXPECT_EQ(execute(token, R"("1")", "{who}").status, 409U);
  EXPECT_EQ(end(token, ""), 400U);
  EXPECT_EQ(end("unknown", "?operationId=1"), 404U);
}

TEST_F(SingleConnectionTest, BindsTheTokenToItsPrincipal) {
  start();
  const std::string token = reserve();
  EXPECT_EQ(execute(token, R"("1")", "{who}", "token-b").status, 404U);
  EXPECT_EQ(execute(token, R"("1")", "{who}", "token-x").status, 401U);
  TestClient stranger = connect();
  send(stranger, "GET /graphql/stream?token=" + token, bearer("token-b"));
  EXPECT_EQ(stranger.read_response().status, 404U);
}

TEST_F(SingleConnectionTest, StopsAnOperationOnDelete) {
  start();
  const std::string token = reserve();
  const auto stream = open(token);
  EXPECT_EQ(execute(token, R"("1")", "subscription{never}").status, 202U);
  EXPECT_EQ(open_, 1);
  EXPECT_EQ(end(token, "?operationId=1"), 200U);
  while (open_ != 0) std::this_thread::yield();
  EXPECT_EQ(end(token, "?operationId=1"), 200U);  // unknown by now
  EXPECT_EQ(execute(token, R"("1")", "{who}").status, 202U);
  EXPECT_THAT(stream->read_chunk(), HasSubstr("acme"));
}

TEST_F(SingleConnectionTest, EndsItsOperationsWithTheStream) {
  start();
  const std::string token = reserve();
  const auto stream = open(token);
  EXPECT_EQ(execute(token, R"("1")", "subscription{never}").status, 202U);
  stream->reset();
  while (open_ != 0) std::this_thread::yield();
  while (execute(token, R"("2")", "{who}").status != 404U) std::this_thread::yield();
}

TEST_F(SingleConnectionTest, BoundsStreamsAndOperations) {
  Server::Options options;
  options.sse.streams_per_principal_max = 1;
  options.sse.session.operations_max = 1;
  start(options);
  const std::string token = reserve();
  TestClient client = connect();
  send(client, "PUT /graphql/stream", bearer());
  EXPECT_EQ(client.read_response().status, 429U);
  EXPECT_EQ(execute(token, R"("1")", "subscription{never}").status, 202U);
  EXPECT_EQ(execute(token, R"("2")", "{who}").status, 429U);
}

TEST_F(SingleConnectionTest, ForgetsAReservationThatNobodyTakes) {
  Server::Options options;
  options.sse.streams_per_principal_max = 1;
  options.sse.reservation_timeout = 0ms;
  start(options);
  const std::string token = reserve();
  EXPECT_EQ(execute(token, R"("1")", "{who}").status, 404U);
  EXPECT_NE(reserve(), token);
}

TEST_F(SingleConnectionTest, EndsTheOperationsOfAReservationThatNobodyTakes) {
  Server::Options options;
  options.sse.reservation_timeout = 1500ms;
  start(options);
  unsigned status = 404U;  // as long as the machine is too slow for the reservation
  while (status == 404U) status = execute(reserve(), R"("1")", "subscription{never}").status;
  EXPECT_EQ(status, 202U);
  while (open_ != 0) std::this_thread::yield();  // without a further request
}

}  // namespace
}  // namespace errand::server
