#pragma once

namespace errand::cli {

/// Exit statuses of the program; `errand --help` lists them.
enum ExitStatus : int {
  kOk = 0,
  kRefused = 1,      ///< the server or the request failed
  kUsage = 2,        ///< wrong flags, configuration or schema
  kJobFailed = 3,    ///< the followed job ended FAILED
  kJobCanceled = 4,  ///< the followed job ended CANCELED or EXPIRED
  kUnreachable = 5,  ///< no server answered
};

}  // namespace errand::cli
