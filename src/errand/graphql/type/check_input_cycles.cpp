#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/check_type_system.h"

namespace errand::graphql::type {
namespace {

using language::GraphQLError;

std::string coordinate_of(const InputObjectType& type, const InputValueDefinition& field) {
  return std::string(type.name) + "." + std::string(field.name);
}

/// The input object that a value of `field` cannot do without; nullptr where there is none.
const InputObjectType* needed_type(const InputObjectType& type, const InputValueDefinition& field) {
  if (field.type.is_list()) return nullptr;
  if (!type.is_one_of && !field.type.is_non_null()) return nullptr;
  return field.type.named().get_if<InputObjectType>();
}

class FiniteValueCheck {
 public:
  explicit FiniteValueCheck(const Schema& schema) : schema_(schema) {}

  std::vector<GraphQLError> run() {
    // Grows the set of types with a finite value until nothing is added.
    for (bool grown = true; grown;) {
      grown = false;
      for (const NamedType* type : schema_.types_by_reference()) {
        const auto* input = type->get_if<InputObjectType>();
        if (input == nullptr || finite_.contains(input) || !is_finite(*input)) continue;
        finite_.insert(input);
        grown = true;
      }
    }
    for (const NamedType* type : schema_.types_by_reference()) {
      const auto* input = type->get_if<InputObjectType>();
      if (input != nullptr && !finite_.contains(input)) report_cycles(*input);
    }
    return std::move(errors_);
  }

 private:
  struct Step {
    const InputObjectType* type;
    const InputValueDefinition* field;
  };

  [[nodiscard]] bool is_finite(const InputObjectType& type) const {
    const auto fits = [&](const InputValueDefinition& field) {
      const InputObjectType* needed = needed_type(type, field);
      return needed == nullptr || finite_.contains(needed);
    };
    if (!type.is_one_of) return std::ranges::all_of(type.fields, fits);
    return type.fields.empty() || std::ranges::any_of(type.fields, fits);
  }

  void report_cycles(const InputObjectType& type) {
    if (!visited_.insert(&type).second) return;
    path_index_.emplace(&type, path_.size());
    for (const InputValueDefinition& field : type.fields) {
      const InputObjectType* needed = needed_type(type, field);
      if (needed == nullptr || finite_.contains(needed)) continue;
      path_.push_back({&type, &field});
      const auto begin = path_index_.find(needed);
      if (begin == path_index_.end()) {
        report_cycles(*needed);
      } else {
        std::string names;
        std::vector<Place> places;
        for (std::size_t i = begin->second; i < path_.size(); ++i) {
          if (!names.empty()) names += ", ";
          names += coordinate_of(*path_[i].type, *path_[i].field);
          places.push_back(path_[i].field->definition);
        }
        errors_.push_back(error_at(
            places, "Input Object " + std::string(needed->name) +
                        " cannot be provided a finite value because it references itself through "
                        "fields: " +
                        names + "."));
      }
      path_.pop_back();
    }
    path_index_.erase(&type);
  }

  const Schema& schema_;
  std::unordered_set<const InputObjectType*> finite_;
  std::unordered_set<const InputObjectType*> visited_;
  std::vector<Step> path_;
  std::unordered_map<const InputObjectType*, std::size_t> path_index_;
  std::vector<GraphQLError> errors_;
};

}  // namespace

std::vector<GraphQLError> check_finite_values(const Schema& schema) {
  return FiniteValueCheck(schema).run();
}

std::vector<GraphQLError> DefaultCycleCheck::check(const InputObjectType& type) {
  follow_absent_fields(type, {});
  return std::exchange(errors_, {});
}

void DefaultCycleCheck::follow_literal(const InputObjectType& type,
                                       const language::Value& literal) {
  if (const auto* list = literal.get_if<language::ListValue>()) {
    for (const language::Value* item : list->values) follow_literal(type, *item);
  } else if (const auto* object = literal.get_if<language::ObjectValue>()) {
    follow_absent_fields(type, object->fields);
  }
}

void DefaultCycleCheck::follow_absent_fields(const InputObjectType& type,
                                             language::NodeList<language::ObjectField> given) {
  for (const InputValueDefinition& field : type.fields) {
    const auto* field_type = field.type.named().get_if<InputObjectType>();
    if (field_type == nullptr) continue;
    const auto node = std::ranges::find_if(
        given, [&](const auto* other) { return other->name.value == field.name; });
    if (node != given.end()) {
      follow_literal(*field_type, *(*node)->value);
    } else {
      follow_default(type, field, *field_type);
    }
  }
}

void DefaultCycleCheck::follow_default(const InputObjectType& type,
                                       const InputValueDefinition& field,
                                       const InputObjectType& field_type) {
  if (field.default_literal == nullptr) return;
  const std::string name = coordinate_of(type, field);
  const Place place{field.definition.source, field.default_literal};
  if (const auto begin = path_index_.find(&field); begin != path_index_.end()) {
    std::string via;
    std::vector<Place> places{path_[begin->second].place};
    for (std::size_t i = begin->second + 1; i < path_.size(); ++i) {
      via += (via.empty() ? " via the default values of: " : ", ") + path_[i].name;
      places.push_back(path_[i].place);
    }
    errors_.push_back(error_at(places,
                               "Invalid circular reference. The default value of Input Object "
                               "field " +
                                   name + " references itself" + via + "."));
    return;
  }
  if (!visited_.insert(&field).second) return;
  path_index_.emplace(&field, path_.size());
  path_.push_back({name, place});
  follow_literal(field_type, *field.default_literal);
  path_.pop_back();
  path_index_.erase(&field);
}

}  // namespace errand::graphql::type
