#include "errand/server/server.h"

#include <atomic>
#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/deadline.h"
#include "errand/async/event.h"
#include "errand/crypto/digest.h"
#include "errand/crypto/encoding.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/net/gzip.h"
#include "errand/net/test_client.h"

namespace errand::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using graphql::execution::FieldResult;
using graphql::execution::FieldValue;
using graphql::execution::ResolveInfo;
using graphql::execution::SourceEvent;
using graphql::execution::SourceStream;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSdl = R"(
type Query {
  who: String echo(text: String!): String broken: Int! oops: Int slow: Int cause: String forwarded: String
}
type Mutation { set(n: Int!): Int conflict: Int mustNotConflict: Int! }
type Subscription { ticks(count: Int!): Int never: Int failing: Int refused: Int }
)";

struct TestContext final : graphql::execution::RequestContext {
  RequestInfo info;
};

/// Gives 1 to `count`, then perhaps an error; with a count below 0 it waits until it is closed.
class Ticks final : public SourceStream {
 public:
  Ticks(int count, bool fails, std::atomic<int>& open, asio::any_io_executor executor)
      : count_(count), fails_(fails), open_(open), event_(std::move(executor)) {
    ++open_;
  }
  ~Ticks() override { --open_; }

  asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    if (count_ < 0) {
      while (!closed_) co_await event_.wait();
      co_return std::nullopt;
    }
    if (sent_ == count_ && fails_) {
      co_return graphql::execution::field_error(ErrorCode::kUnavailable, "the source broke");
    }
    if (closed_ || sent_ == count_) co_return std::nullopt;
    ++sent_;
    co_return SourceEvent{FieldValue(sent_), ""};
  }
  void close() override {
    closed_ = true;
    event_.notify();
  }

 private:
  const int count_;
  const bool fails_;
  std::atomic<int>& open_;
  async::Event event_;
  int sent_ = 0;
  bool closed_ = false;
};

auth::Credential credential(std::string_view token, const char* tenant) {
  auth::Principal principal;
  principal.tenant = TenantId(tenant);
  principal.subject = SubjectId("user:" + std::string(tenant));
  principal.scopes = {"*"};
  return {crypto::sha256(token), std::make_shared<const auth::Principal>(std::move(principal))};
}

class ServerTest : public testing::Test {
 protected:
  ServerTest()
      : page_zipped_(net::gzip("<p>page</p>")),
        assets_{Asset{"/graphiql", "text/html", page_zipped_, true, "\"v1\""}},
        authenticator_({credential("token-a", "acme"), credential("token-b", "bolt")}),
        service_(resolvers(), {}) {}

  ~ServerTest() override {
    if (http_) {
      asio::co_spawn(threads_.context(), http_->stop(1h), asio::use_future).get();
    }
    http_.reset();
    threads_.join();
  }

  void start(Server::Options options = {}) {
    server_ = std::make_unique<Server>(
        Server::Dependencies{.graphql = {.service = service_,
                                         .authenticator = with_tokens_ ? &authenticator_ : nullptr,
                                         .make_context =
                                             [this](RequestInfo info) {
                                               auto context = std::make_shared<TestContext>();
                                               context->deadline = info.deadline;
                                               context->clock = &clock_;
                                               context->info = std::move(info);
                                               return context;
                                             },
                                         .clock = clock_,
                                         .random = random_,
                                         .log = log_,
                                         .metrics = &metrics_,
                                         .forward_headers = forward_headers_},
                             .readiness =
                                 [this] {
                                   return std::vector<HealthCheck>{
                                       {.name = "store", .ok = store_ok_, .reason = "disk full"}};
                                 },
                             .assets = assets_},
        options);
    server_->add_routes(router_);
    http_ = *net::HttpServer::listen(threads_.context().get_executor(), {}, router_, log_, nullptr);
    http_->start();
  }

