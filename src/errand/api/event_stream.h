#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "errand/api/backend.h"
#include "errand/api/job_watch.h"
#include "errand/graphql/execution/source_stream.h"
#include "errand/store/reader.h"

namespace errand::api {

/// One event as the schema shows it: source of JobEvent and of the types that implement it.
struct EventView {
  TenantId tenant;
  job::Event event;
};

/// Which events a log subscription wants.
struct EventFilter {
  std::optional<JobId> job;        ///< of this job alone
  std::vector<std::string> types;  ///< public names, with or without "dev.errand.job."; empty: all
  std::optional<store::JobFilter> jobs;  ///< of jobs that pass this now

  /// Whether the event's type is wanted.
  [[nodiscard]] bool matches(const job::Event& event) const;
};

/// kCursorExpired with the log's end as `extensions.errand.cursor`, to go on from after the present
/// state has been read.
graphql::execution::FieldError cursor_expired(const Backend& backend, const TenantId& tenant,
                                              LogPosition last);

/// Source stream of `jobEvents`: every event of a tenant's log but those of internal jobs, or of
/// one job, after a position, in order, each exactly once. Reads the store page by page at its
/// reader's pace, so that nothing is lost and nothing piles up. That of one job ends once the job
/// has ended and its last event is out. Where events that it has not read yet are deleted with
/// their job, it ends with kCursorExpired instead of leaving them out.
class EventStream final : public graphql::execution::SourceStream {
 public:
  /// Events read at once.
  static constexpr std::size_t kPage = 100;

  EventStream(BackendPtr backend, std::unique_ptr<JobWatch> watch, TenantId tenant,
              EventFilter filter, LogPosition after);

  boost::asio::awaitable<
      graphql::execution::FieldResult<std::optional<graphql::execution::SourceEvent>>>
  next() override;
  void close() override;

 private:
  /// Reads the next page. @return whether it was full, so that there may be more.
  boost::asio::awaitable<Result<bool>> load_page();
  boost::asio::awaitable<Result<bool>> load_log_page();
  boost::asio::awaitable<Result<bool>> load_job_page(JobId id);

  BackendPtr backend_;
  std::unique_ptr<JobWatch> watch_;
  TenantId tenant_;
  EventFilter filter_;
  LogPosition after_;          ///< position of the last event that was read
  Sequence after_sequence_{};  ///< the same within the job, for a stream of one job
  std::deque<job::Event> ready_;
  bool job_over_ = false;  ///< the job had ended with the last event that was read
  bool ended_ = false;
};

}  // namespace errand::api
