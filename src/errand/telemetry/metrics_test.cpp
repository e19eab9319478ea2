#include "errand/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/telemetry/metric_names.h"

namespace errand::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, WritesThePrometheusTextFormat) {
  Metrics metrics;
  metrics.counter(kJobsEnqueued, {"exportReport", "reports"}).add();
  metrics.counter(kJobsEnqueued, {"exportReport", "reports"}).add(2);
  metrics.gauge(kWorkersConnected).set(4);
  metrics.histogram(kGraphqlRequestDuration, {"query"}).observe(0.003);
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("# TYPE errand_jobs_enqueued_total counter"));
  EXPECT_THAT(text,
              HasSubstr("errand_jobs_enqueued_total{queue=\"reports\",type=\"exportReport\"} 3"));
  EXPECT_THAT(text, HasSubstr("errand_workers_connected 4"));
  EXPECT_THAT(text, HasSubstr("errand_graphql_request_duration_seconds_bucket{operation_type="
                              "\"query\",le=\"0.005\"} 1"));
}

TEST(Metrics, AsksForGaugesWhenItIsRead) {
  Metrics metrics;
  int depth = 7;
  {
    const auto token = metrics.on_render(
        [&depth](Metrics& m) { m.gauge(kJobs, {"PENDING", "reports"}).set(depth); });
    EXPECT_THAT(metrics.render(), HasSubstr("errand_jobs{queue=\"reports\",state=\"PENDING\"} 7"));
    depth = 8;
    EXPECT_THAT(metrics.render(), HasSubstr("state=\"PENDING\"} 8"));
  }
  depth = 9;
  EXPECT_THAT(metrics.render(), Not(HasSubstr("state=\"PENDING\"} 9")));
}

TEST(Metrics, HandlesOfNoMetricsDoNothing) {
  Counter().add();
  Gauge().set(1);
  Histogram().observe(1);
}

}  // namespace
}  // namespace errand::telemetry
