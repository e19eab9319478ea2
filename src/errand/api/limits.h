#pragma once

#include <vector>

#include "errand/contract/contract.h"
#include "errand/contract/job_type.h"
#include "errand/engine/limit.h"

namespace errand::api {

/// Every limit that the engine is to know: what the contract declares, and without a value what an
/// operator may set: for each queue its length, concurrency and rate, for each type concurrency and
/// rate, both also by tenant, and for types with a key by that.
std::vector<engine::Limit> limits_of(const contract::Contract& contract);

}  // namespace errand::api
