#include "errand/graphql/type/read_introspection.h"

#include <string>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/comparison/case_runner.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/print_schema.h"
#include "errand/json/parse.h"

namespace errand::graphql::comparison {
namespace {

/// Every part that shows in introspection.
constexpr const char* kSdl = R"graphql(
"""
A shop.
"""
schema { query: Root mutation: Writes }
"Where a thing is kept."
directive @kept(in: [String!] = ["here", "there"], old: Int @deprecated) repeatable on FIELD | OBJECT
scalar Url @specifiedBy(url: "https://url.spec.whatwg.org/")
enum Size { "small \"one\"" SMALL LARGE @deprecated(reason: "Too large.") HUGE @deprecated }
interface Node { id: ID! }
interface Thing implements Node { id: ID! size(of: Size = LARGE, by: [[Float!]!]): Size! }
type Box implements Thing & Node {
  id: ID!
  "How large."
  size(
    "Measured how."
    of: Size = LARGE
    by: [[Float!]!]
  ): Size!
  in: [[Either!]]! @deprecated(reason: "Ask elsewhere.")
}
type Bag { url: Url }
union Either = Box | Bag
input Pick @oneOf { id: ID where: Where }
input Where { text: String = "a \"b\"\n" range: Range = {from: 1, to: [2]} old: Int @deprecated }
input Range { from: Int to: [Int!] }
type Root { thing(pick: Pick): Thing either: Either }
type Writes { put(where: Where!): Boolean }
)graphql";

boost::json::value ask(const std::string& sdl, const std::string& query) {
  CaseRunner runner;
  const auto answer = json::parse(runner.answer_line(boost::json::serialize(boost::json::object{
      {"id", 1}, {"op", "execute"}, {"schema", sdl}, {"query", query}, {"data", nullptr}})));
  EXPECT_TRUE(answer && answer->as_object().contains("data")) << answer->as_object();
  return answer->at("data");
}

TEST(ReadIntrospection, GivesTheSchemaThatAnswered) {
  const language::Source written{.body = kSdl, .name = "written"};
  const auto schema = type::build_schema({&written, 1});
  ASSERT_TRUE(schema.has_value()) << to_string(schema.error().front());
  const auto probed = ask(kSdl, std::string(type::introspection_probe()));
  const auto sdl = type::sdl_from_introspection(ask(kSdl, type::introspection_query(probed)));
  ASSERT_TRUE(sdl.has_value()) << sdl.error().message;
  const language::Source read{.body = *sdl, .name = "read"};
  const auto again = type::build_schema({&read, 1});
  ASSERT_TRUE(again.has_value()) << to_string(again.error().front()) << "\n" << *sdl;
  EXPECT_EQ(type::print_schema(**again), type::print_schema(**schema));
}

}  // namespace
}  // namespace errand::graphql::comparison