  net::TestClient::Response send(const std::string& head, const std::string& body = "") {
    net::TestClient client(http_->port());
    client.send(head + "\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    return client.read_response(!head.starts_with("HEAD"));
  }

  net::TestClient::Response post(const std::string& body, const std::string& more = "",
                                 const std::string& token = "token-a") {
    return send(
        "POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
            token + more,
        body);
  }

  net::TestClient::Response get(const std::string& query, const std::string& more = "") {
    return send("GET /graphql?" + query + " HTTP/1.1\r\nAuthorization: Bearer token-a" + more);
  }

  graphql::execution::Resolvers resolvers() {
    graphql::execution::ResolverMap map;
    map.add("Query", "who", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      const auto& principal = info.context_as<TestContext>().info.principal;
      if (!principal) return FieldValue();
      return FieldValue(principal->tenant.str());
    });
    map.add("Query", "cause", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      const RequestInfo& request = info.context_as<TestContext>().info;
      return FieldValue(request.correlation_id + "|" + request.trace.trace_id_text() + "|" +
                        request.idempotency_key.value_or("-") + "|" +
                        (request.batch_index ? std::to_string(*request.batch_index) + "|" : "") +
                        std::string(request.transport));
    });
    map.add("Query", "forwarded", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      std::string text;
      for (const auto& [name, value] : info.context_as<TestContext>().info.forwarded_headers) {
        text += name + "=" + value + ";";
      }
      return FieldValue(text);
    });
    map.add("Query", "echo", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
      return FieldValue::json_view(*info.argument("text"));
    });
    for (const char* name : {"broken", "oops"}) {
      map.add("Query", name, [](const ResolveInfo&) -> FieldResult<FieldValue> {
        return graphql::execution::field_error(ErrorCode::kUnavailable, "broken field");
      });
    }
    map.add_awaitable("Query", "slow",
                      [this](const ResolveInfo&) -> asio::awaitable<FieldResult<FieldValue>> {
                        struct Guard {
                          std::atomic<int>& count;
                          ~Guard() { --count; }
                        } guard{open_};
                        ++open_;
                        co_await async::sleep_for(1h);
                        co_return FieldValue(1);
                      });
    map.add("Mutation", "set", [this](const ResolveInfo& info) -> FieldResult<FieldValue> {
      ++mutations_;
      return FieldValue::json_view(*info.argument("n"));
    });
    for (const char* name : {"conflict", "mustNotConflict"}) {
      map.add("Mutation", name, [](const ResolveInfo&) -> FieldResult<FieldValue> {
        return graphql::execution::field_error(ErrorCode::kIdempotencyKeyReused, "key reused",
                                               {{"http", boost::json::object{{"status", 422}}}});
      });
    }
    const auto stream = [this](int fixed, bool fails) {
      return [this, fixed, fails](const ResolveInfo& info)
                 -> asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
        const auto* count = info.argument("count");
        co_return std::unique_ptr<SourceStream>(
            std::make_unique<Ticks>(count == nullptr ? fixed : static_cast<int>(count->as_int64()),
                                    fails, open_, co_await asio::this_coro::executor));
      };
    };
    map.add_stream("Subscription", "ticks", stream(0, false));
    map.add_stream("Subscription", "never", stream(-1, false));
    map.add_stream("Subscription", "failing", stream(1, true));
    map.add_stream(
        "Subscription", "refused",
        [](const ResolveInfo&) -> asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
          co_return graphql::execution::field_error(ErrorCode::kNotFound, "no such job");
        });
    const graphql::language::Source source{kSdl, "schema.graphql"};
    return *graphql::execution::Resolvers::bind(*graphql::type::build_schema({&source, 1}),
                                                std::move(map));
  }

  net::TestThreads threads_;
  SystemClock clock_;
  SystemRandom random_;
  telemetry::Log log_;
  telemetry::Metrics metrics_;
  std::string page_zipped_;
  std::vector<Asset> assets_;
  bool with_tokens_ = true;
  std::vector<std::string> forward_headers_;
  std::atomic<bool> store_ok_ = true;
  std::atomic<int> open_ = 0;  ///< streams and slow fields under way
  std::atomic<int> mutations_ = 0;
  auth::Authenticator authenticator_;
  graphql::request::Service service_;
  std::unique_ptr<Server> server_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
};

// --- GraphQL over HTTP ---

TEST_F(ServerTest, AnswersAPostInTheMediaTypeThatIsAskedFor) {
  start();
  const auto plain = post(R"({"query":"{who}"})");
  EXPECT_EQ(plain.status, 200U);
  EXPECT_TRUE(plain.has("Content-Type: application/json; charset=utf-8"));
  EXPECT_EQ(plain.body, R"({"data":{"who":"acme"}})");
  const auto other =
      post(R"({"query":"{who}"})", "\r\nAccept: application/graphql-response+json", "token-b");
  EXPECT_TRUE(other.has("Content-Type: application/graphql-response+json; charset=utf-8"));
  EXPECT_EQ(other.body, R"({"data":{"who":"bolt"}})");
  EXPECT_EQ(post("{}", "\r\nAccept: text/plain").status, 406U);
}

TEST_F(ServerTest, RefusesAMissingOrWrongToken) {
  start();
  const auto wrong = post(R"({"query":"{who}"})", "", "token-x");
  EXPECT_EQ(wrong.status, 401U);
  EXPECT_TRUE(wrong.has("WWW-Authenticate: Bearer"));
  EXPECT_THAT(wrong.body, HasSubstr("UNAUTHENTICATED"));
  EXPECT_THAT(wrong.body, Not(HasSubstr("data")));
  EXPECT_THAT(wrong.body, Not(HasSubstr("token-x")));
  EXPECT_EQ(send("POST /graphql HTTP/1.1\r\nContent-Type: application/json", R"({"query":"{who}"})")
                .status,
            401U);
}

struct StatusCase {
  const char* name;
  const char* body;
  unsigned audit_response;  ///< under application/graphql-response+json
  unsigned audit_json;
  unsigned draft_response;
  unsigned draft_json;
  const char* text;
};

class Statuses : public ServerTest, public testing::WithParamInterface<StatusCase> {
 protected:
  void expect(unsigned as_response, unsigned as_json) {
    const auto& param = GetParam();
    const auto response = post(param.body, "\r\nAccept: application/graphql-response+json");
    EXPECT_EQ(response.status, as_response) << response.body;
    EXPECT_THAT(response.body, HasSubstr(param.text));
    const auto json = post(param.body, "\r\nAccept: application/json");
    EXPECT_EQ(json.status, as_json) << json.body;
    EXPECT_TRUE(boost::json::parse(json.body).is_object());
  }
};

