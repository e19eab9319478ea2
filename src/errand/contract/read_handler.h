#pragma once

#include "errand/contract/directive_reader.h"
#include "errand/contract/handler_rule.h"

namespace errand::contract {

/// Reads `handler` of a @job directive. What is wrong goes to the reader.
HandlerRule read_handler(const DirectiveReader& reader);

}  // namespace errand::contract
