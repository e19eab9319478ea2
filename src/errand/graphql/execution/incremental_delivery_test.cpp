#include "errand/graphql/execution/incremental_delivery.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/async/event.h"
#include "errand/graphql/execution/execution_test_harness.h"

// Behaviour is that of graphql-js 17.1: experimentalExecuteIncrementally() for kDraft,
// legacyExecuteIncrementally() for k20220824.

namespace errand::graphql::execution {
namespace {

namespace asio = boost::asio;
using ::testing::ElementsAre;
using testing::Fixture;
using testing::run;
using ::testing::SizeIs;

using Parts = std::vector<std::string>;

constexpr const char* kSdl = R"(
directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
type Query { hero: Hero nums: [Int] ids: [Int!] heroes: [Hero] a: A }
type Mutation { make: Hero }
type Hero {
  id: Int name: String bio: String must: String! friends: [Hero] nested: Hero slow: Int slower: Int
  mustSlow: Int!
}
type A { x: Int y: Int b: A }
)";

constexpr const char* kRoot = R"({
  "hero": {"id": 1, "name": "Luke", "bio": "b", "friends": [{"id": 2, "name": "Han"},
           {"id": 3, "name": "Leia"}], "nested": {"id": 4, "name": "N"}},
  "nums": [1, 2, 3], "ids": [1, null, 3], "heroes": [{"id": 1, "name": "A"}, {"id": 2}],
  "a": {"x": 1, "y": 2, "b": {"x": 3, "y": 4, "b": {"x": 5}}}})";

/// The parts of the response to `query`, up to `parts_max` of them.
asio::awaitable<Parts> pull(const Fixture& fixture, std::string query, IncrementalFormat format,
                            std::size_t parts_max = 100, std::string variables = "{}") {
  OperationRequest request = fixture.request(query, kRoot, variables);
  request.incremental = format;
  auto response =
      co_await deliver_incrementally(std::make_unique<OperationExecution>(std::move(request)));
  Parts parts;
  if (auto* whole = std::get_if<ExecutionResult>(&response)) {
    parts.push_back(whole->body);
    co_return parts;
  }
  const auto& stream = std::get<std::unique_ptr<ResponseStream>>(response);
  EXPECT_EQ(stream->kind(), ResponseStream::Kind::kIncremental);
  while (parts.size() < parts_max) {
    auto part = co_await stream->next();
    if (!part) break;
    parts.push_back(part->body);
  }
  co_return parts;
}

Parts draft(const std::string& query, const std::string& variables = "{}") {
  const Fixture fixture(kSdl);
  return run(pull(fixture, query, IncrementalFormat::kDraft, 100, variables));
}

Parts legacy(const std::string& query) {
  const Fixture fixture(kSdl);
  return run(pull(fixture, query, IncrementalFormat::k20220824));
}

TEST(IncrementalDelivery, DeliversADeferredFragmentAfterTheInitialResult) {
  const std::string query = R"({ hero { id ... @defer(label: "L") { name } } })";
  EXPECT_THAT(
      draft(query),
      ElementsAre(
          R"({"data":{"hero":{"id":1}},"pending":[{"id":"0","path":["hero"],"label":"L"}],"hasNext":true})",
          R"({"incremental":[{"id":"0","data":{"name":"Luke"}}],"completed":[{"id":"0"}],"hasNext":false})"));
  EXPECT_THAT(
      legacy(query),
      ElementsAre(
          R"({"data":{"hero":{"id":1}},"hasNext":true})",
          R"({"incremental":[{"path":["hero"],"label":"L","data":{"name":"Luke"}}],"hasNext":false})"));
}

TEST(IncrementalDelivery, HasNoEffectUnlessAskedFor) {
  const Fixture fixture(kSdl);
  EXPECT_EQ(
      fixture.execute("{ hero { ... @defer { name } } nums @stream(initialCount: 1) }", kRoot),
      R"({"data":{"hero":{"name":"Luke"},"nums":[1,2,3]}})");
  EXPECT_THAT(draft("{ hero { id ... @defer(if: false) { name } } }"),
              ElementsAre(R"({"data":{"hero":{"id":1,"name":"Luke"}}})"));
  EXPECT_THAT(
      draft("query($d: Boolean!) { hero { id ... @defer(if: $d) { name } } }", R"({"d":false})"),
      ElementsAre(R"({"data":{"hero":{"id":1,"name":"Luke"}}})"));
  EXPECT_THAT(
      draft("query($d: Boolean!) { hero { id ... @defer(if: $d) { name } } }", R"({"d":true})"),
      SizeIs(2));
}

