#include "errand/server/request_info.h"

#include <gtest/gtest.h>

namespace errand::server {
namespace {

struct Info : testing::Test {
  SystemClock clock;
  SystemRandom random;
};

TEST_F(Info, TakesCauseAndIdsFromTheHeaders) {
  const auto info =
      read_request_info({{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                         {"X-Correlation-ID", "order-7"},
                         {"X-Request-ID", "r-1"},
                         {"Idempotency-Key", "\"k\""}},
                        clock, random);
  EXPECT_EQ(info.trace.trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(info.trace.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(info.correlation_id, "order-7");
  EXPECT_EQ(info.request_id, "r-1");
  EXPECT_EQ(info.idempotency_key, "\"k\"");
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

TEST_F(Info, KeepsTheHeadersThatJobsCarryOnAndNoOthers) {
  const net::HttpHeaders headers{{"Authorization", "Bearer a"},
                                 {"X-Team", "one"},
                                 {"COOKIE", "a=1"},
                                 {"x-team", "two"},
                                 {"cookie", "b=2"},
                                 {"x-empty", ""},
                                 {"x-other", "1"}};
  EXPECT_TRUE(read_request_info(headers, clock, random).forwarded_headers.empty());
  const std::vector<std::string> names{"authorization", "cookie", "x-absent", "x-empty", "x-team"};
  EXPECT_EQ(read_request_info(headers, clock, random, names).forwarded_headers,
            (ForwardedHeaders{
                {"authorization", "Bearer a"}, {"cookie", "a=1; b=2"}, {"x-team", "one, two"}}));
}

}  // namespace
}  // namespace errand::server
