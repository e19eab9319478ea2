#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

struct TypeSystemOptions {
  bool require_query = true;
  /// Where the root types are named, by OperationType; unknown where they have their default names.
  std::span<const Place> root_places;
  /// What is named as a root type, by OperationType: an object type where all is well.
  std::span<const NamedType* const> root_types;
};

/// Checks a linked schema against the "Type Validation" rules of the specification, section 3.
/// @return all errors, worded, placed and ordered as by graphql-js' validateSchema().
std::vector<language::GraphQLError> check_type_system(const Schema& schema,
                                                      const TypeSystemOptions& options);

/// Finds input objects that reference themselves so that no finite value fits ("Input Object
/// circular references", 3.10, with one-of types as in the draft).
std::vector<language::GraphQLError> check_finite_values(const Schema& schema);

/// Finds default values of input fields that need themselves ("InputFieldDefaultValueHasCycle()",
/// 3.10). Each cycle is reported once, at the first type that leads to it.
class DefaultCycleCheck {
 public:
  /// Follows the defaults of `type`, as if `{}` were given for it.
  /// @return what is wrong and was not reported before.
  std::vector<language::GraphQLError> check(const InputObjectType& type);

 private:
  struct Step {
    std::string name;
    Place place;
  };

  void follow_literal(const InputObjectType& type, const language::Value& literal);
  void follow_absent_fields(const InputObjectType& type,
                            language::NodeList<language::ObjectField> given);
  void follow_default(const InputObjectType& type, const InputValueDefinition& field,
                      const InputObjectType& field_type);

  std::unordered_set<const InputValueDefinition*> visited_;
  std::vector<Step> path_;
  std::unordered_map<const InputValueDefinition*, std::size_t> path_index_;
  std::vector<language::GraphQLError> errors_;
};

}  // namespace errand::graphql::type
