#include "errand/base/crash_point.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

namespace errand {
namespace {

constexpr const char* kVariable = "ERRAND_CRASH_POINT";

std::string_view armed_label;
std::atomic<std::uint64_t> passes_left = 0;

void say(std::string_view text) noexcept { (void)::write(STDERR_FILENO, text.data(), text.size()); }

}  // namespace

namespace internal {

int armed_crash_point = -1;

void pass_armed_crash_point() noexcept {
  if (passes_left.fetch_sub(1) != 1) return;
  // Tells this death from one by another hand.
  say("crash point ");
  say(armed_label);
  say("\n");
  (void)::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

}  // namespace internal

Result<void> arm_crash_point(std::map<std::string, std::string>& environment) {
  const auto variable = environment.extract(kVariable);
  if (variable.empty()) return {};
  const std::string_view text = variable.mapped();
  const std::size_t colon = text.find(':');
  const std::string_view label = text.substr(0, colon);
  const std::string_view number = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto* const found = std::ranges::find(kCrashPointLabels, label);
  std::uint64_t passes = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), passes);
  const bool is_number = error == std::errc() && end == number.data() + number.size();
  if (found == kCrashPointLabels.end() || !is_number || passes == 0) {
    return fail(ErrorCode::kConfigInvalid,
                fmt::format("{}={}: write LABEL:N, N from 1; the labels are {}", kVariable, text,
                            fmt::join(kCrashPointLabels, " ")));
  }
  armed_label = *found;
  passes_left = passes;
  internal::armed_crash_point = static_cast<int>(std::distance(kCrashPointLabels.begin(), found));
  return {};
}

}  // namespace errand
