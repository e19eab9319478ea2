#include "errand/graphql/type/input_faults.h"

#include <variant>

#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {

using language::PathSegment;

std::vector<PathSegment> segments(const PathLink* path) {
  std::vector<PathSegment> result;
  for (; path != nullptr; path = path->parent) {
    if (path->is_index) {
      result.emplace_back(path->index);
    } else {
      result.emplace_back(std::string(path->key));
    }
  }
  return {result.rbegin(), result.rend()};
}

/// " at .a[0]"
std::string path_text(const std::vector<PathSegment>& path) {
  std::string text;
  for (const PathSegment& segment : path) {
    if (const auto* index = std::get_if<std::size_t>(&segment)) {
      text += '[' + std::to_string(*index) + ']';
    } else {
      text += '.' + std::get<std::string>(segment);
    }
  }
  return text.empty() ? text : " at " + text;
}

std::string unknown_field(const InputObjectType& type, std::string_view name,
                          const std::string& found) {
  std::vector<std::string_view> known;
  for (const InputValueDefinition& field : type.fields) known.push_back(field.name);
  const std::string suggestion = did_you_mean(suggestion_list(name, known));
  return "Expected value of type \"" + std::string(type.name) +
         "\" not to include unknown field \"" + std::string(name) + "\"" +
         (suggestion.empty() ? ", found" : "." + suggestion + " Found") + ": " + found + ".";
}

std::string missing_field(const InputObjectType& type, const InputValueDefinition& field,
                          const std::string& found) {
  return "Expected value of type \"" + std::string(type.name) + "\" to include required field \"" +
         std::string(field.name) + "\", found: " + found + ".";
}

std::string not_an_object(const InputObjectType& type, const std::string& found) {
  return "Expected value of type \"" + std::string(type.name) +
         "\" to be an object, found: " + found + ".";
}

std::string not_one_of(const InputObjectType& type) {
  return "Within OneOf Input Object type \"" + std::string(type.name) +
         "\", exactly one field must be specified, and the value for that field must be non-null.";
}

std::string must_not_be_null(const TypeRef& type) {
  return "Expected value of non-null type \"" + type.str() + "\" not to be null.";
}

const boost::json::value* variable_value(const language::Variable& variable,
                                         const boost::json::object* variables) {
  if (variables == nullptr) return nullptr;
  return variables->if_contains(
      boost::json::string_view(variable.name.value.data(), variable.name.value.size()));
}

const language::ObjectField* find_field(const language::ObjectValue& object,
                                        std::string_view name) {
  const language::ObjectField* found = nullptr;
  for (const language::ObjectField* field : object.fields) {
    if (field->name.value == name) found = field;
  }
  return found;
}

}  // namespace errand::graphql::type
