#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/execution/execution_test_harness.h"

namespace errand::graphql::execution {
namespace {

using testing::Fixture;
using testing::yield;

TEST(Execute, TakesMembersOfJsonByDefault) {
  const Fixture f(
      "type Query { name: String count: Int ratio: Float ok: Boolean id: ID missing: Int }");
  EXPECT_EQ(f.execute("{ name count ratio ok id missing __typename }",
                      R"({"name":"a\"b","count":3,"ratio":0.5,"ok":true,"id":"7"})"),
            R"({"data":{"name":"a\"b","count":3,"ratio":0.5,"ok":true,"id":"7","missing":null,)"
            R"("__typename":"Query"}})");
}

TEST(Execute, MergesFieldsInOrderOfFirstAppearance) {
  const Fixture f("type Query { a: A b: Int } type A { x: Int y: Int z: Int }");
  EXPECT_EQ(
      f.execute("{ a { y } b ...F ... on Query { a { z } } } fragment F on Query { a { x y } }",
                R"({"a":{"x":1,"y":2,"z":3},"b":4})"),
      R"({"data":{"a":{"y":2,"x":1,"z":3},"b":4}})");
}

TEST(Execute, SkipWinsOverInclude) {
  const Fixture f("type Query { a: Int b: Int c: Int d: Int }");
  EXPECT_EQ(f.execute("query ($t: Boolean!, $f: Boolean!) { a @skip(if: $t) @include(if: $t) b "
                      "@include(if: $t) "
                      "c @include(if: $f) ... @skip(if: $f) { d } }",
                      R"({"a":1,"b":2,"c":3,"d":4})", R"({"t":true,"f":false})"),
            R"({"data":{"b":2,"d":4}})");
}

TEST(Execute, NullInANonNullPositionMakesTheNearestNullableNull) {
  const Fixture f(
      "type Query { a: A list: [A] strict: [A!] } type A { id: Int! b: B! } type B { id: Int! }");
  EXPECT_EQ(
      f.execute("{ a { id b { id } } }", R"({"a":{"id":1,"b":{"id":null}}})"),
      R"({"data":{"a":null},"errors":[{"message":"Cannot return null for non-nullable field B.id.",)"
      R"("locations":[{"line":1,"column":14}],"path":["a","b","id"],)"
      R"("extensions":{"code":"INTERNAL"}}]})");
  EXPECT_EQ(
      f.execute("{ list { id } }", R"({"list":[{"id":1},{},{"id":3}]})"),
      R"({"data":{"list":[{"id":1},null,{"id":3}]},"errors":[{"message":)"
      R"("Cannot return null for non-nullable field A.id.","locations":[{"line":1,"column":10}],)"
      R"("path":["list",1,"id"],"extensions":{"code":"INTERNAL"}}]})");
  EXPECT_NE(f.execute("{ strict { id } }", R"({"strict":[{"id":1},{}]})")
                .find(R"("data":{"strict":null})"),
            std::string::npos);
}

TEST(Execute, NullAtTheRootMakesDataNull) {
  const Fixture f("type Query { a: Int! b: Int }");
  EXPECT_TRUE(f.execute("{ b a }", R"({"b":1})").starts_with(R"({"data":null,"errors":[)"));
}

TEST(Execute, ErrorsOfResolversCarryCodeAndExtensions) {
  ResolverMap map;
  map.add("Query", "a", [](const ResolveInfo&) -> FieldResult<FieldValue> {
    return field_error(ErrorCode::kForbidden, "No.", {{"http", {{"status", 403}}}});
  });
  const Fixture f("type Query { a: Int b: Int }", std::move(map));
  OperationExecution execution(f.request("{ b again: a }", R"({"b":1})"));
  const ExecutionResult result = testing::run(execution.execute());
  EXPECT_EQ(
      result.body,
      R"({"data":{"b":1,"again":null},"errors":[{"message":"No.","locations":[{"line":1,"column":5}],)"
      R"("path":["again"],"extensions":{"code":"FORBIDDEN","http":{"status":403}}}]})");
  EXPECT_EQ(result.http_status, 403);
}