TEST_P(Statuses, FollowTheAuditProfile) {
  start();
  expect(GetParam().audit_response, GetParam().audit_json);
}

TEST_P(Statuses, FollowTheDraftProfile) {
  start({.http = {.status_profile = StatusProfile::kDraft}});
  expect(GetParam().draft_response, GetParam().draft_json);
}

INSTANTIATE_TEST_SUITE_P(
    ServerTest, Statuses,
    testing::Values(
        StatusCase{"Data", R"({"query":"{who}"})", 200, 200, 200, 200,
                   R"({"data":{"who":"acme"}})"},
        StatusCase{"UnknownProperties", R"({"query":"{who}","id":7})", 200, 200, 200, 200, "acme"},
        StatusCase{"NullsAreAbsent",
                   R"({"query":"{who}","operationName":null,"variables":null,"extensions":null})",
                   200, 200, 200, 200, "acme"},
        StatusCase{"NotJson", "{", 400, 400, 400, 400, "not JSON"},
        StatusCase{"NotUtf8", "{\"query\":\"{who} #\xC3\x28\"}", 400, 400, 400, 400,
                   "not UTF-8: byte 18"},
        StatusCase{"Empty", "", 400, 400, 400, 400, "not JSON"},
        StatusCase{"Batch", "[]", 400, 400, 422, 422, "Batches"},
        StatusCase{"NotAnObject", "1", 400, 400, 422, 422, "JSON object"},
        StatusCase{"NoQuery", "{}", 400, 400, 422, 422, "query"},
        StatusCase{"BadVariables", R"({"query":"{who}","variables":[]})", 400, 400, 422, 422,
                   "variables"},
        StatusCase{"Syntax", R"({"query":"{"})", 400, 200, 400, 400, "Syntax"},
        StatusCase{"Validation", R"({"query":"{nope}"})", 400, 200, 422, 422, "nope"},
        StatusCase{"UnknownOperation", R"({"query":"query A{who}","operationName":"B"})", 400, 200,
                   422, 422, "B"},
        StatusCase{"Variables",
                   R"({"query":"query($t:String!){echo(text:$t)}","variables":{"t":1}})", 400, 200,
                   422, 422, "$t"},
        StatusCase{"PartialData", R"({"query":"{who oops}"})", 200, 200, 294, 200,
                   R"({"data":{"who":"acme","oops":null})"},
        StatusCase{"NoDataButErrors", R"({"query":"{broken}"})", 200, 200, 294, 200,
                   R"("data":null)"},
        StatusCase{"FieldsOwnStatus", R"({"query":"mutation{conflict}"})", 422, 422, 294, 200,
                   "IDEMPOTENCY_KEY_REUSED"},
        StatusCase{"FieldsOwnStatusWithoutData", R"({"query":"mutation{mustNotConflict}"})", 422,
                   422, 422, 422, "IDEMPOTENCY_KEY_REUSED"},
        StatusCase{"Subscription", R"({"query":"subscription{never}"})", 405, 405, 405, 405,
                   "subscription"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ServerTest, TakesJsonOnly) {
  start();
  const auto with_type = [this](const std::string& type) {
    return send("POST /graphql HTTP/1.1\r\nAuthorization: Bearer token-a" +
                    (type.empty() ? "" : "\r\nContent-Type: " + type),
                R"({"query":"{who}"})")
        .status;
  };
  EXPECT_EQ(with_type("APPLICATION/JSON; Charset=\"UTF-8\""), 200U);
  EXPECT_EQ(with_type(""), 415U);
  EXPECT_EQ(with_type("text/plain"), 415U);
  EXPECT_EQ(with_type("application/x-www-form-urlencoded"), 415U);
  EXPECT_EQ(with_type("application/json; charset=utf-16"), 415U);
}

TEST_F(ServerTest, RunsQueriesByGetButNoMutations) {
  start();
  EXPECT_EQ(get("query=%7Bwho%7D&variables=&operationName=&extensions=").body,
            R"({"data":{"who":"acme"}})");
  EXPECT_EQ(
      get("query=query(%24t:String!)%7Becho(text:%24t)%7D&variables=%7B%22t%22:%22x%22%7D").body,
      R"({"data":{"echo":"x"}})");
  const auto mutation = get("query=mutation%7Bset(n:1)%7D");
  EXPECT_EQ(mutation.status, 405U);
  EXPECT_TRUE(mutation.has("Allow: POST"));
  EXPECT_EQ(mutations_, 0);
  EXPECT_EQ(get("query=%7Bwho%7D&variables=%7B").status, 400U);
  EXPECT_EQ(get("query=%7Bwho%7D&variables=1").status, 400U);
  EXPECT_EQ(get("query=%zz").status, 400U);
  EXPECT_EQ(get("query=%7Bwho%7D&query=%7Bwho%7D").status, 400U);
  EXPECT_EQ(get("").status, 400U);
  const auto other = send("DELETE /graphql HTTP/1.1");
  EXPECT_EQ(other.status, 405U);
  EXPECT_TRUE(other.has("Allow: GET, HEAD, POST"));
}

TEST_F(ServerTest, AnswersHeadAsGetWithoutItsBody) {
  start();
  const auto head = send("HEAD /graphql?query=%7Bwho%7D HTTP/1.1\r\nAuthorization: Bearer token-a");
  EXPECT_EQ(head.status, 200U);
  EXPECT_TRUE(head.has("Content-Length: 23"));
  EXPECT_EQ(
      send("HEAD /graphql?query=mutation%7Bset(n:1)%7D HTTP/1.1\r\nAuthorization: Bearer token-a")
          .status,
      405U);
  EXPECT_EQ(mutations_, 0);
}

TEST_F(ServerTest, RefusesAGetThatAnotherSitesPageCouldHaveSent) {
  with_tokens_ = false;
  start();
  const auto get = [this](const std::string& more) {
    return send("GET /graphql?query=%7Bwho%7D HTTP/1.1" + more);
  };
  const auto refused = get("");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_THAT(refused.body, HasSubstr("x-errand-preflight"));
  EXPECT_EQ(get("\r\nAuthorization: Basic dTpw").status, 400U);
  EXPECT_EQ(get("\r\nContent-Type: text/plain").status, 400U);
  EXPECT_EQ(get("\r\nX-Errand-Preflight: 1").status, 200U);
  EXPECT_EQ(get("\r\nApollo-Require-Preflight: true").status, 200U);
  EXPECT_EQ(get("\r\nContent-Type: application/json").status, 200U);
}

TEST_F(ServerTest, RefusesAForgedGetWith403ByTheDraft) {
  with_tokens_ = false;
  start({.http = {.status_profile = StatusProfile::kDraft}});
  EXPECT_EQ(send("GET /graphql?query=%7Bwho%7D HTTP/1.1").status, 403U);
}

TEST_F(ServerTest, TakesAnyGetWhereTheCrossSiteRuleIsOff) {
  with_tokens_ = false;
  start({.http = {.read = {.cross_site = {.enabled = false}}}});
  EXPECT_EQ(send("GET /graphql?query=%7Bwho%7D HTTP/1.1").status, 200U);
}

TEST_F(ServerTest, RefusesPackedBodiesAndSaysSo) {
  start();
  const auto response = post(net::gzip(R"({"query":"{who}"})"), "\r\nContent-Encoding: gzip");
  EXPECT_EQ(response.status, 415U);
  EXPECT_THAT(response.body, HasSubstr("without Content-Encoding"));
  EXPECT_EQ(post(R"({"query":"{who}"})", "\r\nContent-Encoding: identity").status, 200U);
}

TEST_F(ServerTest, PacksLongAnswersForWhoTakesGzip) {
  start();
  const std::string body = R"({"query":"{echo(text:\")" + std::string(2'000, 'x') + R"(\")}"})";
  const auto packed = post(body, "\r\nAccept-Encoding: gzip, deflate, br");
  EXPECT_TRUE(packed.has("Content-Encoding: gzip"));
  EXPECT_TRUE(packed.has("Vary: Accept, Accept-Encoding"));
  EXPECT_EQ(net::gunzip(packed.body).value(),
            R"({"data":{"echo":")" + std::string(2'000, 'x') + R"("}})");
  EXPECT_FALSE(post(body).has("Content-Encoding"));
}

TEST_F(ServerTest, AnswersABatchInItsOrder) {
  start({.http = {.read = {.batch_max = 4}}});
  const auto response =
      post(R"([{"query":"mutation{set(n:1)}"},{"query":"{nope}"},{"query":"{cause}"},7])",
           "\r\nIdempotency-Key: k\r\nX-Correlation-Id: c");
  EXPECT_EQ(response.status, 200U);
  const auto body = boost::json::parse(response.body).as_array();
  ASSERT_EQ(body.size(), 4U);
  EXPECT_EQ(body.at(0), boost::json::parse(R"({"data":{"set":1}})"));
  EXPECT_THAT(boost::json::serialize(body.at(1)), HasSubstr("GRAPHQL_VALIDATION_FAILED"));
  EXPECT_THAT(boost::json::serialize(body.at(2)), HasSubstr("k|2|"));
  EXPECT_THAT(boost::json::serialize(body.at(3)), HasSubstr("JSON object"));
}

TEST_F(ServerTest, CountsTokensOverTheWholeBatch) {
  start({.http = {.read = {.batch_max = 10, .batch_tokens_max = 20}}});
  const std::string item = R"({"query":"mutation{set(n:1)}"})";  // 9 tokens
  EXPECT_EQ(post("[" + item + "," + item + "]").status, 200U);
  EXPECT_EQ(mutations_, 2);
  const auto refused = post("[" + item + "," + item + "," + item + "]");
  EXPECT_EQ(refused.status, 400U);
  EXPECT_THAT(refused.body, HasSubstr("MAX_TOKENS_LIMIT"));
  EXPECT_THAT(refused.body, HasSubstr("27 tokens together"));
  EXPECT_EQ(mutations_, 2);
  EXPECT_THAT(send("GET /metrics HTTP/1.1").body,
              HasSubstr("errand_graphql_rejected_total{limit=\"MAX_TOKENS_LIMIT\"} 1"));
}

TEST_F(ServerTest, RefusesBatchesThatAreNoneOrTooLong) {
  start({.http = {.read = {.batch_max = 2}}});
  const auto refused = [this](const std::string& body, const char* text) {
    const auto response = post(body);
    EXPECT_EQ(response.status, 400U);
    EXPECT_THAT(response.body, HasSubstr(text));
  };
  refused("[]", "empty");
  refused(R"([{"query":"mutation{set(n:1)}"},[{"query":"{who}"}]])", "another batch");
  refused(R"([{"query":"mutation{set(n:1)}"},{"query":"{who}"},{"query":"{who}"}])", "allows 2");
  EXPECT_EQ(mutations_, 0);
}

TEST_F(ServerTest, HandsTheCauseOnAndNamesTheRequest) {
  start();
  const auto response =
      post(R"({"query":"{cause}"})",
           "\r\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
           "\r\nX-Correlation-Id: order-7\r\nX-Request-Id: r-1\r\nIdempotency-Key: \"k\"");
  EXPECT_EQ(response.body,
            R"({"data":{"cause":"order-7|4bf92f3577b34da6a3ce929d0e0e4736|\"k\"|http"}})");
  EXPECT_TRUE(response.has("X-Request-Id: r-1"));
}

TEST_F(ServerTest, StopsWorkingForAClientThatLeft) {
  start();
  net::TestClient client(http_->port());
  const std::string body = R"({"query":"{slow}"})";
  client.send(
      "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-a\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  while (open_ == 0) std::this_thread::yield();
  client.reset();
  while (open_ != 0) std::this_thread::yield();
}

// --- the rest ---

TEST_F(ServerTest, TellsLivenessAndReadinessApart) {
  start();
  EXPECT_EQ(send("GET /healthz HTTP/1.1").body, R"({"status":"ok"})");
  EXPECT_EQ(send("GET /readyz HTTP/1.1").status, 200U);
  store_ok_ = false;
  const auto broken = send("GET /readyz HTTP/1.1");
  EXPECT_EQ(broken.status, 503U);
  EXPECT_THAT(broken.body, HasSubstr("disk full"));
  store_ok_ = true;
  server_->drain();
  EXPECT_THAT(send("GET /readyz HTTP/1.1").body, HasSubstr("draining"));
  EXPECT_EQ(send("GET /healthz HTTP/1.1").status, 200U);
}

TEST_F(ServerTest, ShowsItsMetrics) {
  start();
  post(R"({"query":"{who}"})");
  const auto response = send("GET /metrics HTTP/1.1");
  EXPECT_TRUE(response.has("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(
      response.body,
      HasSubstr("errand_graphql_request_duration_seconds_count{operation_type=\"query\"} 1"));
}

TEST_F(ServerTest, CountsRequestsThatRanOutOfTime) {
  start({.http = {.request_timeout = 0ms}});
  const auto response = post(R"({"query":"{who slow}"})");
  EXPECT_EQ(response.status, 200U);
  EXPECT_THAT(response.body, HasSubstr("DEADLINE_EXCEEDED"));
  EXPECT_THAT(send("GET /metrics HTTP/1.1").body,
              HasSubstr("errand_graphql_rejected_total{limit=\"DEADLINE_EXCEEDED\"} 1"));
}

TEST_F(ServerTest, CountsRequestsOverALimit) {
  start();
  std::string query = "{";
  for (int i = 0; i < 40; ++i) query += "a" + std::to_string(i) + ":who ";
  EXPECT_THAT(post("{\"query\":\"" + query + "}\"}").body, HasSubstr("MAX_"));
  EXPECT_THAT(send("GET /metrics HTTP/1.1").body,
              HasSubstr("errand_graphql_rejected_total{limit=\"MAX_"));
}

TEST_F(ServerTest, TakesAPersistedQueryByItsHashAlone) {
  start();
  const std::string hash = crypto::to_hex(crypto::sha256("{who}"));
  const std::string extensions =
      "extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22" + hash +
      "%22%7D%7D";
  const auto unknown = get(extensions);
  EXPECT_EQ(unknown.status, 200U);
  EXPECT_TRUE(unknown.has("Cache-Control: private, no-cache, must-revalidate"));
  EXPECT_THAT(unknown.body, HasSubstr("\"code\":\"PERSISTED_QUERY_NOT_FOUND\""));
  EXPECT_EQ(post(R"({"query":"{who}","extensions":{"persistedQuery":{"version":1,"sha256Hash":")" +
                 hash + "\"}}}")
                .status,
            200U);
  EXPECT_EQ(get(extensions).body, R"({"data":{"who":"acme"}})");
  EXPECT_EQ(get("documentId=none").status, 404U);
}

TEST_F(ServerTest, ServesThePageZippedOrNot) {
  start();
  const auto zipped = send("GET /graphiql HTTP/1.1\r\nAccept-Encoding: br, gzip");
  EXPECT_TRUE(zipped.has("Content-Encoding: gzip"));
  EXPECT_EQ(zipped.body, page_zipped_);
  const auto plain = send("GET /graphiql HTTP/1.1\r\nAccept-Encoding: gzip;q=0");
  EXPECT_FALSE(plain.has("Content-Encoding"));
  EXPECT_EQ(plain.body, "<p>page</p>");
  EXPECT_TRUE(plain.has("Content-Security-Policy: default-src 'self';"));
  EXPECT_EQ(send("GET /graphiql HTTP/1.1\r\nIf-None-Match: \"v1\"").status, 304U);
}

TEST_F(ServerTest, SaysWhatExistsWhereNothingIsServed) {
  start();
  const auto response = send("GET /nowhere HTTP/1.1");
  EXPECT_EQ(response.status, 404U);
  const auto body = boost::json::parse(response.body);
  EXPECT_THAT(boost::json::serialize(body.at("available")), HasSubstr("POST /graphql"));
  EXPECT_THAT(send("BOGUS\x01 / HTTP/1.1").body, HasSubstr("\"error\""));
}

// --- graphql-transport-ws, by the rows of its table of close codes ---

class TransportWsTest : public ServerTest {
 protected:
  using Stream = websocket::stream<asio::ip::tcp::socket>;

  class Client {
   public:
    Client(asio::io_context& context, std::uint16_t port,
           const std::string& protocol = "graphql-transport-ws", const std::string& token = "",
           std::vector<std::pair<std::string, std::string>> headers = {})
        : stream_(context) {
      stream_.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
      stream_.set_option(websocket::stream_base::decorator([=](websocket::request_type& r) {
        if (!protocol.empty()) r.set("Sec-WebSocket-Protocol", protocol);
        if (!token.empty()) r.set("Authorization", "Bearer " + token);
        for (const auto& [name, value] : headers) r.set(name, value);
      }));
      stream_.handshake("127.0.0.1", "/graphql");
    }

    void send(std::string_view text) { stream_.write(asio::buffer(text)); }
    std::string read() {
      beast::flat_buffer buffer;
      stream_.read(buffer);
      return beast::buffers_to_string(buffer.data());
    }
    /// Close code, with the reason in `reason`; messages before it are dropped.
    int read_close() {
      beast::error_code ec;
      while (!ec) {
        beast::flat_buffer buffer;
        stream_.read(buffer, ec);
      }
      reason = stream_.reason().reason.c_str();
      return ec == websocket::error::closed ? stream_.reason().code : 0;
    }
    void init(const std::string& token = "token-a") {
      send(R"({"type":"connection_init","payload":{"Authorization":"Bearer )" + token + "\"}}");
      EXPECT_EQ(read(), R"({"type":"connection_ack"})");
    }
    void subscribe(const std::string& id, const std::string& query) {
      send(R"({"type":"subscribe","id":")" + id + R"(","payload":{"query":")" + query + "\"}}");
    }

    std::string reason;
    Stream& stream() { return stream_; }

   private:
    Stream stream_;
  };

  std::unique_ptr<Client> connect(const std::string& protocol = "graphql-transport-ws",
                                  const std::string& token = "") {
    return std::make_unique<Client>(client_context_, http_->port(), protocol, token);
  }

  asio::io_context client_context_;
};

TEST_F(TransportWsTest, RunsAQueryAMutationAndASubscription) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("1", "{who}");
  EXPECT_EQ(client->read(), R"({"id":"1","type":"next","payload":{"data":{"who":"acme"}}})");
  EXPECT_EQ(client->read(), R"({"id":"1","type":"complete"})");
  client->subscribe("1", "mutation{set(n:5)}");  // the id is free again
  EXPECT_THAT(client->read(), HasSubstr(R"("set":5)"));
  EXPECT_EQ(client->read(), R"({"id":"1","type":"complete"})");
  client->subscribe("2", "subscription{ticks(count:3)}");
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(client->read(),
              R"({"id":"2","type":"next","payload":{"data":{"ticks":)" + std::to_string(i) + "}}}");
  }
  EXPECT_EQ(client->read(), R"({"id":"2","type":"complete"})");
}

TEST_F(TransportWsTest, TakesTheTokenOfTheUpgradeAndThatOfInitOverIt) {
  start();
  const auto by_header = connect("graphql-transport-ws", "token-b");
  by_header->send(R"({"type":"connection_init"})");
  EXPECT_EQ(by_header->read(), R"({"type":"connection_ack"})");
  by_header->subscribe("1", "{who}");
  EXPECT_THAT(by_header->read(), HasSubstr("bolt"));
  const auto by_init = connect("graphql-transport-ws", "token-b");
  by_init->init("token-a");
  by_init->subscribe("1", "{who}");
  EXPECT_THAT(by_init->read(), HasSubstr("acme"));
}

TEST_F(TransportWsTest, RefusesTheUpgradeWithAWrongToken) {
  start();
  EXPECT_THROW(connect("graphql-transport-ws", "token-x"), boost::system::system_error);
}

TEST_F(TransportWsTest, Closes4400OnAMalformedMessage) {
  start();
  for (const char* text : {"{", R"({"type":"start"})", R"({"type":"connection_ack"})"}) {
    const auto client = connect();
    client->send(text);
    EXPECT_EQ(client->read_close(), 4400);
    EXPECT_NE(client->reason, "");
  }
  const auto client = connect();
  client->stream().binary(true);
  client->send(R"({"type":"ping"})");
  EXPECT_EQ(client->read_close(), 4400);
}

TEST_F(TransportWsTest, Closes4401OnASubscribeBeforeTheAck) {
  start();
  const auto client = connect("graphql-transport-ws", "token-a");
  client->subscribe("1", "{who}");
  EXPECT_EQ(client->read_close(), 4401);
  EXPECT_EQ(client->reason, "Unauthorized");
}

TEST_F(TransportWsTest, Closes4403WithoutAValidToken) {
  start();
  for (const char* init :
       {R"({"type":"connection_init"})", R"({"type":"connection_init","payload":{}})",
        R"({"type":"connection_init","payload":{"authorization":"Bearer token-x"}})"}) {
    const auto client = connect();
    client->send(init);
    EXPECT_EQ(client->read_close(), 4403);
    EXPECT_EQ(client->reason, "Forbidden");
  }
}

TEST_F(TransportWsTest, Closes4406OnAnotherSubprotocol) {
  start();
  const auto client = connect("graphql-ws");
  EXPECT_EQ(client->read_close(), 4406);
}

TEST_F(TransportWsTest, Closes4408WithoutConnectionInit) {
  start({.web_socket = {.init_timeout = 20ms}});
  const auto client = connect();
  EXPECT_EQ(client->read_close(), 4408);
  EXPECT_EQ(client->reason, "Connection initialisation timeout");
}

TEST_F(TransportWsTest, Closes4409OnADuplicateId) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("same", "subscription{never}");
  client->subscribe("same", "{who}");
  EXPECT_EQ(client->read_close(), 4409);
  EXPECT_EQ(client->reason, "Subscriber for same already exists");
}

