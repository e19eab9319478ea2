#pragma once

#include <filesystem>

#include "errand/base/result.h"

namespace errand::store::sqlite {

/// Keeps a second server off one database: an advisory lock (flock(2)) on the file
/// "<database>.lock", which holds the owner's process id. Given back when the object goes or the
/// process ends, however it ends; the file stays.
class FileLock {
 public:
  /// @return kStoreLocked naming the process that holds it; kStoreReadOnly if the file cannot be
  ///         written; kUnavailable otherwise.
  static Result<FileLock> acquire(const std::filesystem::path& database);

  FileLock() = default;
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace errand::store::sqlite