TEST(IncrementalDelivery, FieldsThatWereDeliveredAreNotRepeatedInTheDraftsFormat) {
  const std::string query = "{ hero { id ...F @defer } } fragment F on Hero { id name }";
  EXPECT_EQ(
      draft(query).back(),
      R"({"incremental":[{"id":"0","data":{"name":"Luke"}}],"completed":[{"id":"0"}],"hasNext":false})");
  EXPECT_EQ(legacy(query).back(),
            R"({"incremental":[{"path":["hero"],"data":{"id":1,"name":"Luke"}}],"hasNext":false})");
  EXPECT_THAT(draft("{ hero { id name ... @defer { name id } } }"),
              ElementsAre(R"({"data":{"hero":{"id":1,"name":"Luke"}}})"));
}

TEST(IncrementalDelivery, AFieldOfSeveralFragmentsComesWithTheFirst) {
  const std::string query =
      R"({ hero { ... @defer(label: "a") { id name } ... @defer(label: "b") { name bio } } })";
  EXPECT_EQ(
      draft(query).back(),
      R"({"incremental":[{"id":"0","data":{"id":1}},{"id":"0","data":{"name":"Luke"}},{"id":"1","data":{"bio":"b"}}],"completed":[{"id":"0"},{"id":"1"}],"hasNext":false})");
  EXPECT_EQ(
      legacy(query).back(),
      R"({"incremental":[{"path":["hero"],"label":"a","data":{"id":1,"name":"Luke"}},{"path":["hero"],"label":"b","data":{"name":"Luke","bio":"b"}}],"hasNext":false})");
}

TEST(IncrementalDelivery, DataBelowAFragmentsPlaceHasASubPath) {
  EXPECT_EQ(
      draft(R"({ hero { ... @defer(label: "a") { nested { id } }
                        ... @defer(label: "b") { nested { id name } } } })")
          .back(),
      R"({"incremental":[{"id":"0","data":{"nested":{"id":4}}},{"id":"1","subPath":["nested"],"data":{"name":"N"}}],"completed":[{"id":"0"},{"id":"1"}],"hasNext":false})");
  EXPECT_THAT(
      draft("{ hero { nested { ... @defer { id } } ... @defer { nested { name } } } }"),
      ElementsAre(
          R"({"data":{"hero":{"nested":{}}},"pending":[{"id":"0","path":["hero","nested"]},{"id":"1","path":["hero"]}],"hasNext":true})",
          R"({"incremental":[{"id":"0","data":{"id":4}},{"id":"1","subPath":["nested"],"data":{"name":"N"}}],"completed":[{"id":"0"},{"id":"1"}],"hasNext":false})"));
  EXPECT_EQ(
      draft(R"({ a { ... @defer(label: "D1") { b { x } }
                     b { ... @defer(label: "D2") { x y b { x } } } } })")
          .back(),
      R"({"incremental":[{"id":"0","data":{"x":3}},{"id":"0","data":{"y":4,"b":{"x":5}}}],"completed":[{"id":"1"},{"id":"0"}],"hasNext":false})");
}

TEST(IncrementalDelivery, AnInnerFragmentIsAnnouncedOnceTheOuterOneIsThere) {
  const std::string query = R"({ hero { ... @defer { name ... @defer(label: "in") { bio } } } })";
  EXPECT_THAT(
      draft(query),
      ElementsAre(
          R"({"data":{"hero":{}},"pending":[{"id":"0","path":["hero"]}],"hasNext":true})",
          R"({"pending":[{"id":"1","path":["hero"],"label":"in"}],"incremental":[{"id":"0","data":{"name":"Luke"}},{"id":"1","data":{"bio":"b"}}],"completed":[{"id":"0"},{"id":"1"}],"hasNext":false})"));
  EXPECT_EQ(
      legacy(query).back(),
      R"({"incremental":[{"path":["hero"],"data":{"name":"Luke"}},{"path":["hero"],"label":"in","data":{"bio":"b"}}],"hasNext":false})");
}

TEST(IncrementalDelivery, ANullPropagatesNoFurtherThanItsFragment) {
  const std::string query = "{ hero { id ... @defer { must name } } }";
  EXPECT_EQ(
      draft(query).back(),
      R"({"completed":[{"id":"0","errors":[{"message":"Cannot return null for non-nullable field Hero.must.","locations":[{"line":1,"column":26}],"path":["hero","must"],"extensions":{"code":"INTERNAL"}}]}],"hasNext":false})");
  EXPECT_EQ(
      legacy(query).back(),
      R"({"incremental":[{"path":["hero"],"data":null,"errors":[{"message":"Cannot return null for non-nullable field Hero.must.","locations":[{"line":1,"column":26}],"path":["hero","must"],"extensions":{"code":"INTERNAL"}}]}],"hasNext":false})");
  EXPECT_EQ(
      draft("{ hero { id ... @defer { nested { must } name } } }").back(),
      R"({"incremental":[{"id":"0","data":{"nested":null,"name":"Luke"},"errors":[{"message":"Cannot return null for non-nullable field Hero.must.","locations":[{"line":1,"column":35}],"path":["hero","nested","must"],"extensions":{"code":"INTERNAL"}}]}],"completed":[{"id":"0"}],"hasNext":false})");
}

