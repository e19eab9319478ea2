#include "errand/graphql/validation/validate.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/rule_test.h"

namespace errand::graphql::validation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const type::Schema> schema_of(const std::string& sdl) {
  const language::Source source{sdl, "schema.graphql"};
  const auto result = type::build_schema(std::span(&source, 1));
  EXPECT_TRUE(result.has_value());
  return *result;
}

std::vector<language::GraphQLError> validate_text(const std::string& text,
                                                  const ValidationOptions& options = {}) {
  static const auto schema =
      schema_of("type Query { a(x: Int, y: I): Query b: String c: [Query!] } input I { i: I }");
  const auto document = language::parse(language::Source{text});
  if (!document) return {document.error()};
  return validate(*schema, *document, options);
}

std::string repeat(const std::string& text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(Validate, StopsAtTheLargestNumberOfErrors) {
  const auto errors = validate_text("{ xxxx xxxx xxxx xxxx xxxx }", {.max_errors = 3});
  ASSERT_EQ(errors.size(), 4U);
  EXPECT_EQ(errors[2].message, "Cannot query field \"xxxx\" on type \"Query\".");
  EXPECT_EQ(errors[3].message,
            "Too many validation errors, error limit reached. Validation aborted.");
  EXPECT_TRUE(errors[3].locations.empty());
  EXPECT_EQ(validate_text("{ xxxx xxxx xxxx xxxx xxxx }").size(), 5U);
}

TEST(Validate, SuggestsNothingWhenToldSo) {
  const auto errors = validate_text("{ bb }", {.suggestions = false});
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "Cannot query field \"bb\" on type \"Query\".");
  EXPECT_EQ(validate_text("{ bb }")[0].message,
            "Cannot query field \"bb\" on type \"Query\". Did you mean \"b\"?");
}

TEST(Validate, ReportsByNodesInTheOrderOfTheDocument) {
  EXPECT_THAT(errors_of("query ($u: Int) { dog { nam @x } }"),
              ElementsAre("1:8 Variable \"$u\" is never used.",
                          "1:25 Cannot query field \"nam\" on type \"Dog\". Did you mean \"name\"?",
                          "1:29 Unknown directive \"@x\"."));
}

TEST(Validate, CountsColumnsInUtf16UnitsFarIntoADocument) {
  const auto errors = validate_text("{ " + repeat("b # 😀é\r\n", 500) + "a(y: {i: null}) { x } }");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].locations[0], (language::Location{501, 19}));
}

// Hostile documents: each of these once needed quadratic time, exponential time or a deep stack in
// some server. Here they must end, whatever the verdict.

TEST(Validate, WithstandsLongChainsOfFragments) {
  std::string text = "{ ...F0 }";
  for (int i = 0; i < 30'000; ++i) {
    text += " fragment F" + std::to_string(i) + " on Query { ...F" + std::to_string(i + 1) + " }";
  }
  text += " fragment F30000 on Query { b }";
  validate_text(text);
  // The same below fields, twice, so that merging compares them.
  text = "{ ...F0 }";
  for (int i = 0; i < 5'000; ++i) {
    const std::string next = "a { ...F" + std::to_string(i + 1) + " } ";
    text += " fragment F" + std::to_string(i) + " on Query { " + next + next + "}";
  }
  text += " fragment F5000 on Query { b }";
  validate_text(text);
}

TEST(Validate, WithstandsFragmentsThatAllSpreadEachOther) {
  std::string text = "query Q($v: Int) { ...F0 }";
  for (int i = 0; i < 100; ++i) {
    text += " fragment F" + std::to_string(i) + " on Query { a(x: $v) { ";
    for (int j = 0; j < 100; ++j) text += "...F" + std::to_string(j) + " ";
    text += "} }";
  }
  EXPECT_FALSE(validate_text(text).empty());
}

