#pragma once

#include <cstdint>

#include "errand/base/error.h"
#include "errand/job/command.h"
#include "errand/job/status.h"

namespace errand::job {

/// One cell of the table of DESIGN.md, section 5: what a command can do to a job of one status.
struct Transition {
  enum class Kind : std::uint8_t {
    kMove,         ///< leads to one of `next`
    kAcknowledge,  ///< is answered, changes nothing
    kRefuse,       ///< is answered with `refusal`, changes nothing
  };

  Kind kind = Kind::kRefuse;
  std::uint16_t next = 0;  ///< set of statuses, bit n for JobStatus n
  ErrorCode refusal = ErrorCode::kInvalidTransition;

  [[nodiscard]] constexpr bool allows(JobStatus status) const noexcept {
    return kind == Kind::kMove && ((next >> static_cast<unsigned>(status)) & 1U) != 0;
  }
};

/// The cell for `command` on a job of status `from`. Enqueue has none: it makes the job; on a job
/// that is there it is refused.
const Transition& transition(JobStatus from, CommandKind command) noexcept;

}  // namespace errand::job
