#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "errand/api/backend.h"
#include "errand/api/job_watch.h"
#include "errand/graphql/execution/source_stream.h"
#include "errand/store/reader.h"

namespace errand::api {

/// Source stream of `job(id)`: the present state first, then each later one. States that the reader
/// is too slow for are left out; the last one never is. Ends after a terminal state.
class JobStateStream final : public graphql::execution::SourceStream {
 public:
  /// `state` was read after `watch` subscribed to its job.
  JobStateStream(BackendPtr backend, std::unique_ptr<JobWatch> watch, job::StatePtr state);

  boost::asio::awaitable<
      graphql::execution::FieldResult<std::optional<graphql::execution::SourceEvent>>>
  next() override;
  void close() override;

 private:
  BackendPtr backend_;
  std::unique_ptr<JobWatch> watch_;
  job::StatePtr next_;  ///< to be emitted
  Sequence emitted_{};  ///< last_sequence of what was emitted last
  bool ended_ = false;
};

/// Source stream of `jobs(filter)`: first the present state of the newest jobs that pass the
/// filter, oldest of them first, then each job that changes and passes it, or that was shown
/// before. States of one job coalesce. Never ends by itself.
class JobsStateStream final : public graphql::execution::SourceStream {
 public:
  /// Most jobs that are shown at the start, and again after an overflow.
  static constexpr std::size_t kPresentJobsMax = 200;
  /// Most jobs remembered as shown; beyond, one that leaves the filter is no longer reported.
  static constexpr std::size_t kShownJobsMax = 10'000;

  JobsStateStream(BackendPtr backend, std::unique_ptr<JobWatch> watch, store::JobFilter filter);

  boost::asio::awaitable<
      graphql::execution::FieldResult<std::optional<graphql::execution::SourceEvent>>>
  next() override;
  void close() override;

 private:
  boost::asio::awaitable<Result<void>> load_present();
  void offer(job::StatePtr state);

  BackendPtr backend_;
  std::unique_ptr<JobWatch> watch_;
  store::JobFilter filter_;
  std::vector<job::StatePtr> ready_;  ///< to be emitted, last one first
  std::unordered_map<JobId, Sequence> shown_;
  bool present_loaded_ = false;
  bool ended_ = false;
};

}  // namespace errand::api
