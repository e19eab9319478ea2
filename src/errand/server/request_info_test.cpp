#include "errand/server/request_info.h"

#include <gtest/gtest.h>

namespace errand::server {
namespace {

TEST(IdempotencyKey, IsReadQuotedOrBare) {
  EXPECT_EQ(parse_idempotency_key("abc-1").value(), "abc-1");
  EXPECT_EQ(parse_idempotency_key("\"abc-1\"").value(), "abc-1");
  EXPECT_EQ(parse_idempotency_key(R"("a\"b\\c")").value(), R"(a"b\c)");
  EXPECT_EQ(parse_idempotency_key("\"abc\";p=1").value(), "abc");
  EXPECT_EQ(parse_idempotency_key(std::string(255, 'k')).value().size(), 255U);
}

TEST(IdempotencyKey, IsRefusedWhenInvalid) {
  for (const std::string& field :
       {std::string(), std::string("\"\""), std::string("\"open"), std::string("\"a\"b"),
        std::string("\"a\\x\""), std::string("caf\xc3\xa9"), std::string(256, 'k')}) {
    const auto key = parse_idempotency_key(field);
    ASSERT_FALSE(key) << field;
    EXPECT_EQ(key.error().code, ErrorCode::kIdempotencyKeyInvalid);
  }
}

struct Info : testing::Test {
  SystemClock clock;
  SystemRandom random;
};

TEST_F(Info, TakesCauseAndIdsFromTheHeaders) {
  const auto info =
      read_request_info({{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                         {"X-Correlation-ID", "order-7"},
                         {"X-Request-ID", "r-1"}},
                        clock, random);
  EXPECT_EQ(info.trace.trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(info.trace.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(info.correlation_id, "order-7");
  EXPECT_EQ(info.request_id, "r-1");
}

TEST_F(Info, MakesWhatIsMissingOrInvalid) {
  const auto info = read_request_info({{"traceparent", "00-nonsense"},
                                       {"x-correlation-id", std::string(300, 'x')},
                                       {"x-request-id", "caf\xc3\xa9"}},
                                      clock, random);
  EXPECT_EQ(info.trace.flags, 1);
  EXPECT_EQ(info.request_id.size(), 36U);
  EXPECT_EQ(info.correlation_id, info.request_id);
}

}  // namespace
}  // namespace errand::server
