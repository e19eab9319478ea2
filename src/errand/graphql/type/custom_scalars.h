#pragma once

#include <string_view>

#include "errand/graphql/type/definitions.h"

namespace errand::graphql::type {

/// Coercion of our custom scalars:
///   DateTime  RFC 3339 with any offset in, UTC with milliseconds out ("2026-11-23T20:15:00.000Z")
///   Duration  "500ms", "15m", "1h30m", "7d" in, the shortest such text out
///   JSON      any JSON, objects and lists with variables inside as literals too
///   UUID      the 36-character form in, lower case out
/// nullptr for other names.
const ScalarCoercion* custom_scalar_coercion(std::string_view name) noexcept;

/// Coercion of a built-in scalar; nullptr for kNone.
const ScalarCoercion* built_in_scalar_coercion(BuiltInScalar scalar) noexcept;
/// kNone for other names.
BuiltInScalar built_in_scalar(std::string_view name) noexcept;

/// Any JSON in and out, for scalars that only their user knows.
const ScalarCoercion& pass_through_coercion() noexcept;

}  // namespace errand::graphql::type