TEST_F(TransportWsTest, Closes4429OnASecondInit) {
  start();
  const auto client = connect();
  client->init();
  client->send(R"({"type":"connection_init"})");
  EXPECT_EQ(client->read_close(), 4429);
}

TEST_F(TransportWsTest, AnswersPingsAlsoBeforeInit) {
  start();
  const auto client = connect();
  client->send(R"({"type":"ping","payload":{"n":1}})");
  EXPECT_EQ(client->read(), R"({"type":"pong","payload":{"n":1}})");
  client->send(R"({"type":"pong"})");
  client->init();
}

TEST_F(TransportWsTest, AnswersRequestErrorsWithAMessageAndStaysOpen) {
  start();
  const auto client = connect();
  client->init();
  int id = 0;
  for (const char* query : {"{", "{nope}", "query($t:String!){echo(text:$t)}",
                            "subscription{refused}", "subscription{nope}"}) {
    client->subscribe(std::to_string(++id), query);
    const auto message = boost::json::parse(client->read());
    EXPECT_EQ(message.at("type").as_string(), "error") << query;
    EXPECT_EQ(message.at("id").as_string(), std::to_string(id));
    EXPECT_GE(message.at("payload").as_array().size(), 1U);
    EXPECT_TRUE(message.at("payload").at(0).at("message").is_string());
  }
  client->subscribe("x", "{broken}");  // an execution error is inside next
  EXPECT_THAT(client->read(), HasSubstr(R"("type":"next")"));
  EXPECT_THAT(client->read(), HasSubstr("complete"));
}

