#pragma once

#include <span>

namespace errand::sandbox {

/// The init program (init/main.cpp) as a file, part of this library.
std::span<const char> init_program();

}  // namespace errand::sandbox