TEST(Execute, AnItemOfAListMayBeAnErrorAtItsOwnPath) {
  ResolverMap map;
  const auto items = [](const ResolveInfo&) -> FieldResult<FieldValue> {
    FieldValue::List list;
    list.emplace_back(1);
    list.push_back(FieldValue::error({ErrorCode::kNotFound, "None."}));
    return FieldValue(std::move(list));
  };
  map.add("Query", "list", items);
  map.add("Query", "strict", items);
  const Fixture f("type Query { list: [Int] strict: [Int!] }", std::move(map));
  EXPECT_EQ(f.execute("{ list }"),
            R"({"data":{"list":[1,null]},"errors":[{"message":"None.","locations":[{"line":1,)"
            R"("column":3}],"path":["list",1],"extensions":{"code":"NOT_FOUND"}}]})");
  EXPECT_EQ(f.execute("{ strict }"),
            R"({"data":{"strict":null},"errors":[{"message":"None.","locations":[{"line":1,)"
            R"("column":3}],"path":["strict",1],"extensions":{"code":"NOT_FOUND"}}]})");
}

TEST(Execute, ArgumentsAreCoercedWithDefaultsButSentOnesWithout) {
  std::string seen;
  std::string sent;
  ResolverMap map;
  map.add("Query", "a", [&](const ResolveInfo& info) -> FieldResult<FieldValue> {
    seen = json::to_text(info.arguments);
    sent = json::to_text(info.sent_arguments());
    return FieldValue(1);
  });
  const Fixture f(
      "type Query { a(n: Int = 3, in: In, e: E = RED): Int } input In { x: Int = 1 y: [Int!] } "
      "enum E { RED BLUE }",
      std::move(map));
  EXPECT_EQ(f.execute("query ($v: Int) { a(in: {y: [2, $v]}, n: null) }", "null", R"({"v":5})"),
            R"({"data":{"a":1}})");
  EXPECT_EQ(seen, R"({"n":null,"in":{"x":1,"y":[2,5]},"e":"RED"})");
  EXPECT_EQ(sent, R"({"n":null,"in":{"y":[2,5]}})");
  EXPECT_EQ(f.execute("query ($in: In) { a(in: $in) }", "null", R"({"in":{"y":7}})"),
            R"({"data":{"a":1}})");
  EXPECT_EQ(seen, R"({"n":3,"in":{"x":1,"y":[7]},"e":"RED"})");
  EXPECT_EQ(sent, R"({"in":{"y":[7]}})");
}

TEST(Execute, AbstractTypesTakeTheTypenameOfJson) {
  const Fixture f(
      "type Query { pets: [Pet] any: Any } interface Pet { name: String } type Dog implements Pet "
      "{ name: String barks: Boolean } "
      "type Cat implements Pet { name: String lives: Int } type Rock { age: Int } union Any = Rock "
      "| Cat");
  EXPECT_EQ(
      f.execute(
          "{ pets { __typename name ... on Dog { barks } ...C } any { ... on Rock { age } ... on "
          "Pet { name } } } "
          "fragment C on Cat { lives }",
          R"({"pets":[{"__typename":"Dog","name":"d","barks":true},{"__typename":"Cat","lives":9}],
                          "any":{"__typename":"Rock","age":4}})"),
      R"({"data":{"pets":[{"__typename":"Dog","name":"d","barks":true},)"
      R"({"__typename":"Cat","name":null,"lives":9}],"any":{"age":4}}})");
  const std::string wrong = f.execute("{ any { __typename } }", R"({"any":{"__typename":"Dog"}})");
  EXPECT_NE(wrong.find("Runtime Object type \\\"Dog\\\" is not a possible type for \\\"Any\\\"."),
            std::string::npos)
      << wrong;
  EXPECT_NE(f.execute("{ any { __typename } }", R"({"any":{}})")
                .find("must resolve to an Object type at runtime"),
            std::string::npos);
}

TEST(Execute, LeavesAreHeldAgainstTheirTypes) {
  const Fixture f("type Query { i: Int e: E list: [Int] s: String }  enum E { A }");
  const std::string body =
      f.execute("{ i e list s }", R"({"i":2147483648,"e":"B","list":4,"s":5})");
  EXPECT_TRUE(body.starts_with(R"({"data":{"i":null,"e":null,"list":null,"s":"5"},"errors":[)"))
      << body;
  EXPECT_NE(body.find("Int cannot represent non 32-bit signed integer value: 2147483648"),
            std::string::npos)
      << body;
  EXPECT_NE(body.find(R"(Expected Iterable, but did not find one for field \"Query.list\".)"),
            std::string::npos);
}

struct Person {
  std::string name;
  std::vector<std::shared_ptr<const Person>> friends;
};

