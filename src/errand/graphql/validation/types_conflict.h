#pragma once

#include "errand/graphql/type/schema.h"

namespace errand::graphql::validation {

/// SameResponseShape() for the types of two fields alone, without what is below them. An
/// equivalence: where a and b, and b and c do not conflict, a and c do not.
inline bool types_conflict(type::TypeRef a, type::TypeRef b) {
  if (a == b) return false;
  for (;; a = a.item(), b = b.item()) {
    if (a.is_non_null() != b.is_non_null() || a.is_list() != b.is_list()) return true;
    if (!a.is_list()) break;
  }
  return (a.named().is_leaf() || b.named().is_leaf()) && &a.named() != &b.named();
}

}  // namespace errand::graphql::validation
