#include "errand/sandbox/request.h"

#include <utility>

namespace errand::sandbox {

std::string_view to_string(Profile profile) noexcept {
  switch (profile) {
    case Profile::kNone:
      return "none";
    case Profile::kRestricted:
      return "restricted";
    case Profile::kIsolated:
      return "isolated";
  }
  std::unreachable();
}

std::optional<Profile> parse_profile(std::string_view text) noexcept {
  for (const Profile profile : {Profile::kNone, Profile::kRestricted, Profile::kIsolated}) {
    if (text == to_string(profile)) return profile;
  }
  return std::nullopt;
}

}  // namespace errand::sandbox