TEST_F(TransportWsTest, EndsASubscriptionWhoseSourceFailsWithAnError) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("1", "subscription{failing}");
  EXPECT_THAT(client->read(), HasSubstr(R"("failing":1)"));
  const std::string error = client->read();
  EXPECT_THAT(error, HasSubstr(R"("type":"error")"));
  EXPECT_THAT(error, HasSubstr("the source broke"));
  client->subscribe("1", "{who}");
  EXPECT_THAT(client->read(), HasSubstr("acme"));
}

TEST_F(TransportWsTest, StopsASourceOnCompleteAndFreesItsId) {
  start();
  const auto client = connect();
  client->init();
  client->send(R"({"type":"complete","id":"unknown"})");  // ignored
  client->subscribe("1", "subscription{never}");
  while (open_ == 0) std::this_thread::yield();
  client->send(R"({"type":"complete","id":"1"})");
  while (open_ != 0) std::this_thread::yield();
  client->subscribe("1", "{slow}");
  while (open_ == 0) std::this_thread::yield();
  client->send(R"({"type":"complete","id":"1"})");
  while (open_ != 0) std::this_thread::yield();
  client->subscribe("1", "{who}");  // the next message is of this one
  EXPECT_THAT(client->read(), HasSubstr("acme"));
}

TEST_F(TransportWsTest, ASlowOperationDelaysNoOther) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("slow", "{slow}");
  client->subscribe("quick", "{who}");
  EXPECT_THAT(client->read(), HasSubstr("quick"));
}

