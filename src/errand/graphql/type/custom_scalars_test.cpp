#include "errand/graphql/type/custom_scalars.h"

#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/json/writer.h"

namespace errand::graphql::type {
namespace {

std::string in(std::string_view scalar, const std::string& text) {
  const auto result = custom_scalar_coercion(scalar)->parse_value(boost::json::parse(text));
  return result ? json::to_text(*result) : result.error();
}

std::string out(const ScalarCoercion& coercion, const std::string& text) {
  const auto result = coercion.serialize(boost::json::parse(text));
  return result ? json::to_text(*result) : result.error();
}

TEST(CustomScalars, DateTimeNormalizesToUtc) {
  EXPECT_EQ(in("DateTime", "\"2026-11-23T21:15:00+01:00\""), "\"2026-11-23T20:15:00.000Z\"");
  EXPECT_EQ(
      in("DateTime", "\"tomorrow\""),
      "DateTime cannot represent value: \"tomorrow\". Write an RFC 3339 date and time such as "
      "\"2026-11-23T20:15:00Z\".");
  EXPECT_EQ(out(*custom_scalar_coercion("DateTime"), "0"), "\"1970-01-01T00:00:00.000Z\"");
}

TEST(CustomScalars, DurationIsTheShortestText) {
  EXPECT_EQ(in("Duration", "\"90m\""), "\"1h30m\"");
  EXPECT_EQ(out(*custom_scalar_coercion("Duration"), "1500"), "\"1s500ms\"");
  EXPECT_TRUE(in("Duration", "\"15 min\"").starts_with("Duration cannot represent value: "));
  EXPECT_TRUE(in("Duration", "900").starts_with("Duration cannot represent value: 900."));
}

TEST(CustomScalars, UuidIsLowerCase) {
  EXPECT_EQ(in("UUID", "\"01936F2E-7C4B-7D80-9F3A-2B5C6D7E8F90\""),
            "\"01936f2e-7c4b-7d80-9f3a-2b5c6d7e8f90\"");
  EXPECT_TRUE(in("UUID", "\"x\"").starts_with("UUID cannot represent value: \"x\"."));
}

TEST(CustomScalars, LiteralsFollowTheSameForms) {
  const auto text = language::parse_value({.body = "\"7d\"", .name = "v"});
  EXPECT_EQ(*custom_scalar_coercion("Duration")->parse_literal(**text, nullptr), "7d");
  const auto number = language::parse_value({.body = "7", .name = "v"});
  const auto refused = custom_scalar_coercion("Duration")->parse_literal(**number, nullptr);
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().starts_with("Duration cannot represent value: 7. Write"));
}

TEST(CustomScalars, JsonPassesThrough) {
  EXPECT_EQ(in("JSON", R"({"a":[1,2.5,null]})"), R"({"a":[1,2.5,null]})");
}

TEST(BuiltInScalars, SerializeAsGraphqlJs) {
  const auto scalar = [](BuiltInScalar which) { return *built_in_scalar_coercion(which); };
  EXPECT_EQ(out(scalar(BuiltInScalar::kInt), "true"), "1");
  EXPECT_EQ(out(scalar(BuiltInScalar::kInt), "\"12\""), "12");
  EXPECT_EQ(out(scalar(BuiltInScalar::kInt), "1.5"), "Int cannot represent non-integer value: 1.5");
  EXPECT_EQ(out(scalar(BuiltInScalar::kFloat), "\"\""),
            "Float cannot represent non numeric value: \"\"");
  EXPECT_EQ(out(scalar(BuiltInScalar::kString), "1.5"), "\"1.5\"");
  EXPECT_EQ(out(scalar(BuiltInScalar::kString), "[]"), "String cannot represent value: []");
  EXPECT_EQ(out(scalar(BuiltInScalar::kBoolean), "0"), "false");
  EXPECT_EQ(out(scalar(BuiltInScalar::kId), "7"), "\"7\"");
}

}  // namespace
}  // namespace errand::graphql::type
