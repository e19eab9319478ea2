#pragma once

#include <boost/json/value.hpp>

#include "errand/base/result.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

/// Checks `result` against `type` of `schema` and gives it as it is to be stored; see
/// Contract::check_result().
Result<boost::json::value> check_result_value(const graphql::type::Schema& schema,
                                              const graphql::type::TypeRef& type,
                                              const boost::json::value& result);

}  // namespace errand::contract
