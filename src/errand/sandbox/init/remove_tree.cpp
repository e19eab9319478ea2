#include "errand/sandbox/init/remove_tree.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace errand::sandbox {
namespace {

/// Closed at the end of its scope.
class Directory {
 public:
  Directory(int parent, const char* name) {
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    stream_ = ::fdopendir(fd);
    if (stream_ == nullptr) ::close(fd);
  }
  ~Directory() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  explicit operator bool() const { return stream_ != nullptr; }
  [[nodiscard]] int fd() const { return ::dirfd(stream_); }

  /// The next entry that is neither "." nor ".."; nullptr at the end.
  const char* next() {
    while (const dirent* entry = ::readdir(stream_)) {
      if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) {
        return entry->d_name;
      }
    }
    return nullptr;
  }

 private:
  DIR* stream_ = nullptr;
};

bool is_directory(int parent, const char* name) {
  struct stat what = {};
  return ::fstatat(parent, name, &what, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(what.st_mode);
}

/// Lets its owner empty the folder. Through a handle: the name may be a link by now.
void make_writable(int parent, const char* name) {
  const int folder = ::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return;
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
  ::chmod(path, 0700);
  ::close(folder);
}

/// Moves a folder into `top` under a name that is free there.
bool move_up(int parent, const char* name, int top) {
  static unsigned long long number = 0;
  for (int tries = 0; tries < 1'000; ++tries) {
    char to[32];
    std::snprintf(to, sizeof(to), "moved-%llu", __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED));
    if (::renameat(parent, name, top, to) == 0) return true;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) return false;
  }
  return false;
}

/// Unlinks the files of `name` in `top`, and moves its folders up into `top`, where their turn
/// comes: that way nothing has to be remembered, however deep the tree.
bool flatten(int top, const char* name) {
  make_writable(top, name);
  Directory directory(top, name);
  if (!directory) return false;
  while (const char* entry = directory.next()) {
    if (is_directory(directory.fd(), entry)) {
      // A folder can be moved only by whom may write it, since its ".." changes.
      make_writable(directory.fd(), entry);
      if (!move_up(directory.fd(), entry, top)) return false;
    } else if (::unlinkat(directory.fd(), entry, 0) != 0) {
      return false;
    }
  }
  return ::unlinkat(top, name, AT_REMOVEDIR) == 0 || errno == ENOTEMPTY;
}

}  // namespace

bool remove_tree(const char* path) {
  make_writable(AT_FDCWD, path);
  while (::rmdir(path) != 0) {
    if (errno == ENOENT) return true;
    if (errno != ENOTEMPTY && errno != EEXIST) return false;
    Directory top(AT_FDCWD, path);
    if (!top) return false;
    while (const char* entry = top.next()) {
      const bool gone = is_directory(top.fd(), entry) ? flatten(top.fd(), entry)
                                                      : ::unlinkat(top.fd(), entry, 0) == 0;
      if (!gone && errno != ENOENT) return false;
    }
  }
  return true;
}

}  // namespace errand::sandbox
