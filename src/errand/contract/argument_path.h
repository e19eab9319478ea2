#pragma once

#include <string>
#include <string_view>

#include "errand/graphql/type/definitions.h"

namespace errand::contract {

/// Where `path` ("input.card.number") leads from the arguments of `field`; nullptr: nowhere.
/// A path may end at a list, but does not lead into one.
const graphql::type::InputValueDefinition* follow_path(const graphql::type::FieldDefinition& field,
                                                       std::string_view path);

/// What an error adds where `path` would lead into a list; else empty.
std::string list_hint(const graphql::type::FieldDefinition& field, std::string_view path);

/// A path of `field`'s arguments, for examples.
std::string sample_path(const graphql::type::FieldDefinition& field);

}  // namespace errand::contract
