#pragma once

#include <cstdint>

/// What the library tells the init program (init/main.cpp) and hears from it. Both are built from
/// this header, and the library carries the program inside itself, so that the two never differ.
namespace errand::sandbox::plan {

/// File descriptors that the init program is started with, beside 0, 1 and 2 of the command.
inline constexpr int kControlFd = 3;  ///< SOCK_SEQPACKET: orders in, one Report out
inline constexpr int kPlanFd = 4;     ///< a Header and what follows it
inline constexpr int kProgramFd = 5;  ///< the init program itself, for bubblewrap to show inside
inline constexpr int kCgroupFd = 6;   ///< cgroup.procs to join, with kJoinCgroup

/// Orders, one byte each. The other end closed means the same as kKill.
inline constexpr char kTerminate = 'T';  ///< SIGTERM to the command's process group
inline constexpr char kKill = 'K';       ///< SIGKILL to every process of the tree

enum Flags : std::uint32_t {
  kUseBubblewrap = 1,
  kUseLandlock = 2,
  kJoinCgroup = 4,
  kChangeUser = 8,
};

/// Soft and hard limit are the same but for CPU time, where SIGXCPU comes a second before SIGKILL.
struct ResourceLimits {
  std::uint64_t cpu_seconds = 0;
  std::uint64_t address_space_bytes = 0;  ///< 0: not limited
  std::uint64_t open_files = 0;
  std::uint64_t processes = 0;
  std::uint64_t file_bytes = 0;
};

/// The start of the plan. Behind it, without padding: `seccomp_instructions` of 8 bytes each, then
/// texts that end with NUL, in the order of the counts: the directory to start in, the arguments of
/// the command, its environment, the arguments of bubblewrap, files and folders to read, to write.
struct Header {
  std::uint32_t flags = 0;
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  std::uint32_t landlock_abi = 0;
  ResourceLimits limits;
  std::uint32_t seccomp_instructions = 0;
  std::uint32_t arguments = 0;
  std::uint32_t environment = 0;
  std::uint32_t bubblewrap_arguments = 0;
  std::uint32_t read_paths = 0;
  std::uint32_t write_paths = 0;
};
static_assert(sizeof(Header) % 8 == 0);

/// Where a start failed.
enum class Stage : std::int32_t {
  kNone,
  kPlan,
  kCgroup,
  kUser,
  kBubblewrap,
  kFork,
  kDirectory,
  kLimits,
  kLandlock,
  kSeccomp,
  kExec,
};

/// How it ended; sent once, when no process of the tree is left.
struct Report {
  Stage stage = Stage::kNone;        ///< kNone: the command was started
  std::int32_t error = 0;            ///< errno of `stage`
  std::int32_t status = 0;           ///< of the command, as waitpid() gives it
  std::uint64_t cpu_us = 0;          ///< user and system time of the tree
  std::uint64_t peak_rss_bytes = 0;  ///< of the largest process of the tree
};

}  // namespace errand::sandbox::plan
