#pragma once

#include <sys/types.h>

#include "errand/base/result.h"

namespace errand::benchmarks {

/// What a process holds in memory, in MiB, as Linux counts it in /proc/<pid>/status. The kernel's
/// page cache is in none of it; the pages that SQLite caches are in `anonymous`.
struct ProcessMemory {
  double resident = 0;   ///< VmRSS
  double peak = 0;       ///< VmHWM: the most that was resident since the process began
  double anonymous = 0;  ///< RssAnon: heap and stacks
  double mapped = 0;     ///< RssFile and RssShmem: the program, its libraries, SQLite's -shm file
};

Result<ProcessMemory> memory_of(pid_t pid);

}  // namespace errand::benchmarks
