#pragma once

#include <string_view>

#include "errand/graphql/type/definitions.h"

/// The types of the introspection schema (specification, 4.2.1) are ordinary object and enum types
/// of every Schema: `schema.type("__Type")`. Execution attaches their resolvers; each gets its
/// source object as
///   __Schema      const Schema*
///   __Type        const TypeRef*
///   __Field       const FieldDefinition*
///   __InputValue  const InputValueDefinition*
///   __EnumValue   const EnumValueDefinition*
///   __Directive   const DirectiveDefinition*
/// and finds every answer in their members. `__InputValue.defaultValue` is
/// language::print(*default_literal).
namespace errand::graphql::type {

/// SDL of the introspection types, of the meta-fields (as a type `__MetaFields`, which no schema
/// shows), of the built-in scalars and of the specified directives.
std::string_view introspection_sdl() noexcept;

/// `kind` of a reference in the sense of __TypeKind: "NON_NULL", "LIST" or that of the named type.
std::string_view introspection_kind(const TypeRef& type) noexcept;
/// `ofType`: `type` without its outermost wrapper; not to be called for a bare named type.
TypeRef introspection_of_type(const TypeRef& type);

}  // namespace errand::graphql::type
