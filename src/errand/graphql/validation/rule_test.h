#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace errand::graphql::validation {

/// Validates `document` by all rules against the schema of the specification's section 5 (kSchema
/// in rule_test.cpp). Each error as "line:column line:column message".
std::vector<std::string> errors_of(std::string_view document);

}  // namespace errand::graphql::validation
