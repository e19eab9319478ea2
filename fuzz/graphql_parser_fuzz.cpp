// Any bytes parse or give an error with a place; what parses prints, and the print parses to a
// document that prints the same.

#include <cstddef>
#include <cstdint>
#include <string>

#include "errand/base/assert.h"
#include "errand/graphql/language/location_index.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/language/visitor.h"

namespace {

using namespace errand::graphql::language;

/// Nodes lie inside their source.
struct PlaceChecker {
  std::size_t size;

  void enter(const Node& node) const {
    ERRAND_ASSERT(node.start <= node.end);
    ERRAND_ASSERT(node.end <= size);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const ParseOptions options{.max_tokens = 20'000};
  const auto document = parse(Source{text}, options);
  if (!document) {
    ERRAND_ASSERT(document.error().message.starts_with("Syntax Error: "));
    ERRAND_ASSERT(document.error().locations.size() == 1);
  } else {
    PlaceChecker checker{size};
    visit(*document, checker);
    const std::string printed = print(*document);
    const auto again = parse(Source{printed}, {.allow_empty_selection_sets = false});
    ERRAND_ASSERT(again.has_value());
    ERRAND_ASSERT(print(*again) == printed);
  }

  const Source source{text};
  LocationIndex index(source);
  for (std::size_t at = 0; at <= size; at += 1 + size / 16) {
    ERRAND_ASSERT(index.location(at) == source.location(at));
  }

  if (const auto value = parse_value(Source{text})) {
    const std::string printed = print(**value);
    const auto again = parse_value(Source{printed});
    ERRAND_ASSERT(again.has_value());
    ERRAND_ASSERT(print(**again) == printed);
  }
  if (const auto coordinate = parse_schema_coordinate(Source{text})) {
    ERRAND_ASSERT(print(**coordinate) == text);
  }
  return 0;
}