TEST_F(TransportWsTest, StopsEverySourceWhenTheSocketVanishes) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("1", "subscription{never}");
  client->subscribe("2", "{slow}");
  while (open_ != 2) std::this_thread::yield();
  client->stream().next_layer().close();
  while (open_ != 0) std::this_thread::yield();
}

TEST_F(TransportWsTest, BoundsTheOperationsOfOneConnection) {
  start({.web_socket = {.operations_max = 2}});
  const auto client = connect();
  client->init();
  client->subscribe("1", "subscription{never}");
  client->subscribe("2", "subscription{never}");
  client->subscribe("3", "{who}");
  const std::string refused = client->read();
  EXPECT_THAT(refused, HasSubstr(R"("id":"3","type":"error")"));
  EXPECT_THAT(refused, HasSubstr("RESOURCE_EXHAUSTED"));
}

TEST_F(TransportWsTest, CarriesALongLogThroughASmallQueue) {
  start({.web_socket = {.socket = {.queue_messages_max = 4}}});
  const auto client = connect();
  client->init();
  client->subscribe("1", "subscription{ticks(count:2000)}");
  for (int i = 1; i <= 2000; ++i) {
    EXPECT_THAT(client->read(), HasSubstr("\"ticks\":" + std::to_string(i) + "}"));
  }
  EXPECT_EQ(client->read(), R"({"id":"1","type":"complete"})");
}

