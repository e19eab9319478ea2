#include "errand/worker/command_output.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace errand::worker {
namespace {

using testing::HasSubstr;

class CommandOutputTest : public testing::Test {
 protected:
  std::vector<Progress> progress_;
  CommandOutput output_{10'000, [this](Progress one) { progress_.push_back(std::move(one)); }};
};

TEST_F(CommandOutputTest, ReadsProgressAndAResult) {
  EXPECT_TRUE(output_.take(R"({"progress": {"completed": 1, "total": 2, "stage": "half"}})"));
  EXPECT_TRUE(output_.take(""));
  EXPECT_TRUE(output_.take(" \r"));
  EXPECT_EQ(output_.outcome(), std::nullopt);
  EXPECT_TRUE(output_.take(R"({"result": {"n": 7}})"));
  ASSERT_EQ(progress_.size(), 1U);
  EXPECT_EQ(progress_[0].stage, "half");
  const auto* complete = std::get_if<Complete>(&*output_.outcome());
  ASSERT_NE(complete, nullptr);
  EXPECT_EQ(complete->result.at("n").as_int64(), 7);
}

TEST_F(CommandOutputTest, ProgressThatNamesOnlySomeMembersLeavesTheOthers) {
  EXPECT_TRUE(output_.take(R"({"progress": {"completed": 1, "total": 2, "stage": "half"}})"));
  EXPECT_TRUE(output_.take(R"({"progress": {"completed": 2}})"));
  ASSERT_EQ(progress_.size(), 2U);
  EXPECT_EQ(progress_[1].completed, 2);
  EXPECT_EQ(progress_[1].total, 2);
  EXPECT_EQ(progress_[1].stage, "half");
}

TEST_F(CommandOutputTest, AResultMayBeNull) {
  EXPECT_TRUE(output_.take(R"({"result": null})"));
  EXPECT_TRUE(std::get<Complete>(*output_.outcome()).result.is_null());
}

TEST_F(CommandOutputTest, ReadsErrorsAsWorkersSendThem) {
  EXPECT_TRUE(output_.take(
      R"({"error": {"kind": "TRANSIENT", "code": "BUSY", "message": "m", "details": {"a": 1},)"
      R"( "remediation": "r", "retryAfterMs": 50}})"));
  const auto& failure = std::get<Failure>(*output_.outcome());
  EXPECT_EQ(failure.kind, FailureKind::kTransient);
  EXPECT_EQ(failure.code, "BUSY");
  EXPECT_EQ(failure.retry_after, Milliseconds(50));
  EXPECT_EQ(failure.remediation, "r");
}

TEST_F(CommandOutputTest, ReadsReleaseAndSnooze) {
  EXPECT_TRUE(output_.take(R"({"release": true})"));
  EXPECT_TRUE(std::holds_alternative<Release>(*output_.outcome()));
  CommandOutput other(1'000, {});
  EXPECT_TRUE(other.take(R"({"snoozeMs": 250})"));
  EXPECT_EQ(std::get<Snooze>(*other.outcome()).delay, Milliseconds(250));
}

TEST_F(CommandOutputTest, NamesTheLineThatIsWrong) {
  const auto fault = [](std::string_view line) {
    CommandOutput output(100, {});
    EXPECT_TRUE(output.take(""));
    EXPECT_FALSE(output.take(line)) << line;
    EXPECT_EQ(output.outcome(), std::nullopt);
    EXPECT_THAT(output.fault(), testing::StartsWith("line 2: "));
    return output.fault();
  };
  EXPECT_THAT(fault("starting up"), HasSubstr("line 1"));  // of the JSON text
  EXPECT_THAT(fault("7"), HasSubstr("expected one JSON object"));
  EXPECT_THAT(fault("{}"), HasSubstr("expected one JSON object"));
  EXPECT_THAT(fault(R"({"result": 1, "error": 2})"), HasSubstr("expected one JSON object"));
  EXPECT_THAT(fault(R"({"done": 1})"), HasSubstr("unknown \"done\""));
  EXPECT_THAT(fault(R"({"progress": 5})"), HasSubstr("progress"));
  EXPECT_THAT(fault(R"({"progress": {"completed": -1}})"), HasSubstr("completed"));
  EXPECT_THAT(fault(R"({"error": {"kind": "MAYBE", "message": "m"}})"), HasSubstr("kind"));
  EXPECT_THAT(fault(R"({"error": "no"})"), HasSubstr("error"));
  EXPECT_THAT(fault(R"({"release": false})"), HasSubstr("release must be true"));
  EXPECT_THAT(fault(R"({"snoozeMs": 0})"), HasSubstr("delayMs"));
  fault("{\"result\": \"" + std::string(200, 'x') + "\"}");
}

TEST_F(CommandOutputTest, NothingFollowsTheLastWord) {
  EXPECT_TRUE(output_.take(R"({"result": 1})"));
  EXPECT_TRUE(output_.take(""));
  EXPECT_FALSE(output_.take(R"({"progress": {"completed": 1}})"));
  EXPECT_THAT(output_.fault(), HasSubstr("nothing may follow"));
  EXPECT_TRUE(progress_.empty());
}

}  // namespace
}  // namespace errand::worker
