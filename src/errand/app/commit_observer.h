#pragma once

#include <vector>

#include "errand/store/batch.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"

namespace errand::app {

/// Writes each committed event to the log (level debug, with job id, correlation id and trace id),
/// and counts jobs and attempts. Called on the lane's thread, after the commit.
class CommitObserver {
 public:
  /// `metrics` must outlive it.
  CommitObserver(telemetry::Log log, telemetry::Metrics& metrics)
      : log_(std::move(log)), metrics_(metrics) {}

  void operator()(const std::vector<store::JobWrite>& writes) const;

 private:
  void log(const job::JobState& state, const job::Event& event) const;
  void count(const job::JobState& state, const job::Event& event) const;

  telemetry::Log log_;
  telemetry::Metrics& metrics_;
};

}  // namespace errand::app
