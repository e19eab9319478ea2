#pragma once

#include <string>

#include "errand/store/reader.h"

namespace errand::store::conformance {

/// The first fault that audit() finds; empty if there is none.
std::string find_fault(const Reader& reader);

}  // namespace errand::store::conformance
