#include "errand/telemetry/trace_context.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace errand::telemetry {
namespace {

constexpr std::string_view kValid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ReadsAndWritesAHeader) {
  const auto context = TraceContext::parse(kValid);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->traceparent(), kValid);
  EXPECT_EQ(context->trace_id_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

TEST(TraceContext, IgnoresWhatIsInvalid) {
  for (const std::string_view text : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
       }) {
    EXPECT_FALSE(TraceContext::parse(text)) << text;
  }
}

TEST(TraceContext, ReadsTheLeadingPartOfALaterVersion) {
  const auto context =
      TraceContext::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-comes");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->traceparent(), kValid);
}

RC_GTEST_PROP(TraceContext, StaysInItsTraceFromParentToChild, ()) {
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  const auto root = TraceContext::start(random);
  const auto child = root.child(random);
  RC_ASSERT(child.trace_id == root.trace_id);
  RC_ASSERT(child.span_id != root.span_id);
  RC_ASSERT(TraceContext::parse(child.traceparent()) == std::optional(child));
}

}  // namespace
}  // namespace errand::telemetry
