#pragma once

#include <cstddef>
#include <functional>

namespace errand::cli {

/// Runs `work` on a thread with a stack of `bytes`, which are taken only as they are used, and
/// waits for its end. Exceptions of `work` come out here.
void run_on_large_stack(std::size_t bytes, const std::function<void()>& work);

}  // namespace errand::cli
