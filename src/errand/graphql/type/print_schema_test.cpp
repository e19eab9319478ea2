#include "errand/graphql/type/print_schema.h"

#include <string>

#include <gtest/gtest.h>

#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::type {
namespace {

std::shared_ptr<const Schema> schema_of(const std::string& sdl) {
  const language::Source source{.body = sdl, .name = "s"};
  auto schema = build_schema({&source, 1});
  if (!schema) {
    ADD_FAILURE() << to_string(schema.error().front());
    return nullptr;
  }
  return *schema;
}

constexpr const char* kPrinted = R"("Ours"
schema @tag(name: "s") {
  query: Root
}

directive @tag(
  """How "it" is called"""
  name: String! = "x"
) repeatable on FIELD_DEFINITION | SCHEMA | INPUT_FIELD_DEFINITION

"""
Two
lines
"""
type Root implements Node @tag {
  id: ID!

  """
  A field
  with arguments
  """
  f(a: [Int!] = [1, 2], b: In = { x: 1 }): U @deprecated(reason: "old") @tag(name: "f")
}

interface Node {
  id: ID!
}

union U = Root

enum E {
  A
  B @deprecated
}

input In @oneOf {
  x: Int @tag
}

scalar When @specifiedBy(url: "https://example.com")
)";

TEST(PrintSchema, PrintsWhatReadsBackAsTheSame) {
  std::string sdl = kPrinted;
  sdl.replace(sdl.find("SCHEMA |"), 8, "SCHEMA | OBJECT |");
  const auto schema = schema_of(sdl);
  ASSERT_NE(schema, nullptr);
  const PrintOptions all{.descriptions = true, .directives = [](auto) { return true; }};
  EXPECT_EQ(print_schema(*schema, all), sdl);
  const auto again = schema_of(print_schema(*schema, all));
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(print_schema(*again, all), sdl);
}

TEST(PrintSchema, LeavesOutDescriptionsAndDirectivesWhenAsked) {
  const auto schema = schema_of(
      "directive @tag on FIELD_DEFINITION\n\"d\" type Query { \"e\" a: Int @tag @deprecated }");
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(print_type(*schema->query_type(), {.descriptions = false, .directives = {}}),
            "type Query {\n  a: Int @deprecated\n}\n");
}

}  // namespace
}  // namespace errand::graphql::type