TEST(IncrementalDelivery, NothingIsDeferredInAPlaceThatBecameNull) {
  const Parts parts =
      draft("{ heroes { must ... @defer { name } } hero { id ... @defer { name } } }");
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_THAT(parts[0],
              ::testing::StartsWith(R"({"data":{"heroes":[null,null],"hero":{"id":1}},)"));
  EXPECT_THAT(parts[0],
              ::testing::EndsWith(R"("pending":[{"id":"0","path":["hero"]}],"hasNext":true})"));
}

TEST(IncrementalDelivery, StreamsTheItemsOfAList) {
  const std::string query = "{ nums @stream(initialCount: 1) }";
  EXPECT_THAT(
      draft(query),
      ElementsAre(
          R"({"data":{"nums":[1]},"pending":[{"id":"0","path":["nums"]}],"hasNext":true})",
          R"({"incremental":[{"id":"0","items":[2,3]}],"completed":[{"id":"0"}],"hasNext":false})"));
  EXPECT_THAT(
      legacy(query),
      ElementsAre(R"({"data":{"nums":[1]},"hasNext":true})",
                  R"({"incremental":[{"path":["nums",1],"items":[2,3]}],"hasNext":false})"));
  const std::string all = R"({ nums @stream(initialCount: 3, label: "n") })";
  EXPECT_THAT(
      draft(all),
      ElementsAre(
          R"({"data":{"nums":[1,2,3]},"pending":[{"id":"0","path":["nums"],"label":"n"}],"hasNext":true})",
          R"({"completed":[{"id":"0"}],"hasNext":false})"));
  EXPECT_THAT(legacy(all),
              ElementsAre(R"({"data":{"nums":[1,2,3]},"hasNext":true})", R"({"hasNext":false})"));
  EXPECT_THAT(draft("query($n: Int!) { nums @stream(initialCount: $n) }", R"({"n":2})").front(),
              ::testing::StartsWith(R"({"data":{"nums":[1,2]},)"));
  EXPECT_EQ(
      draft("{ nums @stream(initialCount: -1) }").front(),
      R"({"data":{"nums":null},"errors":[{"message":"initialCount must be a positive integer","locations":[{"line":1,"column":3}],"path":["nums"],"extensions":{"code":"INTERNAL"}}]})");
}

TEST(IncrementalDelivery, ANullItemOfANonNullTypeEndsItsList) {
  EXPECT_EQ(
      draft("{ ids @stream }").back(),
      R"({"incremental":[{"id":"0","items":[1]}],"completed":[{"id":"0","errors":[{"message":"Cannot return null for non-nullable field Query.ids.","locations":[{"line":1,"column":3}],"path":["ids",1],"extensions":{"code":"INTERNAL"}}]}],"hasNext":false})");
}

TEST(IncrementalDelivery, FragmentsInsideStreamedItemsAreDelivered) {
  EXPECT_THAT(
      draft("{ heroes @stream(initialCount: 1) { id ... @defer { name } } }"),
      ElementsAre(
          R"({"data":{"heroes":[{"id":1}]},"pending":[{"id":"0","path":["heroes",0]},{"id":"1","path":["heroes"]}],"hasNext":true})",
          R"({"pending":[{"id":"2","path":["heroes",1]}],"incremental":[{"id":"0","data":{"name":"A"}},{"id":"1","items":[{"id":2}]},{"id":"2","data":{"name":null}}],"completed":[{"id":"0"},{"id":"1"},{"id":"2"}],"hasNext":false})"));
  EXPECT_THAT(
      draft("{ hero { ... @defer { friends @stream(initialCount: 1) { name } } } }"),
      ElementsAre(
          R"({"data":{"hero":{}},"pending":[{"id":"0","path":["hero"]}],"hasNext":true})",
          R"({"pending":[{"id":"1","path":["hero","friends"]}],"incremental":[{"id":"0","data":{"friends":[{"name":"Han"}]}},{"id":"1","items":[{"name":"Leia"}]}],"completed":[{"id":"0"},{"id":"1"}],"hasNext":false})"));
}

