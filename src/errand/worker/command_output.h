#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "errand/worker/attempt.h"

namespace errand::worker {

/// Reads what a command writes to standard output, a line at a time: each one JSON object with one
/// member, "progress", "result", "error", "release" or "snoozeMs", of which all but the first are
/// its last word. Empty lines are passed over. Not thread-safe.
class CommandOutput {
 public:
  /// @param progress  called for each report of progress, with what earlier ones said besides
  CommandOutput(std::size_t line_bytes_max, std::function<void(Progress)> progress)
      : line_bytes_max_(line_bytes_max), progress_(std::move(progress)) {}

  /// @return false once a line is wrong, as fault() then says
  bool take(std::string_view line);

  /// Its last word, if there was one.
  [[nodiscard]] const std::optional<Outcome>& outcome() const noexcept { return outcome_; }
  /// Which line was wrong, and why: "line 3: ...". "" when none was.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  std::string read(std::string_view line);

  const std::size_t line_bytes_max_;
  const std::function<void(Progress)> progress_;
  std::size_t line_number_ = 0;
  Progress said_;
  std::optional<Outcome> outcome_;
  std::string fault_;
};

}  // namespace errand::worker
