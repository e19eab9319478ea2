#include "errand/store/sqlite/file_lock.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace errand::store::sqlite {

Result<FileLock> FileLock::acquire(const std::filesystem::path& database) {
  const std::string path = database.string() + ".lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    const int error = errno;
    const bool read_only = error == EACCES || error == EPERM || error == EROFS;
    return fail(read_only ? ErrorCode::kStoreReadOnly : ErrorCode::kUnavailable,
                fmt::format("Cannot open {}: {}. The server needs to write in the folder of its "
                            "database.",
                            path, std::strerror(error)));
  }
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> text{};
    const auto size = ::pread(fd, text.data(), text.size() - 1, 0);
    std::string owner(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!owner.empty() && owner.back() == '\n') owner.pop_back();
    return fail(ErrorCode::kStoreLocked,
                fmt::format("The database {} is in use by another errand server (process {}). Stop "
                            "that server, or give this one a database of its own.",
                            database.string(), owner.empty() ? "unknown" : owner));
  }
  // For people only: the lock itself is what counts, so a full disk does no harm here.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

}  // namespace errand::store::sqlite
