#include "errand/store/conformance/invariants.h"

#include "errand/store/audit.h"

namespace errand::store::conformance {

std::string find_fault(const Reader& reader) {
  const auto report = audit(reader, {.faults_max = 1});
  if (!report) return report.error().message;
  return report->faults.empty() ? std::string() : report->faults.front();
}

}  // namespace errand::store::conformance
