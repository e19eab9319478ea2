#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/type/definitions.h"

namespace errand::contract {

/// Collects what is wrong with a user's schema, so that all of it is shown at once.
class SchemaErrors {
 public:
  void add(const graphql::type::Place& place, std::string message) {
    errors_.push_back(graphql::type::error_at(place, std::move(message)));
    errors_.back().code = ErrorCode::kSchemaInvalid;
  }
  void add(graphql::language::GraphQLError error) { errors_.push_back(std::move(error)); }

  [[nodiscard]] bool empty() const noexcept { return errors_.empty(); }
  [[nodiscard]] std::vector<graphql::language::GraphQLError> take() { return std::move(errors_); }

 private:
  std::vector<graphql::language::GraphQLError> errors_;
};

/// Where the value of argument `name` of `directive` stands; the directive itself where it is
/// absent.
inline graphql::type::Place argument_place(const graphql::type::AppliedDirective& directive,
                                           std::string_view name) {
  for (const graphql::language::Argument* argument : directive.node->arguments) {
    if (argument->name.value == name) return {directive.source, argument->value};
  }
  return directive.place();
}

}  // namespace errand::contract
