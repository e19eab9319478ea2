#include "errand/embedded/server.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <boost/json/object.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/json/parse.h"
#include "errand/net/test_client.h"

namespace errand {
namespace {

using errand_worker::Job;
using std::chrono_literals::operator""ms;
using testing::HasSubstr;

class EmbeddedServerTest : public testing::Test {
 protected:
  EmbeddedServerTest()
      : folder_(std::filesystem::temp_directory_path() /
                ("errand-embedded-" + std::to_string(::getpid()) + "-" +
                 testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "schema.graphql")
        << "type Report { rows: Int! note: String }\n"
           "type Mutation {\n"
           "  export(input: ExportInput!): Report! @job(maxAttempts: 3, backoff: {initial: "
           "\"1ms\"})\n"
           "  other: Int @job\n"
           "}\n"
           "input ExportInput { account: String! }\n";
  }
  ~EmbeddedServerTest() override { std::filesystem::remove_all(folder_); }

  ServerOptions options() const {
    return {.schema_files = {folder_ / "schema.graphql"},
            .data = folder_ / "data",
            .port = 0,
            .settings = {{"log.level", "off"}, {"server.drain_timeout", "100ms"}}};
  }

  static boost::json::value ask(const Server& server, const std::string& query) {
    const std::string body = "{\"query\": \"" + query + "\"}";
    const auto port =
        static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1)));
    net::TestClient client(port);
    client.send("POST /graphql HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " +
                server.client_token() + "\r\nContent-Type: application/json\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
    return json::parse(client.read_response().body).value();
  }

  /// Submits and waits for the end.
  static boost::json::value run(const Server& server) {
    return ask(server,
               "mutation { export(input: {account: \\\"a\\\"}, options: {waitFor: \\\"30s\\\"}) { "
               "id "
               "status attempt progress { completed total } result { rows note } error { code "
               "message } } }")
        .at("data")
        .at("export");
  }

  std::filesystem::path folder_;
};

TEST_F(EmbeddedServerTest, RunsHandlersInProcess) {
  Server server(options());
  server.handle("export", [](Job& job) -> boost::json::value {
    job.progress({.completed = 1, .total = 2});
    EXPECT_EQ(job.input().at("account"), "a");
    if (job.attempt() == 1) throw errand_worker::TransientError("not yet");
    return {{"rows", 7}, {"note", job.type()}};
  });
  ASSERT_TRUE(server.start());
  const auto job = run(server);
  EXPECT_EQ(job.at("status"), "SUCCEEDED");
  EXPECT_EQ(job.at("attempt"), 2);
  EXPECT_EQ(job.at("result"), json::parse(R"({"rows":7,"note":"export"})").value());
  EXPECT_EQ(job.at("progress").at("total"), 2);
}

TEST_F(EmbeddedServerTest, APermanentErrorEndsTheJob) {
  Server server(options());
  server.handle("export", [](Job&) -> boost::json::value {
    throw errand_worker::PermanentError("there is no such account", {.code = "ACCOUNT_UNKNOWN"});
  });
  ASSERT_TRUE(server.start());
  const auto job = run(server);
  EXPECT_EQ(job.at("status"), "FAILED");
  EXPECT_EQ(job.at("error").at("code"), "ACCOUNT_UNKNOWN");
}

TEST_F(EmbeddedServerTest, ReadsAConfigurationFileThatYieldsToWhatIsSet) {
  std::ofstream(folder_ / "errand.toml")
      << "[schema]\nfiles = [\"schema.graphql\"]\n[store]\ndata = \"data\"\n"
         "[server]\nport = 1\n[log]\nlevel = \"off\"\n";
  Server server({.port = 0, .config_file = folder_ / "errand.toml"});
  server.handle("export", [](Job&) -> boost::json::value { return {{"rows", 1}}; });
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "data" / "errand.db"));
  EXPECT_EQ(run(server).at("status"), "SUCCEEDED");
}

TEST_F(EmbeddedServerTest, AtItsEndAJobIsGivenBackAndTheNextStartRunsIt) {
  std::atomic<bool> running = false;
  {
    Server server(options());
    server.handle("export", [&](Job& job) -> boost::json::value {
      running = true;
      job.sleep_for(std::chrono::hours(1));
      return nullptr;
    });
    ASSERT_TRUE(server.start());
    ask(server, "mutation { export(input: {account: \\\"a\\\"}) { id } }");
    while (!running) std::this_thread::yield();
    server.stop();
  }
  std::atomic<int> attempt = 0;
  Server server(options());
  server.handle("export", [&](Job& job) -> boost::json::value {
    attempt = job.attempt();
    return {{"rows", 1}};
  });
  ASSERT_TRUE(server.start());
  while (attempt == 0) std::this_thread::yield();
  EXPECT_EQ(attempt, 1);
}

TEST_F(EmbeddedServerTest, RefusesHandlersOfNoTypeAndTwoOfOne) {
  const auto handler = [](Job&) -> boost::json::value { return nullptr; };
  Server unknown(options());
  unknown.handle("exprot", handler);
  EXPECT_THAT(unknown.start().error().message, HasSubstr("exprot"));
  Server twice(options());
  twice.handle("export", handler).handle("export", handler);
  EXPECT_THAT(twice.start().error().message, HasSubstr("two handlers of export"));
}

}  // namespace
}  // namespace errand
