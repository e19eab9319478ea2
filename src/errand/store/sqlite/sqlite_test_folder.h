#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "errand/base/assert.h"

namespace errand::store::sqlite {

/// A folder of its own for one test, removed at the end.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "errand-XXXXXX").string();
    ERRAND_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path file() const { return path_ / "errand.db"; }

 private:
  std::filesystem::path path_;
};

}  // namespace errand::store::sqlite
