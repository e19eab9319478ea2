#include "errand/api/event_stream.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace errand::api {

namespace asio = boost::asio;
namespace execution = graphql::execution;
using execution::FieldResult;
using execution::SourceEvent;

bool EventFilter::matches(const job::Event& event) const {
  if (types.empty()) return true;
  constexpr std::string_view kPrefix = "dev.errand.job.";
  const std::string_view name = job::event_name(event.data);
  return std::ranges::any_of(types, [&](const std::string& wanted) {
    return wanted == name || wanted == name.substr(kPrefix.size());
  });
}

namespace {

/// Told apart by its code alone; next() adds the rest.
std::unexpected<Error> expired() { return fail(ErrorCode::kCursorExpired, ""); }

/// Whether `events` go on right after `after`.
bool follows(const std::vector<job::Event>& events, Sequence after) {
  return events.empty() || to_number(events.front().sequence) == to_number(after) + 1;
}

}  // namespace

execution::FieldError cursor_expired(const Backend& backend, const TenantId& tenant,
                                     LogPosition last) {
  boost::json::object more;
  more["errand"] = {{"cursor", backend.cursors.event_cursor(tenant, last)}};
  return {ErrorCode::kCursorExpired,
          "The events after this cursor are no longer all kept: jobs were deleted after their "
          "retention. Read the present state, then go on from extensions.errand.cursor.",
          std::move(more)};
}

EventStream::EventStream(BackendPtr backend, std::unique_ptr<JobWatch> watch, TenantId tenant,
                         EventFilter filter, LogPosition after)
    : backend_(std::move(backend)),
      watch_(std::move(watch)),
      tenant_(std::move(tenant)),
      filter_(std::move(filter)),
      after_(after) {}

asio::awaitable<FieldResult<std::optional<SourceEvent>>> EventStream::next() {
  while (!ended_) {
    while (!ready_.empty()) {
      auto view = std::make_shared<EventView>();
      view->tenant = tenant_;
      view->event = std::move(ready_.front());
      ready_.pop_front();
      if (!filter_.matches(view->event)) continue;
      std::string cursor = backend_->cursors.event_cursor(tenant_, view->event.position);
      co_return SourceEvent{backend_->event_value(std::move(view)), std::move(cursor)};
    }
    if (job_over_) break;
    // Taken before the read: what comes in between wakes the next wait.
    const runtime::News news = watch_->take();
    const Result<bool> more = co_await load_page();
    if (!more) {
      ended_ = true;
      if (more.error().code != ErrorCode::kCursorExpired) {
        co_return std::unexpected(execution::FieldError(more.error()));
      }
      const Result<LogPosition> last = co_await backend_->reads.run(
          [reader = backend_->reader] { return reader->last_position(); });
      if (!last) co_return std::unexpected(execution::FieldError(last.error()));
      co_return std::unexpected(cursor_expired(*backend_, tenant_, *last));
    }
    if (*more || !ready_.empty() || job_over_) continue;
    if (news.closed) break;
    co_await watch_->wait();
  }
  ended_ = true;
  co_return std::nullopt;
}

asio::awaitable<Result<bool>> EventStream::load_page() {
  if (filter_.job) co_return co_await load_job_page(*filter_.job);
  co_return co_await load_log_page();
}

asio::awaitable<Result<bool>> EventStream::load_log_page() {
  struct Page {
    std::vector<store::LogEntry> entries;
    LogPosition last{};
    bool full = false;
  };
  Result<Page> page =
      co_await backend_->reads.run([reader = backend_->reader, after = after_, tenant = tenant_,
                                    jobs = filter_.jobs]() -> Result<Page> {
        auto entries = reader->events_after(after, tenant, kPage);
        if (!entries) return std::unexpected(std::move(entries.error()));
        const auto pruned = reader->pruned_position(tenant);
        if (!pruned) return std::unexpected(pruned.error());
        if (*pruned > after) return expired();
        Page result{.entries = std::move(*entries), .last = after};
        if (!result.entries.empty()) result.last = result.entries.back().event.position;
        result.full = result.entries.size() == kPage;
        std::erase_if(result.entries, [](const store::LogEntry& entry) {
          return entry.kind == job::JobKind::kInternal;
        });
        if (!jobs) return result;
        std::unordered_map<JobId, bool> wanted;
        std::optional<Error> failure;
        std::erase_if(result.entries, [&](const store::LogEntry& entry) {
          const auto [known, first] = wanted.try_emplace(entry.event.job, false);
          if (first && !failure) {
            Result<job::StatePtr> state = reader->job(entry.event.job);
            if (!state) {
              failure = std::move(state.error());
            } else {
              known->second = *state != nullptr && store::matches(*jobs, **state);
            }
          }
          return !known->second;
        });
        if (failure) return std::unexpected(std::move(*failure));
        return result;
      });
  if (!page) co_return std::unexpected(std::move(page.error()));
  after_ = page->last;
  for (store::LogEntry& entry : page->entries) ready_.push_back(std::move(entry.event));
  co_return page->full;
}

asio::awaitable<Result<bool>> EventStream::load_job_page(JobId id) {
  struct Page {
    std::vector<job::Event> events;
    job::StatePtr state;
  };
  // The state is read first: if it has ended with the last of these events, there are no more.
  Result<Page> page = co_await backend_->reads.run(
      [reader = backend_->reader, id, after = after_sequence_]() -> Result<Page> {
        Result<job::StatePtr> state = reader->job(id);
        if (!state) return std::unexpected(std::move(state.error()));
        // A job goes only after its end, and with all its events: this one has not come so far.
        if (*state == nullptr) return expired();
        auto events = reader->events_of(id, after, kPage);
        if (!events) return std::unexpected(std::move(events.error()));
        const Sequence last = events->empty() ? after : events->back().sequence;
        const bool all = events->size() == kPage || last >= (*state)->last_sequence;
        if (!all || !follows(*events, after)) return expired();
        return Page{std::move(*events), std::move(*state)};
      });
  if (!page) co_return std::unexpected(std::move(page.error()));
  const bool full = page->events.size() == kPage;
  for (job::Event& event : page->events) {
    after_sequence_ = event.sequence;
    if (event.position <= after_) continue;
    after_ = event.position;
    ready_.push_back(std::move(event));
  }
  if (!full) job_over_ = page->state->terminal() && page->state->last_sequence == after_sequence_;
  co_return full;
}

void EventStream::close() {
  ended_ = true;
  watch_->wake();
}

}  // namespace errand::api