/// A schema whose slow fields wait until they are let go.
class Waiting : public ::testing::Test {
 protected:
  Waiting() {
    const auto wait_for = [this](std::string name) {
      return [this, name = std::move(name)](
                 const ResolveInfo& info) -> asio::awaitable<FieldResult<FieldValue>> {
        deferred = info.deferred;
        auto event = std::make_shared<async::Event>(co_await asio::this_coro::executor);
        events[name] = event;
        const Ended at_end{*this};
        co_await event->wait();
        co_return FieldValue(1);
      };
    };
    ResolverMap map;
    for (const char* field : {"slow", "slower", "mustSlow"}) {
      map.add_awaitable("Hero", field, wait_for(field));
    }
    map.add("Mutation", "make", [](const ResolveInfo&) -> FieldResult<FieldValue> {
      return FieldValue::json(boost::json::object{{"id", 7}});
    });
    map.add_deferral("A",
                     [this](const DeferralInfo& info) -> asio::awaitable<FieldResult<ObjectRef>> {
                       deferral_fields = info.selection.fields.size();
                       co_return field_error(ErrorCode::kConflict, "no such thing");
                     });
    fixture = std::make_unique<Fixture>(kSdl, std::move(map));
  }

  struct Ended {
    Waiting& test;
    ~Ended() { ++test.ended; }
  };

  std::unique_ptr<ResponseStream> start(const std::string& query) {
    OperationRequest request = fixture->request(query, kRoot);
    request.incremental = IncrementalFormat::kDraft;
    std::unique_ptr<ResponseStream> stream;
    asio::co_spawn(io,
                   deliver_incrementally(std::make_unique<OperationExecution>(std::move(request))),
                   [&](const std::exception_ptr&, auto response) {
                     stream = std::move(std::get<std::unique_ptr<ResponseStream>>(response));
                   });
    io.run();
    io.restart();
    return stream;
  }

  /// Pulls until nothing more comes without waiting.
  void pull_all(ResponseStream& stream) {
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          while (auto part = co_await stream.next()) parts.push_back(part->body);
        },
        asio::detached);
    settle();
  }

  void settle() {
    while (io.poll() > 0) {
    }
  }

  asio::io_context io;  // before the events, which are its own
  std::map<std::string, std::shared_ptr<async::Event>> events;
  std::unique_ptr<Fixture> fixture;
  Parts parts;
  bool deferred = false;
  std::size_t deferral_fields = 0;
  int ended = 0;
};

TEST_F(Waiting, SlowFieldsHoldUpTheirOwnFragmentsAlone) {
  const auto stream =
      start(R"({ hero { id ... @defer(label: "a") { slow } ... @defer(label: "b") { slower }
                            ... @defer(label: "c") { name } } })");
  ASSERT_NE(stream, nullptr);
  EXPECT_TRUE(events.empty());  // nothing runs before the initial result was taken
  pull_all(*stream);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(
      parts[1],
      R"({"incremental":[{"id":"2","data":{"name":"Luke"}}],"completed":[{"id":"2"}],"hasNext":true})");
  EXPECT_TRUE(deferred);
  events.at("slower")->notify();
  settle();
  ASSERT_THAT(parts, SizeIs(3));
  EXPECT_EQ(
      parts[2],
      R"({"incremental":[{"id":"1","data":{"slower":1}}],"completed":[{"id":"1"}],"hasNext":true})");
  events.at("slow")->notify();
  settle();
  ASSERT_THAT(parts, SizeIs(4));
  EXPECT_EQ(
      parts[3],
      R"({"incremental":[{"id":"0","data":{"slow":1}}],"completed":[{"id":"0"}],"hasNext":false})");
}

TEST_F(Waiting, ClosingTheStreamCancelsWhatIsUnderWay) {
  auto stream = start("{ hero { id ... @defer { slow } ... @defer { slower } } }");
  pull_all(*stream);
  EXPECT_THAT(parts, SizeIs(1));
  EXPECT_EQ(ended, 0);
  stream->close();
  settle();
  EXPECT_EQ(ended, 2);
  EXPECT_THAT(parts, SizeIs(1));
}

TEST_F(Waiting, DestroyingTheStreamCancelsToo) {
  auto stream = start("mutation { make { id ... @defer { slow } } }");
  asio::cancellation_signal reader;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        while (auto part = co_await stream->next()) parts.push_back(part->body);
      },
      asio::bind_cancellation_slot(reader.slot(), asio::detached));
  settle();
  ASSERT_THAT(parts, SizeIs(1));
  EXPECT_THAT(parts[0], ::testing::StartsWith(R"({"data":{"make":{"id":7}},)"));
  reader.emit(asio::cancellation_type::terminal);
  settle();
  stream.reset();
  settle();
  EXPECT_EQ(ended, 1);
}

TEST_F(Waiting, ADeferredFragmentCanWaitForItsObject) {
  const auto stream = start("{ a { x ... @defer { y b { x } } } }");
  pull_all(*stream);
  EXPECT_EQ(deferral_fields, 2U);
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(
      parts[1],
      R"({"completed":[{"id":"0","errors":[{"message":"no such thing","path":["a"],"extensions":{"code":"CONFLICT"}}]}],"hasNext":false})");
}

}  // namespace
}  // namespace errand::graphql::execution
