#include "errand/graphql/federation/linkage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "errand/graphql/federation/federation_test_support.h"

namespace errand::graphql::federation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// `arguments` after the URL of @link.
std::optional<Linkage> linkage_of(const std::string& version, const std::string& arguments,
                                  std::vector<std::string>& errors) {
  const auto documents =
      documents_of("extend schema @link(url: \"https://specs.apollo.dev/federation/" + version +
                   "\"" + arguments + ")");
  return Linkage::read(documents, report_to(errors));
}

std::vector<std::string> errors_of(const std::string& version, const std::string& arguments) {
  std::vector<std::string> errors;
  EXPECT_FALSE(linkage_of(version, arguments, errors).has_value());
  return errors;
}

TEST(Linkage, NamesImportsRenamesAndTheRest) {
  std::vector<std::string> errors;
  const auto linkage = linkage_of(
      "v2.3", ", import: [\"@key\", {name: \"@tag\", as: \"@mytag\"}, \"FieldSet\"]", errors);
  ASSERT_TRUE(linkage.has_value());
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_TRUE(linkage->is_written());
  EXPECT_EQ(linkage->minor(), 3);
  EXPECT_EQ(linkage->directive("key"), "key");
  EXPECT_EQ(linkage->directive("tag"), "mytag");
  EXPECT_EQ(linkage->directive("shareable"), "federation__shareable");
  EXPECT_EQ(linkage->scalar("FieldSet"), "FieldSet");
  EXPECT_EQ(linkage->directive_called("mytag"), "tag");
  EXPECT_EQ(linkage->directive_called("tag"), "");
  EXPECT_EQ(linkage->directive_called("federation__shareable"), "shareable");
}

TEST(Linkage, TakesTheNameSpaceFromAs) {
  std::vector<std::string> errors;
  const auto linkage = linkage_of("v2.0", ", as: \"fed\"", errors);
  ASSERT_TRUE(linkage.has_value());
  EXPECT_EQ(linkage->directive("key"), "fed__key");
  EXPECT_EQ(linkage->scalar("FieldSet"), "fed__FieldSet");
}

TEST(Linkage, IsNoneWithoutALinkOfFederation) {
  std::vector<std::string> errors;
  for (const char* sdl :
       {"type Query { a: Int }", "schema @link(url: \"https://example.org/x/v1.0\") { query: Q }",
        "schema @link(url: \"https://specs.apollo.dev/federations/v2.0\") { query: Q }"}) {
    EXPECT_FALSE(Linkage::read(documents_of(sdl), report_to(errors)).has_value()) << sdl;
  }
  EXPECT_THAT(errors, IsEmpty());
}

TEST(Linkage, RefusesVersionsThatItDoesNotKnow) {
  for (const char* version : {"v1.0", "v3.0", "v2.99", "v2", "2.0", "v2.x", "v99999999999.0"}) {
    EXPECT_THAT(errors_of(version, ""),
                ElementsAre(HasSubstr("is no version of federation that is known here; write one "
                                      "from v2.0 to v2.14")))
        << version;
  }
}

TEST(Linkage, RefusesWrongImports) {
  const auto one = [](const std::string& import) {
    const auto errors = errors_of("v2.3", ", import: [" + import + "]");
    return errors.size() == 1 ? errors.front() : std::to_string(errors.size()) + " errors";
  };
  EXPECT_EQ(one("\"@keys\""),
            "1:79: federation v2.3 has no @keys; remove the import. Did you mean \"@key\"?");
  EXPECT_THAT(one("\"key\""), HasSubstr("key is a directive; write \"@key\""));
  EXPECT_THAT(one("\"@FieldSet\""), HasSubstr("@FieldSet is a scalar; write \"FieldSet\""));
  EXPECT_THAT(one("\"@policy\""), HasSubstr("@policy came with v2.6 of federation, later than "
                                            "v2.3; link that version"));
  EXPECT_THAT(one("\"@key\", \"@key\""), HasSubstr("@key is imported twice"));
  EXPECT_THAT(one("{name: \"@tag\", as: \"mytag\"}"), HasSubstr("an import keeps its kind"));
  EXPECT_THAT(one("{name: \"@tag\", to: \"@mytag\"}"), HasSubstr("an import has only name and as"));
  EXPECT_THAT(one("5"), HasSubstr("an import is a text or an object"));
  EXPECT_THAT(one("\"@key\", {name: \"@tag\", as: \"@key\"}"),
              HasSubstr("@key and @tag are both called @key"));
}

TEST(Linkage, RefusesASecondLink) {
  std::vector<std::string> errors;
  const auto documents = documents_of(
      "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.0\")\n"
      "  @link(url: \"https://specs.apollo.dev/federation/v2.3\")");
  Linkage::read(documents, report_to(errors));
  EXPECT_THAT(errors, ElementsAre(HasSubstr("2:3: federation is linked twice")));
}

TEST(Linkage, DefinesWhatIsWantedByItsLocalNames) {
  std::vector<std::string> errors;
  const auto linkage =
      linkage_of("v2.1", ", import: [\"@key\", {name: \"@shareable\", as: \"@shared\"}]", errors);
  ASSERT_TRUE(linkage.has_value());
  const std::string sdl =
      linkage->definitions_sdl([](std::string_view name) { return name != "link"; });
  EXPECT_THAT(sdl, HasSubstr("directive @key(fields: federation__FieldSet!, resolvable: Boolean = "
                             "true) repeatable on OBJECT | INTERFACE\n"));
  // Repeatable from v2.2 on.
  EXPECT_THAT(sdl, HasSubstr("directive @shared on OBJECT | FIELD_DEFINITION\n"));
  EXPECT_THAT(sdl, HasSubstr("directive @federation__override(from: String!) on"));
  EXPECT_THAT(sdl, HasSubstr("scalar federation__FieldSet\n"));
  EXPECT_THAT(sdl, Not(HasSubstr("interfaceObject")));
  EXPECT_THAT(sdl, Not(HasSubstr("federation__Scope")));
  EXPECT_THAT(sdl, Not(HasSubstr("@link")));
}

TEST(Linkage, WithoutALinkEveryDirectiveHasItsOwnName) {
  const Linkage linkage = Linkage::unlinked();
  EXPECT_FALSE(linkage.is_written());
  EXPECT_EQ(linkage.directive("requires"), "requires");
  EXPECT_EQ(linkage.scalar("FieldSet"), "federation__FieldSet");
  EXPECT_EQ(Linkage::link_sdl({"key", "tag"}, 0),
            "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.0\", import: "
            "[\"@key\", \"@tag\"])\n");
  EXPECT_THAT(Linkage::link_sdl({"key", "policy"}, 3), HasSubstr("/v2.6\""));
}

}  // namespace
}  // namespace errand::graphql::federation
