#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/contract/contract.h"
#include "errand/contract/job_type.h"
#include "errand/crypto/digest.h"
#include "errand/engine/limit.h"

namespace errand::api {

/// Every limit that the engine is to know: what the contract declares, and without a value what an
/// operator may set: for each queue its length, concurrency and rate, for each type concurrency and
/// rate, both also by tenant, and for types with a key by that.
std::vector<engine::Limit> limits_of(const contract::Contract& contract);

/// What the limits of `type` by input count a job with these coerced arguments by: a digest under
/// `key` of the values, in 32 hexadecimal digits. A missing value is null, a value like any other.
/// Empty for a type without such limits.
std::string limit_key(const crypto::HmacKey& key, const contract::JobType& type,
                      const boost::json::object& arguments);

}  // namespace errand::api
