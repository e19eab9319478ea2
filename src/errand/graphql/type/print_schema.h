#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

struct PrintOptions {
  bool descriptions = true;
  /// Which applied directives are printed besides @deprecated, @specifiedBy and @oneOf. Empty:
  /// none.
  std::function<bool(std::string_view name)> directives;

  // For those who print a schema that differs from the one at hand. Empty: no difference.

  /// Whether a type or directive definition is printed.
  std::function<bool(const Described& definition)> definitions;
  /// Whether a field of an object or interface type is printed.
  std::function<bool(const FieldDefinition& field)> fields;
  struct FieldChange {
    std::string type;              ///< instead of the field's own
    std::string further_argument;  ///< after the field's own, such as "options: JobOptions"
  };
  std::function<std::optional<FieldChange>(const FieldDefinition& field)> field_changes;
  /// SDL of fields that are printed after the type's own.
  std::function<std::string(const NamedType& type)> further_fields;
};

/// The schema as SDL, in order of declaration, without built-in scalars, specified directives and
/// introspection types. build_schema() of it gives an equal schema.
std::string print_schema(const Schema& schema, const PrintOptions& options = {});

/// One type as SDL.
std::string print_type(const NamedType& type, const PrintOptions& options = {});

}  // namespace errand::graphql::type
