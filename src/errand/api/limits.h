#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/contract/contract.h"
#include "errand/contract/job_type.h"
#include "errand/engine/limit.h"

namespace errand::api {

/// Every limit that the engine is to know: what the contract declares, and without a value what an
/// operator may set: for each queue its length, concurrency and rate, for each type concurrency and
/// rate, both also by tenant, and for types with a key by that.
std::vector<engine::Limit> limits_of(const contract::Contract& contract);

/// What the limits of `type` by input count a job with these coerced arguments by: the values as
/// JSON texts, joined by commas. A missing value is null, a key like any other. Empty for a type
/// without such limits; a long one is replaced by its digest.
std::string limit_key(const contract::JobType& type, const boost::json::object& arguments);

}  // namespace errand::api
