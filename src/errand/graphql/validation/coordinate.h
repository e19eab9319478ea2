#pragma once

#include <string>

#include <fmt/format.h>

#include "errand/graphql/type/schema.h"

namespace errand::graphql::validation {

/// The schema coordinate of `field`, such as "Query.job"; meta-fields belong to "<meta>".
inline std::string coordinate_of(const type::FieldDefinition& field) {
  return fmt::format("{}.{}", field.parent == nullptr ? "<meta>" : field.parent->name, field.name);
}

}  // namespace errand::graphql::validation
