#include "errand/api/limits.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"
#include "errand/api/input_key.h"

namespace errand::api {
namespace {

using ::testing::Contains;
using testing::Server;
using ::testing::StartsWith;

const contract::JobType& sync_type(const Server& server) {
  return *server.contract->job_type("sync");
}

std::string key_of(const Server& server, std::string_view arguments) {
  return input_key(server.backend->input_key, sync_type(server).limit_key_paths,
                   boost::json::parse(arguments).as_object());
}

TEST(InputKey, IsADigestThatTellsValuesApart) {
  const Server server;
  const std::string one = key_of(server, R"({"account":"1"})");
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(one, key_of(server, R"({"account":"1","full":true})"));
  EXPECT_NE(one, key_of(server, R"({"account":1})"));
  EXPECT_NE(one, key_of(server, R"({"account":null})"));
  EXPECT_EQ(key_of(server, R"({"account":null})"), key_of(server, "{}"));
  EXPECT_EQ(input_key(server.backend->input_key, {}, {}), "");
}

TEST(LimitsOf, HasWhatIsDeclaredAndWhatCanBeSet) {
  const Server server;
  std::vector<std::string> with_value;
  std::vector<std::string> without;
  for (const engine::Limit& limit : limits_of(*server.contract)) {
    (limit.value ? with_value : without).push_back(limit.id());
  }
  EXPECT_THAT(with_value, ::testing::UnorderedElementsAre("type:sync+account/concurrency",
                                                          "queue:sync/concurrency"));
  for (const char* id : {"queue:reports/length", "queue:reports/concurrency", "queue:reports/rate",
                         "queue:reports+tenant/rate", "type:exportReport/concurrency",
                         "type:exportReport+tenant/rate", "type:sync+account/rate"}) {
    EXPECT_THAT(without, Contains(id));
  }
}

class LimitResolversTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Context> manager() {
    return Server::context("acme", {"jobs:*", "queues:*", "limits:manage"});
  }
  boost::json::object start_sync() {
    return server_
        .data("mutation { sync(account: \"7\") { id whyWaiting { kind limit message } } }")
        .at("sync")
        .as_object();
  }

  Server server_;
};

TEST_F(LimitResolversTest, TellWhichLimitHoldsAJob) {
  server_.add_worker(5);
  start_sync();
  const auto dispatch = server_.await_dispatch();
  EXPECT_TRUE(dispatch.state->spec.fifo);
  const auto waiting = start_sync();
  EXPECT_EQ(waiting.at("whyWaiting"), boost::json::parse(R"({"kind":"CONCURRENCY_LIMIT",
      "limit":"type:sync+account/concurrency",
      "message":"Jobs of the same key go first; as many run as the limit allows."})"));
  ASSERT_TRUE(server_.complete(*dispatch.state, "1"));
  EXPECT_EQ(server_.await_dispatch().state->id.str(), waiting.at("id").as_string());
}

TEST_F(LimitResolversTest, RefuseAPriorityWhereTheOrderIsPromised) {
  EXPECT_EQ(server_.code("mutation { sync(account: 1, options: {priority: 5}) { id } }"),
            "BAD_USER_INPUT");
}

TEST_F(LimitResolversTest, SetAndResetALimit) {
  const std::string fields = "{ id kind queue type key value per declaredValue changedBy fifo }";
  EXPECT_EQ(server_
                .data("mutation { setLimit(id: \"type:exportReport+tenant/rate\", value: 3, "
                      "per: \"90s\") " +
                          fields + " }",
                      manager())
                .at("setLimit"),
            boost::json::parse(R"({"id":"type:exportReport+tenant/rate","kind":"RATE","queue":null,
      "type":"exportReport","key":"tenant","value":3,"per":"1m30s","declaredValue":null,
      "changedBy":"user:anna","fifo":false})"));
  const auto listed = [&](std::string_view arguments, std::shared_ptr<Context> as) {
    std::vector<std::string> ids;
    const auto data = server_.data("{ limits" + std::string(arguments) + " { id changedBy } }", as);
    for (const auto& limit : data.at("limits").as_array()) {
      ids.emplace_back(limit.at("id").as_string());
      if (!as->principal->has_scope("limits:manage")) {
        EXPECT_TRUE(limit.at("changedBy").is_null());
      }
    }
    return ids;
  };
  EXPECT_THAT(listed("", Server::context()), Contains("type:exportReport+tenant/rate"));
  EXPECT_TRUE(server_
                  .data("mutation { resetLimit(id: \"type:exportReport+tenant/rate\") { value } }",
                        manager())
                  .at("resetLimit")
                  .at("value")
                  .is_null());
  EXPECT_THAT(listed("", manager()), ::testing::Not(Contains("type:exportReport+tenant/rate")));
  EXPECT_THAT(listed("(all: true)", manager()), Contains("type:exportReport+tenant/rate"));
}

TEST_F(LimitResolversTest, RefuseWhatMeansNothing) {
  const auto code = [&](std::string_view arguments, std::shared_ptr<Context> as) {
    return server_.code("mutation { setLimit(" + std::string(arguments) + ") { id } }",
                        std::move(as));
  };
  EXPECT_EQ(code("id: \"type:sync/rate\", value: 1", Server::context()), "FORBIDDEN");
  EXPECT_EQ(code("id: \"type:nothing/rate\", value: 1", manager()), "NOT_FOUND");
  EXPECT_EQ(code("id: \"type:sync/rate\", value: 0", manager()), "BAD_USER_INPUT");
  EXPECT_EQ(code("id: \"type:sync/rate\", value: 1, per: \"1ms\"", manager()), "BAD_USER_INPUT");
  EXPECT_EQ(code("id: \"type:sync/concurrency\", value: 1, per: \"1s\"", manager()),
            "BAD_USER_INPUT");
  EXPECT_EQ(code("id: \"type:sync+account/concurrency\", value: 2", manager()), "BAD_USER_INPUT");
}

TEST_F(LimitResolversTest, AFullQueueSaysWhenToComeAgain) {
  server_.data("mutation { setLimit(id: \"queue:reports/length\", value: 1) { value } }",
               manager());
  server_.submit();
  const auto response = server_.execute("mutation { exportReport(input: {format: CSV}) { id } }");
  const auto& extensions = response.at("errors").at(0).at("extensions");
  EXPECT_EQ(extensions.at("code"), "QUEUE_FULL");
  EXPECT_EQ(extensions.at("errand").at("retryAfter"), 10'000);
}

}  // namespace
}  // namespace errand::api
