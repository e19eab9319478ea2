#include "errand/graphql/validation/fields_on_correct_type.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::validation {
namespace {

using type::FieldsType;

/// A type that has the missing field, and how many of the possible types have it through this one.
struct Candidate {
  const FieldsType* type;
  std::size_t uses;
};

/// Whether `a` is the better suggestion: the one that covers more, an interface before those that
/// implement it, else by name.
bool is_better(const Candidate& a, const Candidate& b) {
  if (a.uses != b.uses) return a.uses > b.uses;
  const auto implements = [](const FieldsType& type, const FieldsType& other) {
    const auto* interface = other.get_if<type::InterfaceType>();
    return interface != nullptr && type.implements(*interface);
  };
  if (implements(*b.type, *a.type)) return true;
  if (implements(*a.type, *b.type)) return false;
  return a.type->name < b.type->name;
}

void count(std::vector<Candidate>& candidates, const FieldsType& type) {
  const auto known = std::ranges::find(candidates, &type, &Candidate::type);
  if (known == candidates.end()) {
    candidates.push_back({&type, 1});
  } else {
    ++known->uses;
  }
}

}  // namespace

void FieldsOnCorrectTypeRule::enter(const language::Field& node) {
  const type::NamedType* parent = context_.types().parent_type();
  if (parent == nullptr || context_.types().field_definition() != nullptr) return;
  const std::string_view name = node.name.value;
  std::string suggestion;
  if (context_.suggestions()) {
    suggestion = suggest_types(*parent, name);
    if (suggestion.empty()) suggestion = suggest_fields(*parent, name);
  }
  context_.report(node, fmt::format("Cannot query field \"{}\" on type \"{}\".{}", name,
                                    parent->name, suggestion));
}

std::string FieldsOnCorrectTypeRule::suggest_types(const type::NamedType& parent,
                                                   std::string_view field_name) const {
  if (!parent.is_abstract()) return {};
  std::vector<Candidate> candidates;
  for (const type::ObjectType* type : context_.schema().possible_types(parent)) {
    if (type->field(field_name) == nullptr) continue;
    count(candidates, *type);
    for (const type::InterfaceType* interface : type->interfaces) {
      if (interface->field(field_name) != nullptr) count(candidates, *interface);
    }
  }
  // By insertion: "better" need not be transitive, which std::sort would not forgive.
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    for (std::size_t j = i; j > 0 && is_better(candidates[j], candidates[j - 1]); --j) {
      std::swap(candidates[j], candidates[j - 1]);
    }
  }
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates) names.emplace_back(candidate.type->name);
  return type::did_you_mean("to use an inline fragment on", names);
}

std::string FieldsOnCorrectTypeRule::suggest_fields(const type::NamedType& parent,
                                                    std::string_view field_name) const {
  const auto* type = parent.get_if<FieldsType>();
  if (type == nullptr) return {};
  std::vector<std::string_view> names;
  for (const type::FieldDefinition& field : type->fields) names.push_back(field.name);
  return context_.did_you_mean(field_name, names);
}

}  // namespace errand::graphql::validation