TEST(Validate, WithstandsOneFieldManyTimes) {
  EXPECT_THAT(validate_text("{ " + repeat("b ", 20'000) + "}"), IsEmpty());
  EXPECT_THAT(validate_text("{ " + repeat("a(x: 1) { a { b } c { b } } ", 5'000) + "}"), IsEmpty());
  // A conflict is looked for pair by pair, within a budget.
  const auto errors = validate_text("{ " + repeat("b ", 3'000) + "b: c { b } }");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].message, "Validation aborted.");
}

TEST(Validate, WithstandsFieldsThatMergeOnEveryLevel) {
  constexpr std::size_t kDepth = 90;
  const std::string deep = repeat("a { b ", kDepth) + repeat("} ", kDepth);
  EXPECT_THAT(validate_text("{ " + repeat(deep, 50) + "}"), IsEmpty());
}

TEST(Validate, WithstandsFragmentsThatMultiply) {
  std::string text = "{ ...F0 }";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "{ ...F" + std::to_string(i + 1) + " } ";
    text += " fragment F" + std::to_string(i) + " on Query { a " + next + "x: a " + next + "}";
  }
  EXPECT_THAT(validate_text(text + " fragment F60 on Query { b }"), IsEmpty());
}

TEST(Validate, TakesTenMegabytes) {
  constexpr std::size_t kBytes = 10 << 20;
  const auto schema = schema_of("type Query { a(x: Int): Query b: String }");
  const auto errors_in = [&](const std::string& text) {
    const auto document = language::parse(language::Source{text});
    EXPECT_TRUE(document.has_value());
    return validate(*schema, *document).size();
  };
  const std::string blanks(60, ' ');
  EXPECT_EQ(errors_in("{ " + repeat("b " + blanks, kBytes / 62) + "}"), 0U);
  EXPECT_EQ(errors_in("{ " + repeat("x y " + blanks, kBytes / 64) + "}"), 101U);
  EXPECT_EQ(errors_in("{ a(x: " + std::string(kBytes, '9') + ") { b } }"), 1U);
  EXPECT_EQ(errors_in("{ b } # " + std::string(kBytes, '#')), 0U);
}

TEST(Validate, WithstandsManyAliasesAndManyArguments) {
  std::string text = "{ ";
  for (int i = 0; i < 20'000; ++i) text += "x" + std::to_string(i) + ": b ";
  EXPECT_THAT(validate_text(text + "}"), IsEmpty());
  text = "{ a(";
  for (int i = 0; i < 5'000; ++i) text += "z" + std::to_string(i) + ": 1 ";
  const std::string call = text.substr(2) + ") { b } ";
  EXPECT_EQ(validate_text("{ " + call + call + "}").size(), 101U);
}

TEST(Validate, WithstandsDeepDocuments) {
  const auto deepest = language::ParseOptions{.max_depth = language::ParseOptions::kMaxDepthMax};
  const auto schema = schema_of("type Query { a(y: I): Query b: Int } input I { i: I l: [I] }");
  const std::size_t depth = deepest.max_depth - 2;
  for (const std::string& text : {
           "{ " + repeat("a { ", depth) + "b" + repeat(" }", depth) + " }",
           "{ " + repeat("... { ", depth) + "b" + repeat(" }", depth) + " }",
           "{ a(y: " + repeat("{i: ", depth) + "null" + repeat("}", depth) + ") { b } }",
           "{ a(y: " + repeat("[", depth) + repeat("]", depth) + ") { b } }",
           "query ($v: " + repeat("[", depth) + "Int" + repeat("]", depth) + ") { b }",
           "{ " + repeat("a { ", depth / 2) + "b" + repeat(" }", depth / 2) + " " +
               repeat("a { ", depth / 2) + "b" + repeat(" }", depth / 2) + " }",
       }) {
    const auto document = language::parse(language::Source{text}, deepest);
    ASSERT_TRUE(document.has_value()) << document.error().message;
    validate(*schema, *document);
  }
}

}  // namespace
}  // namespace errand::graphql::validation
