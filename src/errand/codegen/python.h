#pragma once

#include <string>

#include "errand/base/result.h"
#include "errand/codegen/model.h"
#include "errand/codegen/options.h"

namespace errand::codegen {

/// One Python module: dataclasses and enums, `Handlers` on errand_worker, `Client` on the standard
/// library. A scalar's TYPE is str, int, float, bool, Any, or a class with its module
/// ("decimal.Decimal") that the worker SDK converts.
Result<std::string> python(const Model& model, const Options& options);

}  // namespace errand::codegen
