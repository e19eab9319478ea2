#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::api {

/// The argument `options: JobOptions` of a job's mutation, read and checked.
struct JobOptions {
  std::optional<std::string> idempotency_key;
  std::optional<Timestamp> run_at;
  std::optional<Milliseconds> delay;
  std::optional<int> priority;
  std::optional<Timestamp> deadline;
  std::optional<Milliseconds> queue_timeout;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::optional<std::string> correlation_id;
  Milliseconds wait_for{0};
  bool validate_only = false;
  struct Callback {
    std::string url;
    std::vector<std::string> types;  ///< empty: the job's end
  };
  std::optional<Callback> callback;  ///< not checked yet
};

/// Most tags, and labels, of a job, and most bytes of one of them.
inline constexpr std::size_t kTagsMax = 32;
inline constexpr std::size_t kLabelsMax = 32;
inline constexpr std::size_t kTagBytesMax = 128;
inline constexpr std::size_t kCorrelationIdBytesMax = 255;

/// Reads the coerced argument; nullptr or JSON null gives the defaults.
/// @return kBadUserInput naming the option and what is allowed (runAt beside delay, a priority out
///         of range, a negative wait, too many tags); kIdempotencyKeyInvalid.
Result<JobOptions> read_job_options(const boost::json::value* options);

/// Checks a correlation id, wherever it came from: 1 to 255 printable ASCII characters.
/// @return kBadUserInput.
Result<std::string> check_correlation_id(std::string_view id);

}  // namespace errand::api
