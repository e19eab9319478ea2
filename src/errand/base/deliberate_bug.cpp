#include "errand/base/deliberate_bug.h"

namespace errand {

DeliberateBug deliberate_bug = DeliberateBug::kNone;

}  // namespace errand
