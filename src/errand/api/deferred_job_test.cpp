#include "errand/api/deferred_job.h"

#include <string>
#include <thread>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "errand/api/api_test_support.h"

namespace errand::api {
namespace {

using graphql::request::IncrementalFormat;
using graphql::request::ResponseStream;
using graphql::request::Service;
using testing::Server;

constexpr const char* kMutation =
    "mutation { exportReport(input: {format: CSV}) { id status ... @defer { status result { rows } "
    "error { code } } } }";

class DeferredJobTest : public ::testing::Test {
 protected:
  std::unique_ptr<ResponseStream> start(Server& server, std::string query) {
    auto answer = server.run(server.service->start(
        {.query = std::move(query), .operation_name = {}, .variables = {}, .extensions = {}},
        Server::context(),
        {.allowed = Service::Allowed::kAll, .incremental = IncrementalFormat::kDraft}));
    auto* stream = std::get_if<std::unique_ptr<ResponseStream>>(&answer);
    if (stream == nullptr) {
      ADD_FAILURE() << std::get<graphql::request::Response>(answer).body;
      return nullptr;
    }
    return std::move(*stream);
  }

  static boost::json::value next(Server& server, ResponseStream& stream) {
    const auto part = server.run(stream.next());
    return part ? boost::json::parse(part->body) : boost::json::value();
  }
};

TEST_F(DeferredJobTest, AMutationAnswersAtOnceAndDeliversTheResultInTheSameResponse) {
  Server server;
  server.add_worker();
  const auto stream = start(server, kMutation);
  ASSERT_NE(stream, nullptr);
  const auto initial = next(server, *stream);
  EXPECT_TRUE(initial.at("hasNext").as_bool());
  EXPECT_NE(initial.at("data").at("exportReport").at("status"), "SUCCEEDED");
  EXPECT_FALSE(initial.at("data").at("exportReport").as_object().contains("result"));

  std::thread worker([&] {
    const auto dispatch = server.await_dispatch();
    EXPECT_TRUE(server.complete(*dispatch.state, R"({"rows":7,"files":[]})"));
  });
  const auto last = next(server, *stream);
  worker.join();
  EXPECT_FALSE(last.at("hasNext").as_bool());
  const auto& data = last.at("incremental").at(0).at("data");
  EXPECT_EQ(data.at("result").at("rows"), 7);
  EXPECT_EQ(data.at("error"), nullptr);
  EXPECT_TRUE(next(server, *stream).is_null());
  EXPECT_EQ(server.backend->held_requests, 0U);
  EXPECT_EQ(server.bus.size(), 0U);
}

TEST_F(DeferredJobTest, TheWaitHasATimeOfItsOwn) {
  Server server({.deferred_wait_max = Milliseconds(20)});
  const auto stream = start(server, kMutation);
  ASSERT_NE(stream, nullptr);
  next(server, *stream);
  const auto last = next(server, *stream);
  EXPECT_FALSE(last.at("hasNext").as_bool());
  EXPECT_EQ(last.at("incremental").at(0).at("data").at("result"), nullptr);
  EXPECT_EQ(server.backend->held_requests, 0U);
}

TEST_F(DeferredJobTest, FieldsAboutThePresentDoNotWait) {
  Server server;
  const auto stream = start(
      server,
      "mutation { exportReport(input: {format: CSV}) { id ... @defer { whyWaiting { kind } } } }");
  ASSERT_NE(stream, nullptr);
  next(server, *stream);
  const auto last = next(server, *stream);
  EXPECT_EQ(last.at("incremental").at(0).at("data").at("whyWaiting").at("kind"), "NO_WORKER");
}

TEST_F(DeferredJobTest, AClientThatGoesEndsTheWait) {
  Server server;
  auto stream = start(server, kMutation);
  ASSERT_NE(stream, nullptr);
  next(server, *stream);
  boost::asio::co_spawn(
      server.io,
      [&]() -> boost::asio::awaitable<void> {
        const auto part = co_await stream->next();
        EXPECT_FALSE(part.has_value());
      },
      [](const std::exception_ptr& error) { EXPECT_EQ(error, nullptr); });
  server.io.restart();
  while (server.backend->held_requests == 0U) server.io.run_one();
  stream->close();
  server.io.run();
  EXPECT_EQ(server.backend->held_requests, 0U);
  EXPECT_EQ(server.bus.size(), 0U);
}

}  // namespace
}  // namespace errand::api
