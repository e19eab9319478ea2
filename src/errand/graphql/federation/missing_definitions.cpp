#include "errand/graphql/federation/missing_definitions.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "errand/graphql/language/ast.h"

namespace errand::graphql::federation {
namespace {

std::string_view keyword(language::Kind extension) {
  switch (extension) {
    case language::Kind::kScalarTypeExtension:
      return "scalar ";
    case language::Kind::kObjectTypeExtension:
      return "type ";
    case language::Kind::kInterfaceTypeExtension:
      return "interface ";
    case language::Kind::kUnionTypeExtension:
      return "union ";
    case language::Kind::kEnumTypeExtension:
      return "enum ";
    default:
      return "input ";
  }
}

}  // namespace

std::vector<language::Source> missing_definitions(std::span<const language::Document> documents,
                                                  const Linkage& linkage) {
  const std::string key = linkage.directive("key");
  std::set<std::string_view> known;
  for (const language::Document& document : documents) {
    for (const language::Definition* definition : document.definitions()) {
      const auto* named = definition->get_if<language::TypeDefinition>();
      if (named != nullptr && !named->is_extension()) known.insert(named->name.value);
    }
  }
  std::vector<language::Source> sources;
  for (const language::Document& document : documents) {
    for (const language::Definition* definition : document.definitions()) {
      const auto* named = definition->get_if<language::TypeDefinition>();
      if (named == nullptr || !known.insert(named->name.value).second) continue;
      // Blanks bring the name to its line and column, so that errors point to what was written.
      const language::Location place = document.location(named->name);
      const std::string_view word = keyword(named->kind);
      std::string body(place.line - 1, '\n');
      if (place.column > word.size()) body.append(place.column - 1 - word.size(), ' ');
      body += std::string(word) + std::string(named->name.value);
      const bool has_key = std::ranges::any_of(
          named->directives, [&](const auto* directive) { return directive->name.value == key; });
      if (has_key) body += " @" + linkage.directive("extends");
      sources.push_back({.body = std::move(body), .name = document.source().name});
    }
  }
  return sources;
}

}  // namespace errand::graphql::federation
