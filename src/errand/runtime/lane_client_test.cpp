#include "errand/runtime/lane_client.h"

#include <exception>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "errand/runtime/lane_test_support.h"

namespace errand::runtime {
namespace {

/// Runs `body(client)` as a coroutine to its end.
template <class Body>
void run(Body body) {
  boost::asio::io_context context;  // outlives the lane, whose thread posts to it
  store::MemoryStore store;
  EventBus bus;
  TestClock clock;
  SystemRandom random;
  Lane lane({}, store, bus, clock, random, {});
  ASSERT_TRUE(lane.start());
  boost::asio::co_spawn(context, body(LaneClient(lane)), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}

TEST(LaneClient, ResumesWithTheReplyOnTheCallersExecutor) {
  run([](LaneClient client) -> boost::asio::awaitable<void> {
    const auto thread = std::this_thread::get_id();
    const auto reply = co_await client.execute_as<engine::JobReply>(enqueue(1));
    EXPECT_TRUE(reply.has_value());
    EXPECT_EQ(std::this_thread::get_id(), thread);
    const auto missing = co_await client.execute_as<engine::Explanation>(
        engine::ExplainJob{.id = JobId{}, .tenant = std::nullopt});
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  });
}

TEST(LaneClient, AnswersManyInTheirOrderEachByItself) {
  run([](LaneClient client) -> boost::asio::awaitable<void> {
    EXPECT_TRUE((co_await client.execute_all({})).empty());
    std::vector<engine::Request> requests;
    std::vector<JobId> ids;
    for (std::uint8_t i = 1; i <= 50; ++i) {
      auto request = enqueue(i);
      ids.push_back(request.id);
      requests.emplace_back(std::move(request));
      if (i == 25) requests.emplace_back(engine::ExplainJob{.id = JobId{}, .tenant = {}});
    }
    const auto replies = co_await client.execute_all(std::move(requests));
    EXPECT_EQ(replies.size(), 51U);
    std::vector<JobId> made;
    for (const auto& reply : replies) {
      if (reply) made.push_back(std::get<engine::JobReply>(*reply).state->id);
    }
    EXPECT_EQ(made, ids);
    EXPECT_EQ(replies[25].error().code, ErrorCode::kNotFound);
  });
}

TEST(LaneClient, SaysThatAReplyIsOfAnotherKind) {
  run([](LaneClient client) -> boost::asio::awaitable<void> {
    const auto reply = co_await client.execute_as<engine::Done>(enqueue(1));
    EXPECT_EQ(reply.error().code, ErrorCode::kInternal);
  });
}

}  // namespace
}  // namespace errand::runtime
