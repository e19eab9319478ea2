#include "errand/worker/callback_token.h"

namespace errand::worker {
namespace {

constexpr std::string_view kCallbackPrefix = "ecb_";

}  // namespace

std::string callback_token(const HeldJob& held) {
  return std::string(kCallbackPrefix) + held.job.str() + "." + held.token;
}

std::optional<HeldJob> parse_callback_token(std::string_view token) {
  if (!token.starts_with(kCallbackPrefix)) return std::nullopt;
  token.remove_prefix(kCallbackPrefix.size());
  const std::size_t dot = token.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto job = JobId::parse(token.substr(0, dot));
  if (!job) return std::nullopt;
  return HeldJob{.job = *job, .token = std::string(token.substr(dot + 1))};
}

}  // namespace errand::worker
