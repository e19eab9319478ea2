#include <span>

#include <gtest/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/validate.h"

// https://spec.graphql.org/September2025/#sec-Operation-Type-Existence

namespace errand::graphql::validation {
namespace {

TEST(KnownOperationTypes, RefusesOperationsThatTheSchemaHasNoRootFor) {
  const language::Source source{"type Query { a: Int }", "schema.graphql"};
  const auto schema = type::build_schema(std::span(&source, 1));
  ASSERT_TRUE(schema.has_value());
  const auto document = language::parse(language::Source{"{ a } subscription S { a { b } }"});
  ASSERT_TRUE(document.has_value());
  const auto errors = validate(**schema, *document);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].message, "This anonymous operation must be the only defined operation.");
  EXPECT_EQ(errors[1].message, "The subscription operation is not supported by the schema.");
}

}  // namespace
}  // namespace errand::graphql::validation
