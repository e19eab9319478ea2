#include "benchmarks/disk.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace errand::benchmarks {

Result<double> syncs_per_second(const std::filesystem::path& folder,
                                std::chrono::milliseconds how_long) {
  const auto path = folder / "disk";
  const auto failed = [](const char* what) {
    return fail(ErrorCode::kUnavailable,
                std::string(what) + ": " + std::generic_category().message(errno));
  };
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return failed("open");
  const std::array<char, 4096> block{};
  std::uint64_t count = 0;
  const auto begin = std::chrono::steady_clock::now();
  auto now = begin;
  for (; now < begin + how_long; now = std::chrono::steady_clock::now(), ++count) {
    if (::write(file, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        ::fdatasync(file) != 0) {
      const auto error = failed("write and fdatasync");
      ::close(file);
      return error;
    }
  }
  ::close(file);
  std::filesystem::remove(path);
  return static_cast<double>(count) / std::chrono::duration<double>(now - begin).count();
}

}  // namespace errand::benchmarks
