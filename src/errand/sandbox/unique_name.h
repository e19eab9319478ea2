#pragma once

#include <string>
#include <string_view>

namespace errand::sandbox {

/// `prefix` and 32 random hex digits, for a folder that nobody else can have guessed.
std::string unique_name(std::string_view prefix);

}  // namespace errand::sandbox
