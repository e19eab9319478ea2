#include "benchmarks/process_memory.h"

#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>

namespace errand::benchmarks {

Result<ProcessMemory> memory_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  ProcessMemory memory;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    double kib = 0;
    if (!(words >> name >> kib)) continue;
    const double mib = kib / 1'024;
    if (name == "VmRSS:") memory.resident = mib;
    if (name == "VmHWM:") memory.peak = mib;
    if (name == "RssAnon:") memory.anonymous = mib;
    if (name == "RssFile:" || name == "RssShmem:") memory.mapped += mib;
  }
  if (memory.resident == 0) return fail(ErrorCode::kUnavailable, "the server is not running");
  return memory;
}

}  // namespace errand::benchmarks
