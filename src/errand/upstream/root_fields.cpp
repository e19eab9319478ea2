#include "errand/upstream/root_fields.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "errand/graphql/language/parser.h"

namespace errand::upstream {

namespace language = graphql::language;
using language::OperationType;

namespace {

/// How many names an error lists, and how long one may be there.
constexpr std::size_t kNamesMax = 5;
constexpr std::size_t kNameBytesMax = 64;

/// The operation that a request means; nullptr where that is an error.
const language::OperationDefinition* find_operation(const language::Document& document,
                                                    std::optional<std::string_view> name) {
  const language::OperationDefinition* found = nullptr;
  for (const language::Definition* definition : document.definitions()) {
    const auto* operation = definition->get_if<language::OperationDefinition>();
    if (operation == nullptr) continue;
    if (name && !name->empty()) {
      if (operation->name.value == *name) return operation;
      continue;
    }
    if (found != nullptr) return nullptr;
    found = operation;
  }
  return found;
}

/// Names of the fields at the root of `operation`, each once.
std::vector<std::string_view> root_fields(const language::Document& document,
                                          const language::OperationDefinition& operation) {
  std::unordered_map<std::string_view, const language::SelectionSet*> fragments;
  for (const language::Definition* definition : document.definitions()) {
    if (const auto* fragment = definition->get_if<language::FragmentDefinition>()) {
      fragments.emplace(fragment->name.value, fragment->selection_set);
    }
  }
  std::vector<std::string_view> names;
  std::unordered_set<std::string_view> seen;
  // No recursion: fragments may nest as deep as the document is long. Each is entered once.
  std::vector<const language::SelectionSet*> open{operation.selection_set};
  while (!open.empty()) {
    const language::SelectionSet* set = open.back();
    open.pop_back();
    if (set == nullptr) continue;
    for (const language::Selection* selection : set->selections) {
      if (const auto* field = selection->get_if<language::Field>()) {
        if (seen.insert(field->name.value).second) names.push_back(field->name.value);
      } else if (const auto* inlined = selection->get_if<language::InlineFragment>()) {
        open.push_back(inlined->selection_set);
      } else if (const auto* spread = selection->get_if<language::FragmentSpread>()) {
        if (const auto fragment = fragments.find(spread->name.value); fragment != fragments.end()) {
          open.push_back(std::exchange(fragment->second, nullptr));
        }
      }
    }
  }
  return names;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  const std::size_t shown = std::min(names.size(), kNamesMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += ", ";
    out += names[i].substr(0, kNameBytesMax);
  }
  if (shown < names.size()) out += fmt::format(" and {} more", names.size() - shown);
  return out;
}

}  // namespace

RootFields RootFields::between(const graphql::type::Schema& served,
                               const graphql::type::Schema& upstream,
                               std::span<const std::string> replaced, Options options) {
  Names local;
  for (const auto operation :
       {OperationType::kQuery, OperationType::kMutation, OperationType::kSubscription}) {
    const graphql::type::ObjectType* own = served.root_type(operation);
    const graphql::type::ObjectType* others = upstream.root_type(operation);
    if (own == nullptr) continue;
    for (const graphql::type::FieldDefinition& field : own->fields) {
      if (others == nullptr || others->field(field.name) == nullptr) {
        local.at(static_cast<std::size_t>(operation)).emplace(field.name);
      }
    }
  }
  auto& mutations = local.at(static_cast<std::size_t>(OperationType::kMutation));
  mutations.insert(replaced.begin(), replaced.end());
  return {std::move(local), options};
}

bool RootFields::is_local(OperationType operation, std::string_view field) const {
  if (operation == OperationType::kQuery && (field == "__schema" || field == "__type")) return true;
  return local_.at(static_cast<std::size_t>(operation)).contains(std::string(field));
}

RootFields::Route RootFields::route(std::string_view document,
                                    std::optional<std::string_view> operation_name) const {
  Route route;
  const auto parsed = language::parse(language::Source{.body = std::string(document)},
                                      {.max_tokens = options_.tokens_max});
  if (!parsed) return route;
  const language::OperationDefinition* operation = find_operation(*parsed, operation_name);
  if (operation == nullptr) return route;
  route.operation = operation->operation;
  for (const std::string_view name : root_fields(*parsed, *operation)) {
    if (name == "__typename") continue;  // either can tell, whoever answers the rest
    (is_local(operation->operation, name) ? route.local : route.upstream).emplace_back(name);
  }
  if (!route.local.empty()) route.side = route.upstream.empty() ? Side::kLocal : Side::kMixed;
  return route;
}

Error mixed_error(const RootFields::Route& route) {
  return {
      .code = ErrorCode::kMixedOperation,
      .message = fmt::format(
          "One operation cannot be answered by two servers: {} belongs to the job server, {} to "
          "the server behind it. Send them as two operations.",
          list_of(route.local), list_of(route.upstream))};
}

}  // namespace errand::upstream
