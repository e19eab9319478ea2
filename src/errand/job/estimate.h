#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "errand/base/clock.h"
#include "errand/job/state.h"
#include "errand/job/type_history.h"

namespace errand::job {

/// What an estimate rests on.
enum class EstimateBasis : std::uint8_t { kProgress, kHistory };
std::string_view to_string(EstimateBasis basis) noexcept;  ///< "PROGRESS", "HISTORY"

/// When a job may be done.
struct Estimate {
  Timestamp completion;               ///< half end before, half after
  std::optional<Timestamp> earliest;  ///< nine in ten end later
  std::optional<Timestamp> latest;    ///< nine in ten end earlier; given with `earliest`
  EstimateBasis basis = EstimateBasis::kHistory;

  friend bool operator==(const Estimate&, const Estimate&) = default;
};

/// When the job will probably be done, if its attempt succeeds. In this order:
///
/// - by what was left of earlier attempts of its type that had come as far (PROGRESS);
/// - by how long those took that took longer than this one has so far (HISTORY);
/// - by its own pace in a straight line (PROGRESS), without bounds, which only history can give,
///   once a fiftieth is done.
///
/// @param history  of the job's type; may be null
/// @return nullopt unless the job is RUNNING, and where nothing can be said. Never in the past.
std::optional<Estimate> estimate(const JobState& state, const TypeHistory* history, Timestamp now);

/// Share of the work that is done, in [0, 1]; nullopt without a known total.
std::optional<double> fraction(const Progress& progress);

}  // namespace errand::job
