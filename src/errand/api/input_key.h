#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/crypto/digest.h"

namespace errand::api {

/// Stands for the values at `paths` of coerced arguments, in limits and in what jobs are unique by:
/// a digest under `key`, in 32 hexadecimal digits, as events hold no part of an input. A missing
/// value is null, a value like any other. Empty for no paths.
std::string input_key(const crypto::HmacKey& key, const std::vector<std::string>& paths,
                      const boost::json::object& arguments);

}  // namespace errand::api
