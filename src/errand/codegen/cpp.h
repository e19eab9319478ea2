#pragma once

#include <string>

#include "errand/base/result.h"
#include "errand/codegen/model.h"
#include "errand/codegen/options.h"

namespace errand::codegen {

/// One C++20 header on Boost.JSON: structs with tag_invoke() conversions, registration with
/// errand-worker, and for clients documents, requests and the reading of answers; sending them is
/// the program's. A scalar's TYPE is a C++ type that Boost.JSON converts, or "HEADER#TYPE".
Result<std::string> cpp(const Model& model, const Options& options);

}  // namespace errand::codegen
