#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace errand::store::sqlite {

/// SQLite's file system with a disk that can fail, for tests. Registered under name() while it
/// lives. Not thread-safe: one thread writes in the tests that use it.
class FaultyVfs {
 public:
  enum class Operation { kWrite, kSync };
  /// Called before each write and sync with the file's name; the SQLite code that it returns is the
  /// operation's result. SQLITE_OK lets it through.
  using Fault = std::function<int(Operation operation, std::string_view file)>;

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  [[nodiscard]] static std::string name() { return "errand-faulty"; }

  /// Empty: nothing fails.
  void set_fault(Fault fault);
};

}  // namespace errand::store::sqlite
