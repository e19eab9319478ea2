#include "errand/sandbox/scratch.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errand/sandbox/init/remove_tree.h"
#include "errand/sandbox/unique_name.h"

namespace errand::sandbox {
std::string unique_name(std::string_view prefix) {
  unsigned char bytes[16];
  // Never short nor interrupted for so few bytes.
  (void)!::getrandom(bytes, sizeof(bytes), 0);
  std::string name(prefix);
  for (const unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

Result<Scratch> Scratch::create(const std::string& parent, std::optional<User> owner) {
  const std::string path = parent + "/" + unique_name("errand-command-");
  const auto cannot = [&path] {
    return fail(ErrorCode::kUnavailable,
                fmt::format("A folder for the command, {}, cannot be made: {}.", path,
                            std::strerror(errno)));
  };
  if (::mkdir(path.c_str(), 0700) != 0) return cannot();
  Scratch scratch(path);
  if (owner && ::chown(path.c_str(), owner->uid, owner->gid) != 0) return cannot();
  return scratch;
}

Scratch::Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, "")) {}

Scratch::~Scratch() {
  if (!path_.empty()) remove_tree(path_.c_str());
}

}  // namespace errand::sandbox