TEST(Execute, ObjectsReachTheirResolversAndInterfacesServeTheirTypes) {
  const Fixture plain(
      "type Query { me: Person } interface Named { name: String! } type Person implements Named { "
      "name: String! friends: [Person!]! }");
  ResolverMap map;
  map.add("Named", "name", [](const ResolveInfo& info) -> FieldResult<FieldValue> {
    return FieldValue::text_view(info.source_as<Person>().name);
  });
  const auto me = std::make_shared<const Person>(
      Person{"me", {std::make_shared<const Person>(Person{"you", {}})}});
  map.add("Query", "me", [me](const ResolveInfo& info) -> FieldResult<FieldValue> {
    return ObjectRef{&info.schema.type("Person")->as<type::ObjectType>(), me};
  });
  // Awaitable below an immediate object: the object must outlive the walk over it.
  map.add_awaitable("Person", "friends",
                    [](const ResolveInfo& info) -> boost::asio::awaitable<FieldResult<FieldValue>> {
                      co_await yield();
                      FieldValue::List list;
                      for (const auto& friend_ : info.source_as<Person>().friends) {
                        list.emplace_back(ObjectRef{&info.parent_type, friend_});
                      }
                      co_return FieldValue(std::move(list));
                    });
  const Fixture f(
      "type Query { me: Person } interface Named { name: String! } type Person implements Named { "
      "name: String! friends: [Person!]! }",
      std::move(map));
  EXPECT_EQ(f.execute("{ me { friends { name friends { name } } name } }"),
            R"({"data":{"me":{"friends":[{"name":"you","friends":[]}],"name":"me"}}})");
}

AwaitableResolver logging(std::vector<std::string>& log, int yields) {
  return
      [&log, yields](const ResolveInfo& info) -> boost::asio::awaitable<FieldResult<FieldValue>> {
        const std::string name(info.planned.response_name);
        log.push_back("+" + name);
        for (int i = 0; i < yields; ++i) co_await yield();
        log.push_back("-" + name);
        if (info.argument("fail") != nullptr)
          co_return field_error(ErrorCode::kConflict, "Failed.");
        co_return FieldValue(yields);
      };
}

constexpr const char* kAsyncSdl =
    "type Query { slow(fail: Boolean): Int quick(fail: Boolean): Int strict(fail: Boolean): Int! "
    "in: Inner } "
    "type Mutation { slow(fail: Boolean): Int quick(fail: Boolean): Int strict(fail: Boolean): "
    "Int! } "
    "type Inner { strict(fail: Boolean): Int! slow(fail: Boolean): Int }";

Fixture async_fixture(std::vector<std::string>& log) {
  ResolverMap map;
  for (const char* type : {"Query", "Mutation"}) {
    map.add_awaitable(type, "slow", logging(log, 5));
    map.add_awaitable(type, "quick", logging(log, 1));
    map.add_awaitable(type, "strict", logging(log, 1));
  }
  map.add_awaitable("Inner", "strict", logging(log, 2));
  map.add_awaitable("Inner", "slow", logging(log, 4));
  map.add("Query", "in", [](const ResolveInfo&) -> FieldResult<FieldValue> {
    return FieldValue::json(boost::json::object());
  });
  return Fixture(kAsyncSdl, std::move(map));
}

TEST(Execute, FieldsOfAQueryWaitSideBySide) {
  std::vector<std::string> log;
  const Fixture f = async_fixture(log);
  EXPECT_EQ(f.execute("{ slow quick in { slow } }"),
            R"({"data":{"slow":5,"quick":1,"in":{"slow":4}}})");
  EXPECT_EQ(log.front(), "+slow");
  EXPECT_EQ(log[1], "+quick");
  EXPECT_EQ(log[2], "+slow");
  EXPECT_EQ(log[3], "-quick");
}

TEST(Execute, RootFieldsOfAMutationRunInOrder) {
  std::vector<std::string> log;
  const Fixture f = async_fixture(log);
  EXPECT_EQ(f.execute("mutation { a: slow b: quick c: slow }"), R"({"data":{"a":5,"b":1,"c":5}})");
  EXPECT_EQ(log, (std::vector<std::string>{"+a", "-a", "+b", "-b", "+c", "-c"}));
}

TEST(Execute, AFailedMutationFieldDoesNotStopTheNextUnlessNonNull) {
  std::vector<std::string> log;
  const Fixture f = async_fixture(log);
  EXPECT_TRUE(f.execute("mutation { a: slow(fail: true) b: quick }")
                  .starts_with(R"({"data":{"a":null,"b":1},"errors":[)"));
  log.clear();
  EXPECT_TRUE(f.execute("mutation { a: strict(fail: true) b: quick }")
                  .starts_with(R"({"data":null,"errors":[)"));
  EXPECT_EQ(log, (std::vector<std::string>{"+a", "-a"}));
}

