#include "errand/graphql/execution/response_fragment.h"

#include <gtest/gtest.h>

namespace errand::graphql::execution {
namespace {

using Fragment = ResponseFragment<int>;

void fill(Fragment::Hole& hole, std::string_view text) {
  hole.value = std::make_unique<Fragment>();
  hole.value->writer().raw(text);
}

std::string text_of(Fragment& fragment) {
  std::string out;
  fragment.take(out);
  return out;
}

TEST(ResponseFragment, PutsLateValuesIntoTheirHoles) {
  Fragment f;
  f.writer().begin_object();
  f.writer().key("a");
  f.leave_hole(std::make_unique<int>(1));
  f.writer().key("b");
  f.writer().integer(2);
  f.writer().key("c");
  f.leave_hole(std::make_unique<int>(3));
  f.writer().end_object();
  fill(f.holes()[0], "[1]");
  fill(f.holes()[1], "\"x\"");
  EXPECT_TRUE(f.settle());
  EXPECT_EQ(text_of(f), R"({"a":[1],"b":2,"c":"x"})");
}

TEST(ResponseFragment, MakesTheInnermostNullablePositionNullWhenAHoleFails) {
  Fragment f;
  const auto outer = f.open_nullable();
  f.writer().begin_array();
  for (int i = 0; i < 3; ++i) {
    const auto item = f.open_nullable();
    f.writer().begin_object();
    f.writer().key("id");
    f.leave_hole(std::make_unique<int>(i));
    f.writer().end_object();
    f.close_nullable(item);
  }
  f.writer().end_array();
  f.close_nullable(outer);
  fill(f.holes()[0], "0");
  fill(f.holes()[1], "1");
  f.holes()[1].failed = true;
  fill(f.holes()[2], "2");
  EXPECT_TRUE(f.settle());
  EXPECT_EQ(text_of(f), R"([{"id":0},null,{"id":2}])");
}

TEST(ResponseFragment, AnOuterNullSwallowsInnerOnes) {
  Fragment f;
  f.writer().begin_object();
  f.writer().key("x");
  const auto outer = f.open_nullable();
  f.writer().begin_object();
  f.writer().key("a");
  f.leave_hole(std::make_unique<int>(0));
  f.writer().key("b");
  const auto inner = f.open_nullable();
  f.writer().begin_object();
  f.writer().key("c");
  f.leave_hole(std::make_unique<int>(0));
  f.writer().end_object();
  f.close_nullable(inner);
  f.writer().end_object();
  f.close_nullable(outer);
  f.writer().key("y");
  f.leave_hole(std::make_unique<int>(0));
  f.writer().end_object();
  for (auto& hole : f.holes()) fill(hole, "1");
  f.holes()[0].failed = true;
  f.holes()[1].failed = true;
  EXPECT_TRUE(f.settle());
  EXPECT_EQ(text_of(f), R"({"x":null,"y":1})");
}

TEST(ResponseFragment, AHoleWithoutNullablePositionFailsTheWhole) {
  Fragment f;
  f.writer().begin_object();
  f.writer().key("a");
  f.leave_hole(std::make_unique<int>(0));
  f.writer().end_object();
  f.holes()[0].failed = true;
  EXPECT_FALSE(f.settle());
}

TEST(ResponseFragment, NullingOutDropsTheHolesInside) {
  Fragment f;
  f.writer().begin_object();
  f.writer().key("a");
  f.leave_hole(std::make_unique<int>(0));
  f.writer().key("b");
  const auto nullable = f.open_nullable();
  f.writer().begin_object();
  f.writer().key("c");
  f.leave_hole(std::make_unique<int>(0));
  f.null_out(nullable);
  f.writer().end_object();
  ASSERT_EQ(f.holes().size(), 1U);
  fill(f.holes()[0], "7");
  EXPECT_TRUE(f.settle());
  EXPECT_EQ(text_of(f), R"({"a":7,"b":null})");
}

}  // namespace
}  // namespace errand::graphql::execution
