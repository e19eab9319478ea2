#include "errand/job/command.h"

#include <array>

namespace errand::job {

std::string_view to_string(CommandKind kind) noexcept {
  static constexpr std::array<std::string_view, kCommandKindCount> kNames = {"enqueue",
                                                                             "due_now",
                                                                             "start",
                                                                             "complete",
                                                                             "fail_attempt",
                                                                             "time_out_attempt",
                                                                             "lose_lease",
                                                                             "release",
                                                                             "snooze",
                                                                             "suspend",
                                                                             "resume",
                                                                             "report_progress",
                                                                             "request_cancel",
                                                                             "grace_over",
                                                                             "kill",
                                                                             "expire_deadline",
                                                                             "expire_queue_timeout",
                                                                             "end_compensation",
                                                                             "retry_run",
                                                                             "discard",
                                                                             "requeue_dead_letter"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace errand::job
