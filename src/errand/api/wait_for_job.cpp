#include "errand/api/wait_for_job.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "errand/async/deadline.h"

namespace errand::api {
namespace {

/// Counts one held request while it lives.
class Hold {
 public:
  explicit Hold(const Backend& backend)
      : count_(backend.held_requests),
        granted_(count_.fetch_add(1) < backend.options.waiting_max) {}
  ~Hold() { count_.fetch_sub(1); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  [[nodiscard]] bool granted() const { return granted_; }

 private:
  std::atomic<std::size_t>& count_;
  bool granted_;
};

}  // namespace

boost::asio::awaitable<job::StatePtr> wait_for_job(BackendPtr backend,
                                                   std::unique_ptr<JobWatch> watch,
                                                   job::StatePtr state, JobWait wait) {
  const auto is_far_enough = [&] {
    if (wait.statuses.empty()) return state->terminal();
    return std::ranges::find(wait.statuses, state->status) != wait.statuses.end();
  };
  if (is_far_enough()) co_return state;
  const Hold hold(*backend);
  if (!hold.granted()) co_return state;
  while (true) {
    runtime::News news = watch->take();
    for (job::StatePtr& later : news.snapshots) {
      if (later->id == state->id && later->last_sequence > state->last_sequence) {
        state = std::move(later);
      }
    }
    if (is_far_enough()) break;
    if (news.gone) co_return nullptr;
    if (news.closed || (news.draining && wait.ends_with_drain)) break;
    // A clock that is put forward by hand leaves timers behind: look at it now and then.
    const Milliseconds left = wait.until - backend->clock->now().monotonic;
    if (left <= Milliseconds::zero()) break;
    const Milliseconds sleep = std::min(left, backend->options.clock_glance);
    static_cast<void>(
        co_await async::with_deadline(std::chrono::steady_clock::now() + sleep, watch->wait()));
  }
  co_return state;
}

HeldTime::HeldTime(const Backend& backend, Context& context)
    : backend_(backend), context_(context) {
  if (context_.deadline) left_ = *context_.deadline - backend_.clock->now().monotonic;
}

HeldTime::~HeldTime() {
  if (!left_) return;
  context_.deadline = std::max(*context_.deadline, backend_.clock->now().monotonic + *left_);
}

}  // namespace errand::api