TEST(Execute, ALateFailurePropagatesToTheNearestNullable) {
  std::vector<std::string> log;
  const Fixture f = async_fixture(log);
  const std::string body = f.execute("{ quick in { slow strict(fail: true) } }");
  EXPECT_EQ(
      body,
      R"({"data":{"quick":1,"in":null},"errors":[{"message":"Failed.","locations":[{"line":1,"column":19}],)"
      R"("path":["in","strict"],"extensions":{"code":"CONFLICT"}}]})");
  EXPECT_TRUE(f.execute("{ quick strict(fail: true) }").starts_with(R"({"data":null,)"));
}

TEST(Execute, NoMoreFieldsWaitAtOnceThanAllowed) {
  int now = 0;
  int most = 0;
  ResolverMap map;
  map.add_awaitable("Query", "a",
                    [&](const ResolveInfo&) -> boost::asio::awaitable<FieldResult<FieldValue>> {
                      most = std::max(most, ++now);
                      co_await yield();
                      --now;
                      co_return FieldValue(1);
                    });
  const Fixture f("type Query { a: Int }", std::move(map));
  OperationRequest request = f.request("{ a b: a c: a d: a e: a }");
  request.concurrent_fields_max = 2;
  OperationExecution execution(std::move(request));
  EXPECT_EQ(testing::run(execution.execute()).body, R"({"data":{"a":1,"b":1,"c":1,"d":1,"e":1}})");
  EXPECT_EQ(most, 2);
}

TEST(Execute, NothingNewStartsAfterAStopOrTheDeadline) {
  std::vector<std::string> log;
  Fixture f = async_fixture(log);
  std::stop_source stop;
  f.context->stop = stop.get_token();
  stop.request_stop();
  EXPECT_NE(f.execute("{ quick }").find("CANCELLED"), std::string::npos);

  const SystemClock clock;
  f.context->stop = {};
  f.context->clock = &clock;
  f.context->deadline = clock.now().monotonic;
  EXPECT_NE(f.execute("{ quick }").find("DEADLINE_EXCEEDED"), std::string::npos);
  EXPECT_TRUE(log.empty());
}

TEST(Execute, CancellingTheCallerEndsAllThatWaits) {
  int waiting = 0;
  int ended = 0;
  ResolverMap map;
  map.add_awaitable("Query", "a",
                    [&](const ResolveInfo&) -> boost::asio::awaitable<FieldResult<FieldValue>> {
                      struct Ended {
                        int& count;
                        ~Ended() { ++count; }
                      } const guard{ended};
                      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
                      timer.expires_at(std::chrono::steady_clock::time_point::max());
                      ++waiting;
                      co_await timer.async_wait(boost::asio::use_awaitable);
                      co_return FieldValue(1);
                    });
  const Fixture f("type Query { a: Int }", std::move(map));
  for (const char* query : {"{ a }", "{ a b: a c: a }"}) {
    waiting = ended = 0;
    boost::asio::io_context io;
    boost::asio::cancellation_signal cancel;
    bool aborted = false;
    OperationExecution execution(f.request(query));
    boost::asio::co_spawn(io, execution.execute(),
                          boost::asio::bind_cancellation_slot(
                              cancel.slot(), [&](std::exception_ptr error, const ExecutionResult&) {
                                try {
                                  if (error) std::rethrow_exception(error);
                                } catch (const boost::system::system_error& e) {
                                  aborted = e.code() == boost::asio::error::operation_aborted;
                                }
                              }));
    while (waiting == 0) io.poll();
    io.poll();
    cancel.emit(boost::asio::cancellation_type::terminal);
    io.run();
    EXPECT_TRUE(aborted) << query;
    EXPECT_EQ(ended, waiting) << query;
  }
}

TEST(Execute, ExceptionsShowNothingOfTheirText) {
  ResolverMap map;
  map.add("Query", "a", [](const ResolveInfo&) -> FieldResult<FieldValue> {
    throw std::runtime_error("secret");
  });
  map.add_awaitable("Query", "b",
                    [](const ResolveInfo&) -> boost::asio::awaitable<FieldResult<FieldValue>> {
                      co_await yield();
                      throw std::runtime_error("secret");
                    });
  const Fixture f("type Query { a: Int b: Int }", std::move(map));
  const std::string body = f.execute("{ a b }");
  EXPECT_EQ(body.find("secret"), std::string::npos);
  EXPECT_TRUE(body.starts_with(R"({"data":{"a":null,"b":null},"errors":[)"));
}

