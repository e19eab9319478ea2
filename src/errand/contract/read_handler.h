#pragma once

#include <string_view>

#include "errand/contract/directive_reader.h"
#include "errand/contract/handler_rule.h"

namespace errand::contract {

/// Reads `handler` of the @job directive of the mutation `field`. What is wrong goes to the reader.
/// What follows from the schema stays empty in a GraphqlHandlerRule.
HandlerRule read_handler(const DirectiveReader& reader, std::string_view field);

}  // namespace errand::contract
