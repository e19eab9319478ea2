#pragma once

#include <string>
#include <string_view>

#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// What a mutation takes and gives, in a form that outlives its schema: the arguments, the result
/// type and every type that they lead to. Canonical JSON (RFC 8785), so that equal contracts give
/// equal texts; the order of declaration, descriptions, directives and built-in scalars do not
/// count:
///
///     {"arguments": {"input": {"type": "In!"}}, "result": "Report!", "type": "exportReport",
///      "types": {"In": {"kind": "INPUT_OBJECT", "fields": {"n": {"type": "Int", "default": 1}}},
///                "Report": {"kind": "OBJECT", "fields": {"rows": "Int!"}}, ...}}
///
/// @param result  what the job gives: the field's type, or less (see UpstreamOperation)
std::string contract_snapshot(const graphql::type::Schema& schema,
                              const graphql::type::FieldDefinition& field,
                              const graphql::type::TypeRef& result);

/// FNV-1a with 128 bits, in 32 hexadecimal digits. Tells contracts apart by accident, not by
/// attack: the schema's author is trusted.
std::string contract_hash(std::string_view snapshot);

}  // namespace errand::contract
