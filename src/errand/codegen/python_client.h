#pragma once

#include <string_view>

namespace errand::codegen {

/// The part of a Python client that is the same for every schema, on the standard library alone.
/// @JOB@, @CANCEL@, @EVENTS@ and @STATUS@ stand for names of the served schema.
std::string_view python_client_text() noexcept;

}  // namespace errand::codegen
