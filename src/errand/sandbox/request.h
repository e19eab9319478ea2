#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace errand::sandbox {

/// How much a command is kept from. docs/operating/sandbox.md says what each profile promises.
enum class Profile : std::uint8_t {
  kNone,        ///< limits, and an end of the whole tree; nothing against a hostile command
  kRestricted,  ///< also Landlock and a filter of system calls
  kIsolated,    ///< also namespaces of its own, made by bubblewrap
};

/// "none", "restricted" or "isolated".
std::string_view to_string(Profile profile) noexcept;
/// Reads what to_string() writes; nullopt for anything else.
std::optional<Profile> parse_profile(std::string_view text) noexcept;

/// What one run of a command may use. Each limit that is set is enforced, or the command is not
/// started. A limit of the kernel that the server itself has below is the lower one.
struct Limits {
  /// Until SIGTERM; > 0.
  std::chrono::milliseconds wall{3'600'000};
  /// From SIGTERM at `wall` to SIGKILL.
  std::chrono::milliseconds grace{10'000};
  /// CPU time of each process; > 0. Not set: `wall` and 10 s.
  std::optional<std::chrono::seconds> cpu = std::nullopt;
  /// Address space of each process, which programs that reserve much of it (node, JVMs) need far
  /// above what they use. Not set: not limited.
  std::optional<std::uint64_t> memory_bytes = std::uint64_t{1} << 30;
  /// Memory of the whole tree, with what it has in temporary files in memory. Needs a control
  /// group.
  std::optional<std::uint64_t> memory_total_bytes = std::nullopt;
  /// Processes and threads at once; > 0.
  std::uint32_t processes = 64;
  /// Open files of each process; >= 8.
  std::uint32_t open_files = 256;
  /// Size of each file that it writes.
  std::uint64_t file_bytes = std::uint64_t{1} << 30;
  /// All files that it writes together. Only isolated; not set, it is kDiskDefault there.
  std::optional<std::uint64_t> disk_bytes = std::nullopt;
  /// What it writes to standard output, and to standard error; > 0.
  std::uint64_t output_bytes = std::uint64_t{10} << 20;
  /// One line of standard output; > 0.
  std::size_t line_bytes = std::size_t{10} << 20;
  /// The last bytes of standard error that are kept.
  std::size_t log_bytes = std::size_t{64} << 10;
};

inline constexpr std::uint64_t kDiskDefault = std::uint64_t{256} << 20;

/// One command to run.
struct Request {
  Profile profile = Profile::kIsolated;
  /// The program, an absolute path or a name to be found in PATH, and its arguments.
  std::vector<std::string> argv;
  /// What it reads on standard input.
  std::string input;
  /// All variables that it sees beside PATH, HOME, TMPDIR and LANG, which it may replace.
  std::map<std::string, std::string> environment;
  /// Whether it may use the network. Profile none cannot forbid it.
  bool network = false;
  /// Files and folders, absolute, beside the system's programs and libraries. Profile none has all
  /// that its user has.
  std::vector<std::string> read_paths;
  std::vector<std::string> write_paths;
  Limits limits;
};

}  // namespace errand::sandbox
