#include "errand/graphql/federation/check_federation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/federation/federation_test_support.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::federation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Errors of a schema that links all of v2.3, whose link takes the first line.
std::vector<std::string> errors_of(const std::string& sdl, const std::string& schema = "") {
  const std::string body =
      "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.3\", import: [\"@key\", "
      "\"@requires\", \"@provides\", \"@external\", \"@interfaceObject\", \"@composeDirective\"])" +
      schema + "\n" + sdl;
  std::vector<std::string> errors;
  const auto linkage = Linkage::read(documents_of(body), report_to(errors));
  if (!linkage) return errors;
  const std::vector<language::Source> sources{
      {.body = body, .name = "schema.graphql"},
      {.body = linkage->definitions_sdl([](std::string_view) { return true; }),
       .name = "federation"}};
  const auto built = type::build_schema(sources, {.scalars = {}, .require_query = false});
  if (!built) {
    for (const auto& error : built.error()) ADD_FAILURE() << to_string(error);
    return errors;
  }
  check_federation(**built, *linkage, report_to(errors));
  return errors;
}

TEST(CheckFederation, TakesGoodFieldSets) {
  EXPECT_THAT(errors_of(R"(
type Product @key(fields: "id") @key(fields: "sku package") @key(fields: "owner { id org { id } }") {
  id: ID! sku: String package: String owner: User @provides(fields: "name") any: Any @provides(fields: "... on User { name }")
  weight: Int @external
  shipping: Int @requires(fields: "weight, owner { ... on User { name } }")
}
type User @key(fields: "id __typename") { id: ID! name: String @external org: Org }
type Org { id: ID! }
union Any = User)"),
              IsEmpty());
}

TEST(CheckFederation, NamesWhatIsWrongWithAFieldSet) {
  const auto key = [](const std::string& fields) {
    const auto errors = errors_of("type T @key(fields: \"" + fields +
                                  "\") { id: ID! list: [Int] "
                                  "any: I arg(a: Int): Int user: U }\n"
                                  "interface I { x: Int }\ntype U { id: ID! }");
    return errors.size() == 1 ? errors.front() : std::to_string(errors.size()) + " errors";
  };
  EXPECT_EQ(key("idd"),
            "2:21: @key names T.idd, which is not there; name a field of T. Did you mean \"id\"?");
  EXPECT_THAT(key("id {"), HasSubstr("is no field set; write names with blanks between them"));
  EXPECT_THAT(key(""), HasSubstr("is no field set"));
  EXPECT_THAT(key("id } query { id"), HasSubstr("is no field set"));
  EXPECT_THAT(key("a: id"), HasSubstr("has no aliases"));
  EXPECT_THAT(key("list"), HasSubstr("T.list is a list, interface or union"));
  EXPECT_THAT(key("any { x }"), HasSubstr("T.any is a list, interface or union"));
  EXPECT_THAT(key("arg"), HasSubstr("T.arg takes arguments"));
  EXPECT_THAT(key("user"), HasSubstr("T.user is an object; select fields of it, such as \"user { "
                                     "id }\""));
  EXPECT_THAT(key("id { x }"), HasSubstr("T.id is a leaf; remove its selection"));
  EXPECT_THAT(key("user { name }"), HasSubstr("@key names U.name"));
  EXPECT_THAT(key("... on T { id }"), HasSubstr("a key is made of plain fields"));
  EXPECT_THAT(key("...f"), HasSubstr("a key is made of plain fields"));
}

TEST(CheckFederation, LooksIntoRequiresAndProvides) {
  EXPECT_THAT(
      errors_of("type T { a: Int @requires(fields: \"b\") c: Int @provides(fields: \"x\")\n"
                "d: T @provides(fields: \"e\") f: T @provides(fields: \"... on Nix { a }\") }"),
      ElementsAre(HasSubstr("2:35: @requires names T.b"),
                  HasSubstr("2:47: @provides names fields of the field's type, and Int has "
                            "none"),
                  HasSubstr("3:24: @provides names T.e"),
                  HasSubstr("there is no object or interface type Nix")));
}

TEST(CheckFederation, WantsAKeyBesideInterfaceObject) {
  EXPECT_THAT(errors_of("type Media @interfaceObject { id: ID! }"),
              ElementsAre("2:12: @interfaceObject goes with the key of the interface; add "
                          "@key(fields: \"id\")"));
}

TEST(CheckFederation, WantsComposedDirectivesToBeThere) {
  EXPECT_THAT(errors_of("directive @mine on OBJECT", " @composeDirective(name: \"@mine\")"),
              IsEmpty());
  EXPECT_THAT(errors_of("directive @mine on OBJECT", " @composeDirective(name: \"mine\")"),
              ElementsAre(HasSubstr("a directive is named with its at sign; write \"@mine\"")));
  EXPECT_THAT(errors_of("directive @mine on OBJECT", " @composeDirective(name: \"@yours\")"),
              ElementsAre(HasSubstr("@yours is not defined; define it")));
}

}  // namespace
}  // namespace errand::graphql::federation
