#include "errand/base/clock.h"

namespace errand {

Now SystemClock::now() const {
  return {
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()),
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::steady_clock::now()),
  };
}

}  // namespace errand
