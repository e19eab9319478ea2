#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/definitions.h"
#include "errand/graphql/type/type_ref.h"

/// What the coercion of JSON and of literals say alike; private to this folder.
namespace errand::graphql::type {

/// A path as a chain on the stack, so that it costs nothing until a fault needs it.
struct PathLink {
  const PathLink* parent = nullptr;
  std::string_view key;
  std::size_t index = 0;
  bool is_index = false;
};

std::vector<language::PathSegment> segments(const PathLink* path);

/// " at .a[0]"; empty for the empty path.
std::string path_text(const std::vector<language::PathSegment>& path);

// The texts of graphql-js 17 (`validateInputValue`).
std::string must_not_be_null(const TypeRef& type);
std::string unknown_field(const InputObjectType& type, std::string_view name,
                          const std::string& found);
std::string missing_field(const InputObjectType& type, const InputValueDefinition& field,
                          const std::string& found);
std::string not_an_object(const InputObjectType& type, const std::string& found);
std::string not_one_of(const InputObjectType& type);

/// nullptr where the variable has no value.
const boost::json::value* variable_value(const language::Variable& variable,
                                         const boost::json::object* variables);

/// The field node named `name`; the last one counts where names repeat.
const language::ObjectField* find_field(const language::ObjectValue& object, std::string_view name);

using LiteralReport =
    std::function<void(const language::Node& node, const PathLink* path, std::string message)>;

/// Finds what is wrong with a literal. Without `with_variables` it is checked as it stands in a
/// document, variables taken to fit; with them, for one execution.
void find_literal_faults(const language::Value& literal, const TypeRef& type,
                         const boost::json::object* variables, bool with_variables,
                         const LiteralReport& report);

}  // namespace errand::graphql::type
