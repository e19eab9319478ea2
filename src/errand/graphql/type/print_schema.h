#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "errand/graphql/type/schema.h"

namespace errand::graphql::type {

struct PrintOptions {
  bool descriptions = true;
  /// Which applied directives are printed besides @deprecated, @specifiedBy and @oneOf. Empty:
  /// none.
  std::function<bool(std::string_view name)> directives;
};

/// The schema as SDL, in order of declaration, without built-in scalars, specified directives and
/// introspection types. build_schema() of it gives an equal schema.
std::string print_schema(const Schema& schema, const PrintOptions& options = {});

/// One type as SDL.
std::string print_type(const NamedType& type, const PrintOptions& options = {});

}  // namespace errand::graphql::type
