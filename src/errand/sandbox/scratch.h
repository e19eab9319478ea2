#pragma once

#include <optional>
#include <string>

#include "errand/base/result.h"
#include "errand/sandbox/machine.h"

namespace errand::sandbox {

/// A private folder of one command. The init program removes it, as that outlives a server that is
/// killed; what is left without one, this object does. Not thread-safe.
class Scratch {
 public:
  /// @param owner  of the folder; nullopt: the server's user
  /// @return kUnavailable when it cannot be made in `parent`.
  static Result<Scratch> create(const std::string& parent, std::optional<User> owner);

  Scratch(Scratch&& other) noexcept;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace errand::sandbox
