#include "errand/api/job_state_stream.h"

#include <algorithm>
#include <utility>

namespace errand::api {

namespace asio = boost::asio;
namespace execution = graphql::execution;
using execution::FieldResult;
using execution::SourceEvent;

JobStateStream::JobStateStream(BackendPtr backend, std::unique_ptr<JobWatch> watch,
                               job::StatePtr state)
    : backend_(std::move(backend)), watch_(std::move(watch)), next_(std::move(state)) {}

asio::awaitable<FieldResult<std::optional<SourceEvent>>> JobStateStream::next() {
  while (!ended_) {
    if (next_ != nullptr) {
      const job::StatePtr state = std::exchange(next_, nullptr);
      emitted_ = state->last_sequence;
      ended_ = state->terminal();
      co_return SourceEvent{backend_->job_value(state), {}};
    }
    runtime::News news = watch_->take();
    for (job::StatePtr& state : news.snapshots) {
      // The first state was read after the subscription: older news may still wait.
      if (state->last_sequence > emitted_) next_ = std::move(state);
    }
    if (next_ != nullptr) continue;
    if (news.closed) break;
    co_await watch_->wait();
  }
  ended_ = true;
  co_return std::nullopt;
}

void JobStateStream::close() {
  ended_ = true;
  watch_->wake();
}

JobsStateStream::JobsStateStream(BackendPtr backend, std::unique_ptr<JobWatch> watch,
                                 store::JobFilter filter)
    : backend_(std::move(backend)), watch_(std::move(watch)), filter_(std::move(filter)) {}

asio::awaitable<FieldResult<std::optional<SourceEvent>>> JobsStateStream::next() {
  while (!ended_) {
    if (!ready_.empty()) {
      const job::StatePtr state = std::move(ready_.back());
      ready_.pop_back();
      execution::FieldValue value = backend_->job_value(state);
      if (value.is_null()) continue;  // of a type that the schema has no longer
      co_return SourceEvent{std::move(value), {}};
    }
    if (!present_loaded_) {
      const Result<void> loaded = co_await load_present();
      if (!loaded) {
        ended_ = true;
        co_return std::unexpected(execution::FieldError(loaded.error()));
      }
      present_loaded_ = true;
      continue;
    }
    runtime::News news = watch_->take();
    if (news.overflow) present_loaded_ = false;
    // Emitted from the back.
    for (auto state = news.snapshots.rbegin(); state != news.snapshots.rend(); ++state) {
      offer(std::move(*state));
    }
    if (!ready_.empty() || !present_loaded_) continue;
    if (news.closed) break;
    co_await watch_->wait();
  }
  ended_ = true;
  co_return std::nullopt;
}

asio::awaitable<Result<void>> JobsStateStream::load_present() {
  auto jobs = co_await backend_->reads.run([reader = backend_->reader, filter = filter_] {
    return reader->jobs(
        filter,
        {.order = store::JobOrder::kNewestFirst, .after = std::nullopt, .limit = kPresentJobsMax});
  });
  if (!jobs) co_return std::unexpected(std::move(jobs.error()));
  for (job::StatePtr& state : *jobs) offer(std::move(state));
  co_return Result<void>();
}

void JobsStateStream::offer(job::StatePtr state) {
  const auto shown = shown_.find(state->id);
  if (shown != shown_.end()) {
    if (state->last_sequence <= shown->second) return;
    shown->second = state->last_sequence;
  } else {
    if (!store::matches(filter_, *state)) return;
    if (shown_.size() < kShownJobsMax) shown_.emplace(state->id, state->last_sequence);
  }
  // An ended job hardly changes again: it need not be remembered.
  if (state->terminal() && shown != shown_.end()) shown_.erase(shown);
  ready_.push_back(std::move(state));
}

void JobsStateStream::close() {
  ended_ = true;
  watch_->wake();
}

}  // namespace errand::api
