#pragma once

#include <memory>
#include <optional>
#include <string>

#include "errand/base/time_text.h"
#include "errand/graphql/execution/field_value.h"
#include "errand/graphql/execution/resolver.h"

/// What resolvers of jobs and events give, from the values of the core.
namespace errand::api {

/// A DateTime; null where there is none.
inline graphql::execution::FieldValue time_value(const std::optional<Timestamp>& at) {
  return at ? graphql::execution::FieldValue(format_timestamp(*at))
            : graphql::execution::FieldValue();
}

/// A text of the source object, not copied.
inline graphql::execution::FieldValue text_value(const std::string& text) {
  return graphql::execution::FieldValue::text_view(text);
}

/// The same; null where it is empty.
inline graphql::execution::FieldValue text_or_null(const std::string& text) {
  return text.empty() ? graphql::execution::FieldValue()
                      : graphql::execution::FieldValue::text_view(text);
}

/// A part of the source object, kept alive by the whole.
template <class Part>
graphql::execution::FieldValue part_value(const graphql::execution::ResolveInfo& info,
                                          const graphql::type::ObjectType* type, const Part& part) {
  return graphql::execution::ObjectRef{type,
                                       std::shared_ptr<const void>(*info.source.owner, &part)};
}

}  // namespace errand::api
