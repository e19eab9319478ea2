#pragma once

#include <string>

#include "errand/base/result.h"
#include "errand/codegen/model.h"
#include "errand/codegen/options.h"

namespace errand::codegen {

/// One TypeScript module: types, `handle()` on @errand/worker, `Jobs` on @errand/client.
/// A scalar's TYPE is a type of TypeScript, or "MODULE#TYPE", which is imported.
Result<std::string> typescript(const Model& model, const Options& options);

}  // namespace errand::codegen
