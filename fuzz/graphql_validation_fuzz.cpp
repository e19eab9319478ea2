// Any document that parses is validated against one schema: without a crash, with at most the
// number of errors that was asked for and one more, each with a message.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "errand/base/assert.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/validate.h"

namespace {

using namespace errand::graphql;

constexpr const char* kSchema = R"(
directive @onField on FIELD
directive @rep(n: Int!) repeatable on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT | QUERY
interface Node { id: ID! }
type Dog implements Node { id: ID! name(upper: Boolean): String owner: Human friends(n: Int = 1): [Pet!] color: Color! }
type Cat implements Node { id: ID! name(upper: Boolean): Int owner: Human }
type Human implements Node { id: ID! pets(kind: Color, filter: Filter, one: One): [Pet] }
union Pet = Dog | Cat
enum Color { RED GREEN }
scalar Any
input Filter { name: String size: Int! = 1 deep: Filter color: Color tags: [String!] must: Boolean! any: Any }
input One @oneOf { a: Int b: String c: Filter }
type Query { dog: Dog pet: Pet human(id: ID!): Human node(id: ID): Node f(x: Float, any: Any): Int }
type Mutation { add(filter: Filter!): Dog }
type Subscription { dogs: Dog cats(x: Int): Cat }
)";

const type::Schema& schema() {
  static const std::shared_ptr<const type::Schema> built = [] {
    const language::Source source{kSchema, "schema.graphql"};
    const auto result = type::build_schema(std::span(&source, 1));
    ERRAND_ASSERT(result.has_value());
    return *result;
  }();
  return *built;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document =
      language::parse(language::Source{std::string(reinterpret_cast<const char*>(data), size)},
                      {.max_tokens = 20'000});
  if (!document) return 0;
  const validation::ValidationOptions options{.max_errors = 20};
  const auto errors = validation::validate(schema(), *document, options);
  ERRAND_ASSERT(errors.size() <= options.max_errors + 1);
  for (const auto& error : errors) ERRAND_ASSERT(!error.message.empty());
  return 0;
}
