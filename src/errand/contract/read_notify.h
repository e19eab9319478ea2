#pragma once

#include <string>

#include "errand/contract/directive_reader.h"
#include "errand/contract/notify_rule.h"
#include "errand/graphql/type/definitions.h"

namespace errand::contract {

/// What is wrong with `target` for jobs of `field`; empty if nothing is.
std::string target_fault(const NotifyTarget& target, const graphql::type::FieldDefinition& field);

/// Reads @notify of `field`. What is wrong goes to the reader.
NotifyRule read_notify(const DirectiveReader& reader, const graphql::type::FieldDefinition& field);

}  // namespace errand::contract
