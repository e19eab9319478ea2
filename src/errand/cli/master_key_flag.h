#pragma once

#include <optional>
#include <string>

#include "errand/base/result.h"
#include "errand/crypto/master_key.h"

namespace errand::cli {

/// The master key that `flag` names, or, where it is empty, master.key beside `database`; nullopt
/// if that is not there.
Result<std::optional<crypto::MasterKey>> find_master_key(const std::string& database,
                                                         const std::string& flag);

}  // namespace errand::cli
