#include "errand/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace errand::base {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "errand: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace errand::base
