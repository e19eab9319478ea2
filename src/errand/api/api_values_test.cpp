#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/api/cursor.h"
#include "errand/api/idempotency.h"
#include "errand/api/job_advice.h"
#include "errand/api/job_options.h"
#include "errand/crypto/encoding.h"

namespace errand::api {
namespace {

using std::chrono_literals::operator""ms;

CursorCodec codec() { return CursorCodec(crypto::HmacKey(crypto::as_bytes("key"))); }

RC_GTEST_PROP(CursorCodec, ReadsBackWhatItMadeForTheSameTenantAlone, (std::uint64_t position)) {
  const std::string cursor = codec().event_cursor(TenantId("a"), LogPosition{position});
  RC_ASSERT(to_number(codec().read_event_cursor(TenantId("a"), cursor).value()) == position);
  RC_ASSERT(!codec().read_event_cursor(TenantId("b"), cursor).has_value());
  RC_ASSERT(!codec().read_job_cursor(TenantId("a"), cursor).has_value());
}

RC_GTEST_PROP(CursorCodec, NoChangedCursorIsTaken, (std::uint64_t position)) {
  std::string cursor = codec().event_cursor(TenantId("a"), LogPosition{position});
  auto& letter = cursor[*rc::gen::inRange<std::size_t>(0, cursor.size())];
  letter = letter == 'x' ? 'y' : 'x';
  const auto read = codec().read_event_cursor(TenantId("a"), cursor);
  RC_ASSERT(!read.has_value());
  RC_ASSERT(read.error().code == ErrorCode::kCursorInvalid);
}

TEST(IdempotencyHeader, IsReadQuotedOrBare) {
  EXPECT_EQ(read_idempotency_header("abc").value(), "abc");
  EXPECT_EQ(read_idempotency_header("  \"a \\\"b\\\\\" ").value(), "a \"b\\");
  for (const char* bad : {"", "\"\"", "\"a", "\"a\"b", "\"a\\n\"", "\x01", "\xC3\xA4"}) {
    const auto read = read_idempotency_header(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::kIdempotencyKeyInvalid);
  }
  EXPECT_TRUE(read_idempotency_header(std::string(255, 'k')).has_value());
  EXPECT_FALSE(read_idempotency_header(std::string(256, 'k')).has_value());
}

TEST(IdempotencyFingerprint, DoesNotDependOnTheOrderOfMembers) {
  const crypto::HmacKey key(crypto::as_bytes("key"));
  EXPECT_EQ(idempotency_fingerprint(key, {{"a", 1}, {"b", {{"x", 1}, {"y", 2.0}}}}),
            idempotency_fingerprint(key, {{"b", {{"y", 2}, {"x", 1}}}, {"a", 1}}));
  EXPECT_NE(idempotency_fingerprint(key, {{"a", 1}}),
            idempotency_fingerprint(key, {{"a", nullptr}}));
}

TEST(PollAfter, GrowsWithTheAgeAndIsNullAtTheEnd) {
  job::JobState state;
  state.status = job::JobStatus::kRunning;
  const Timestamp start = state.run_created_at;
  EXPECT_EQ(poll_after(state, start), 250ms);
  EXPECT_EQ(poll_after(state, start + 10'000ms), 1'000ms);
  EXPECT_EQ(poll_after(state, start + 10'000'000ms), 5'000ms);
  state.status = job::JobStatus::kScheduled;
  state.due_at = start + 1'000ms;
  EXPECT_EQ(poll_after(state, start), 1'000ms);
  state.status = job::JobStatus::kFailed;
  EXPECT_EQ(poll_after(state, start), std::nullopt);
}

TEST(NextSteps, SayWhatAPersonCanDoInEveryStatus) {
  for (const job::JobStatus status : job::kAllJobStatuses) {
    job::JobState state;
    state.status = status;
    EXPECT_FALSE(next_steps(state).empty()) << job::to_string(status);
  }
}

}  // namespace
}  // namespace errand::api
