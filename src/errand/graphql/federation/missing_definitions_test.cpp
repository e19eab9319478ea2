#include "errand/graphql/federation/missing_definitions.h"

#include <gtest/gtest.h>

#include "errand/graphql/federation/federation_test_support.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::federation {
namespace {

TEST(MissingDefinitions, DefineWhatIsOnlyExtendedWhereTheExtensionStands) {
  const auto documents = documents_of(
      "type Known { a: Int }\nextend type Known { b: Int }\n\n  extend type Other { c: Int }\n"
      "extend type Other { d: Int }\nextend enum E { X }\n");
  const auto sources = missing_definitions(documents, Linkage::unlinked());
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0].name, "schema.graphql");
  EXPECT_EQ(sources[0].body, "\n\n\n         type Other");
  EXPECT_EQ(sources[0].location(sources[0].body.find("Other")), (language::Location{4, 15}));
  EXPECT_EQ(sources[1].body, "\n\n\n\n\n       enum E");
}

TEST(MissingDefinitions, ExtendWhatHasAKey) {
  const auto sources = missing_definitions(
      documents_of("extend type Account @key(fields: \"id\") { id: ID! }"), Linkage::unlinked());
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].body, "       type Account @extends");
}

TEST(MissingDefinitions, GiveASchemaThatBuilds) {
  const std::string sdl =
      "extend type Query { a: I }\nextend interface I { b: Int }\n"
      "type T implements I { b: Int }";
  std::vector<language::Source> sources =
      missing_definitions(documents_of(sdl), Linkage::unlinked());
  sources.push_back({.body = sdl, .name = "schema.graphql"});
  EXPECT_TRUE(type::build_schema(sources).has_value());
}

}  // namespace
}  // namespace errand::graphql::federation
