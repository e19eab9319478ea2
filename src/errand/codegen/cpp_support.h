#pragma once

#include <string_view>

namespace errand::codegen {

/// Parts of a generated header that are the same for every schema. They stand in its namespace:
/// reading and writing of JSON in `internal`, ...
std::string_view cpp_conversion_text() noexcept;
/// ... and what clients learn of a job.
std::string_view cpp_client_text() noexcept;

}  // namespace errand::codegen