TEST(Resolvers, RefuseNamesThatTheSchemaLacks) {
  const Fixture f("type Query { a: Int }");
  ResolverMap map;
  map.add("Query", "b", [](const ResolveInfo&) -> FieldResult<FieldValue> { return nullptr; });
  const auto bound = Resolvers::bind(f.resolvers->shared_schema(), std::move(map));
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().message, "Resolver for Query.b: the type has no such field.");
}

TEST(Subscribe, AnOpenStreamOutlivesTheDeadlineOfItsRequest) {
  const SystemClock clock;
  Fixture f("type Query { a: Int } type Subscription { item: Item } type Item { n: Int }");
  class One final : public SourceStream {
   public:
    boost::asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
      co_return SourceEvent{FieldValue::json(boost::json::object()), {}};
    }
    void close() override {}
  };
  ResolverMap streams;
  streams.add_awaitable("Item", "n",
                        [](const ResolveInfo&) -> boost::asio::awaitable<FieldResult<FieldValue>> {
                          co_await yield();
                          co_return FieldValue(1);
                        });
  streams.add_stream(
      "Subscription", "item",
      [](const ResolveInfo&) -> boost::asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
        co_return std::make_unique<One>();
      });
  f.resolvers = std::make_shared<const Resolvers>(
      *Resolvers::bind(f.resolvers->shared_schema(), std::move(streams)));
  f.context->clock = &clock;
  f.context->deadline = clock.now().monotonic + std::chrono::seconds(60);
  auto execution = std::make_unique<OperationExecution>(f.request("subscription { item { n } }"));
  auto source = testing::run(execution->create_source_stream());
  ASSERT_TRUE(source.has_value());
  auto stream = map_source_to_response(std::move(execution), std::move(*source));
  f.context->deadline = clock.now().monotonic;
  EXPECT_EQ(testing::run(stream->next())->body, R"({"data":{"item":{"n":1}}})");
}

class Countdown final : public SourceStream {
 public:
  explicit Countdown(int from, bool fail = false) : left_(from), fail_(fail) {}
  boost::asio::awaitable<FieldResult<std::optional<SourceEvent>>> next() override {
    co_await yield();
    if (closed_ || left_ == 0) {
      if (fail_) co_return field_error(ErrorCode::kCursorExpired, "Too old.");
      co_return std::nullopt;
    }
    const int now = left_--;
    co_return SourceEvent{FieldValue(now == 2 ? FieldValue() : FieldValue(now)),
                          std::to_string(now)};
  }
  void close() override { closed_ = true; }

 private:
  int left_;
  bool fail_;
  bool closed_ = false;
};

TEST(Subscribe, MapsEachEventToAResponse) {
  ResolverMap map;
  map.add_stream("Subscription", "count",
                 [](const ResolveInfo& info)
                     -> boost::asio::awaitable<FieldResult<std::unique_ptr<SourceStream>>> {
                   const auto from = info.argument("from")->get_int64();
                   if (from < 0) co_return field_error(ErrorCode::kBadUserInput, "Not below zero.");
                   co_return std::make_unique<Countdown>(static_cast<int>(from),
                                                         info.argument("fail") != nullptr);
                 });
  const Fixture f(
      "type Query { a: Int } type Subscription { count(from: Int!, fail: Boolean): Int! }",
      std::move(map));

  const auto all = [&](std::string_view query) -> boost::asio::awaitable<std::vector<std::string>> {
    std::vector<std::string> result;
    auto execution = std::make_unique<OperationExecution>(f.request(query));
    auto source = co_await execution->create_source_stream();
    if (!source) {
      result.push_back("error " + source.error().message);
      co_return result;
    }
    auto stream = map_source_to_response(std::move(execution), std::move(*source));
    while (auto response = co_await stream->next()) {
      result.push_back(response->event_id + response->body);
    }
    co_return result;
  };
  const std::vector<std::string> events = testing::run(all("subscription { n: count(from: 3) }"));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0], R"(3{"data":{"n":3}})");
  EXPECT_TRUE(events[1].starts_with(R"(2{"data":null,"errors":[)"));
  EXPECT_EQ(events[2], R"(1{"data":{"n":1}})");
  EXPECT_EQ(testing::run(all("subscription { count(from: -1) }")),
            std::vector<std::string>{"error Not below zero."});
  EXPECT_EQ(testing::run(all("subscription { count(from: 0, fail: true) }")),
            std::vector<std::string>{
                R"({"errors":[{"message":"Too old.","extensions":{"code":"CURSOR_EXPIRED"}}]})"});
}

}  // namespace
}  // namespace errand::graphql::execution
