#pragma once

#include <cstdint>
#include <string>

#include "errand/base/result.h"
#include "errand/sandbox/file_descriptor.h"

namespace errand::sandbox {

/// A control group (version 2) for one command, that limits the memory of its whole tree. Removed
/// with the object, and whatever is still in it is killed. Not thread-safe.
class Cgroup {
 public:
  /// Why groups cannot be made below `root`; "" when they can.
  static std::string fault(const std::string& root);

  /// Makes a group of its own below `root`.
  /// @param processes  at once
  /// @return kUnavailable when the kernel refuses.
  static Result<Cgroup> create(const std::string& root, std::uint64_t memory_bytes,
                               std::uint32_t processes);

  Cgroup(Cgroup&& other) noexcept;
  Cgroup& operator=(Cgroup&&) = delete;
  ~Cgroup();

  /// Where a process writes "0" to join.
  [[nodiscard]] Result<FileDescriptor> open_processes() const;
  /// Whether the kernel killed for want of memory.
  [[nodiscard]] bool ran_out_of_memory() const;
  void kill() const;

 private:
  explicit Cgroup(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace errand::sandbox
