#include "errand/graphql/validation/quick_merge_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/validation/validate.h"

namespace errand::graphql::validation {
namespace {

constexpr const char* kSchema = R"(
interface Node { i: Int n: Node s(x: Int): String u: U }
type A implements Node { i: Int n: Node s(x: Int): String u: U v: Int l: [Int] a: A }
type B implements Node { i: Int n: Node s(x: Int): String u: U v: Int! l: [Int!] a: Node }
union U = A | B
type Query implements Node { i: Int n: Node s(x: Int): String u: U }
)";

/// Writes documents in which the same few response names meet again and again.
class DocumentWriter {
 public:
  explicit DocumentWriter(std::uint32_t seed) : random_(seed) {}

  /// @param first  selections that the operation begins with
  std::string document(const std::string& first) {
    std::string text = "{ " + first + selections(4) + "}";
    for (const char* name : {"F", "G"}) {
      text += std::string(" fragment ") + name + " on " + type() + " { i " + selections(3) + "}";
    }
    return text;
  }

 private:
  std::size_t draw(std::size_t below) { return random_() % below; }

  std::string type() {
    static constexpr std::array kTypes = {"Node", "A", "B", "U", "Query"};
    return kTypes.at(draw(kTypes.size()));
  }

  std::string selections(int depth) {
    std::string text;
    for (std::size_t i = 1 + draw(3); i > 0; --i) text += selection(depth);
    return text;
  }

  std::string selection(int depth) {
    static constexpr std::array kLeaves = {"i ", "v ", "l ", "s ", "s(x: 1) ", "s(x: 2) "};
    static constexpr std::array kObjects = {"n ", "u ", "a "};
    const std::string alias = draw(3) == 0 ? "p: " : "";
    if (depth == 0 || draw(3) == 0) return alias + kLeaves.at(draw(kLeaves.size()));
    if (draw(5) == 0) return draw(2) == 0 ? "...F " : "...G ";
    if (draw(2) == 0) return "... on " + type() + " { " + selections(depth - 1) + "} ";
    return alias + kObjects.at(draw(kObjects.size())) + "{ " + selections(depth - 1) + "} ";
  }

  std::mt19937 random_;
};

std::size_t count_conflicts(const std::string& text) {
  static const auto schema = [] {
    const language::Source source{kSchema, "schema.graphql"};
    return *type::build_schema(std::span(&source, 1));
  }();
  const auto document = language::parse(language::Source{text});
  RC_ASSERT(document.has_value());
  const auto errors = validate(*schema, *document, {.max_errors = 10'000, .suggestions = false});
  return static_cast<std::size_t>(std::ranges::count_if(errors, [](const auto& error) {
    return error.message.find(" conflict because ") != std::string::npos;
  }));
}

RC_GTEST_PROP(QuickMergeCheck, AgreesWithTheComparisonOfPairs, (std::uint32_t seed)) {
  const std::size_t quick = count_conflicts(DocumentWriter(seed).document(""));
  // With a conflict beside it all the rest is compared pair by pair.
  const std::size_t by_pairs = count_conflicts(DocumentWriter(seed).document("z: i z: s "));
  RC_ASSERT((quick == 0) == (by_pairs == 1));
}

}  // namespace
}  // namespace errand::graphql::validation
