#pragma once

#include <string>

#include "errand/base/result.h"
#include "errand/sandbox/request.h"

namespace errand::sandbox {

/// What a filter of system calls depends on.
struct FilterOptions {
  Profile profile = Profile::kRestricted;  ///< kRestricted or kIsolated
  bool network = false;
  int landlock_abi = 0;         ///< what Landlock leaves open is closed here instead
  bool memory_counted = false;  ///< by a control group, so that files in memory do no harm
};

/// Makes the filter: a list of what is refused, with EPERM, and of what is said not to exist
/// (ENOSYS), where libraries then do the same in a way that can be seen through.
/// @return a program for SECCOMP_MODE_FILTER, its instructions of 8 bytes one after another;
///         kInternal when libseccomp refuses.
Result<std::string> seccomp_filter(const FilterOptions& options);

}  // namespace errand::sandbox
