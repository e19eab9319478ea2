#include "errand/telemetry/log.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/base/ids.h"

namespace errand::telemetry {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Lines {
  std::vector<std::string> lines;
  Log log(LogLevel level, LogFormat format) {
    return Log::to_sink(level, format, [this](std::string_view line) { lines.emplace_back(line); });
  }
};

TEST(Log, WritesFieldsAsKeyAndValueInTextForm) {
  Lines out;
  out.log(LogLevel::kInfo, LogFormat::kText)
      .info("job enqueued", {{"queue", QueueName("reports")},
                             {"attempt", 3},
                             {"wait_ms", 1500ms},
                             {"last", true},
                             {"error", "two words"}});
  ASSERT_EQ(out.lines.size(), 1U);
  EXPECT_THAT(out.lines[0],
              EndsWith("info    job enqueued queue=reports attempt=3 wait_ms=1500 last=true "
                       "error=\"two words\""));
}

TEST(Log, WritesOneJsonObjectALine) {
  Lines out;
  out.log(LogLevel::kInfo, LogFormat::kJson)
      .warn("lease expired", {{"job_id", "a\"b"}, {"share", 0.5}, {"code", ErrorCode::kLeaseLost}});
  ASSERT_EQ(out.lines.size(), 1U);
  EXPECT_THAT(out.lines[0], StartsWith(R"({"time":")"));
  EXPECT_THAT(out.lines[0],
              EndsWith(R"(Z","level":"warn","message":"lease expired","job_id":"a\"b","share":0.5,)"
                       R"("code":"LEASE_LOST"})"));
}

TEST(Log, KeepsAPeerFromForgingLines) {
  Lines out;
  const Log log = out.log(LogLevel::kInfo, LogFormat::kText);
  log.info("refused", {{"name", "x\n2026-01-01 error forged\x1b[31m \xff"}});
  ASSERT_EQ(out.lines.size(), 1U);
  EXPECT_THAT(out.lines[0], Not(HasSubstr("\n")));
  EXPECT_THAT(out.lines[0], HasSubstr("\\n2026"));
  EXPECT_THAT(out.lines[0], HasSubstr("\\u001b[31m \\ufffd"));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  Lines out;
  const Log log = out.log(LogLevel::kWarn, LogFormat::kText);
  log.info("quiet");
  log.debug("quieter");
  log.error("loud");
  EXPECT_EQ(out.lines.size(), 1U);
  EXPECT_FALSE(log.enabled(LogLevel::kInfo));
  Log().error("nowhere");
}

TEST(Log, CarriesTheFieldsOfWith) {
  Lines out;
  const Log log = out.log(LogLevel::kInfo, LogFormat::kText).with({{"trace_id", "abc"}});
  log.with({{"job_id", "j1"}}).info("job started", {{"attempt", 1}});
  ASSERT_EQ(out.lines.size(), 1U);
  EXPECT_THAT(out.lines[0], EndsWith("job started attempt=1 trace_id=abc job_id=j1"));
}

TEST(Log, LimitsLinesThatAPeerCanProvoke) {
  Lines out;
  const Log log = out.log(LogLevel::kInfo, LogFormat::kText);
  for (int i = 0; i < 100; ++i) log.warn_limited("malformed frame");
  EXPECT_EQ(out.lines.size(), 5U);
  log.warn_limited("another sentence");
  EXPECT_EQ(out.lines.size(), 6U);
}

TEST(Log, ReadsLevelsAndFormats) {
  EXPECT_EQ(parse_log_level("warn"), LogLevel::kWarn);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_format("json"), LogFormat::kJson);
  EXPECT_EQ(parse_log_format("xml"), std::nullopt);
}

TEST(Log, IsThreadSafe) {
  Lines out;
  const Log log = out.log(LogLevel::kInfo, LogFormat::kJson);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 100; ++i) {
        log.info("line", {{"thread", t}});
        log.warn_limited("limited");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(out.lines.size(), 405U);
}

}  // namespace
}  // namespace errand::telemetry