TEST_F(ServerTest, HandsOnTheHeadersThatJobsCarry) {
  forward_headers_ = {"authorization", "x-team"};
  start();
  const std::string body = R"({"query":"{forwarded}"})";
  EXPECT_THAT(post(body, "\r\nX-Team: one\r\nX-Other: 1").body,
              HasSubstr(R"("authorization=Bearer token-a;x-team=one;")"));
  EXPECT_THAT(post(body).body, HasSubstr(R"("authorization=Bearer token-a;")"));
}

TEST_F(TransportWsTest, HandsOnTheHeadersThatJobsCarryTheInitsOverTheHandshakes) {
  forward_headers_ = {"authorization", "x-team", "x-user"};
  start();
  const auto forwarded = [&](const std::string& payload) {
    Client client(client_context_, http_->port(), "graphql-transport-ws", "token-b",
                  {{"X-Team", "handshake"}, {"X-Other", "1"}});
    client.send(R"({"type":"connection_init","payload":)" + payload + "}");
    EXPECT_EQ(client.read(), R"({"type":"connection_ack"})");
    client.subscribe("1", "{forwarded who}");
    return client.read();
  };
  EXPECT_THAT(
      forwarded("{}"),
      HasSubstr(R"({"forwarded":"authorization=Bearer token-b;x-team=handshake;","who":"bolt"})"));
  EXPECT_THAT(
      forwarded(R"({"Authorization":"Bearer token-a","x-TEAM":" init ","x-other":"1"})"),
      HasSubstr(R"({"forwarded":"authorization=Bearer token-a;x-team=init;","who":"acme"})"));
  // As many clients of Apollo send them. Who is asked and what is handed on are one person's.
  EXPECT_THAT(
      forwarded(R"({"headers":{"Authorization":"Bearer token-a","X-User":"anna","n":1}})"),
      HasSubstr(R"("x-team=handshake;authorization=Bearer token-a;x-user=anna;","who":"acme")"));
  EXPECT_THAT(
      forwarded(R"({"authorization":"Bearer token-a","headers":{"authorization":"Bearer x"}})"),
      HasSubstr(R"(authorization=Bearer token-a;","who":"acme")"));
  EXPECT_THAT(forwarded(R"({"x-team":"","x-user":7,"headers":"none"})"),
              HasSubstr(R"({"forwarded":"authorization=Bearer token-b;","who":"bolt"})"));
}

TEST_F(TransportWsTest, Closes4400OnAHeaderOfThePayloadThatIsTooLongToKeep) {
  forward_headers_ = {"x-team"};
  start();
  const auto client = connect("graphql-transport-ws", "token-a");
  client->send(R"({"type":"connection_init","payload":{"x-other":")" + std::string(9'000, 'x') +
               R"(","x-team":")" + std::string(8'193, 'x') + "\"}}");
  EXPECT_EQ(client->read_close(), 4400);
  EXPECT_THAT(client->reason, HasSubstr("too long"));
}

TEST_F(TransportWsTest, HandsTheCauseOn) {
  start();
  Client client(client_context_, http_->port(), "graphql-transport-ws", "token-a",
                {{"X-Correlation-Id", "session-1"}});
  client.send(R"({"type":"connection_init"})");
  client.read();
  client.subscribe("1", "{cause}");
  EXPECT_THAT(client.read(), HasSubstr(R"(session-1|)"));
  client.read();
  client.send(R"({"type":"subscribe","id":"2","payload":{"query":"{cause}","extensions":)"
              R"({"correlationId":"op-1","idempotencyKey":"k1",)"
              R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}})");
  EXPECT_THAT(client.read(), HasSubstr("op-1|4bf92f3577b34da6a3ce929d0e0e4736|k1|websocket"));
}

TEST_F(TransportWsTest, ClosesOpenSubscriptionsWhenTheServerStops) {
  start();
  const auto client = connect();
  client->init();
  client->subscribe("1", "subscription{never}");
  while (open_ == 0) std::this_thread::yield();
  auto stopped = asio::co_spawn(threads_.context(), http_->stop(1h), asio::use_future);
  EXPECT_EQ(client->read_close(), 1001);
  stopped.get();
  EXPECT_EQ(open_, 0);
  http_.reset();
}

}  // namespace
}  // namespace errand::server
