#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "errand/async/event.h"
#include "errand/async/task_group.h"
#include "errand/graphql/execution/incremental_work.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/pending_field.h"

namespace errand::graphql::execution {

namespace asio = boost::asio;

namespace {

/// Calls a function at the end of its scope, however that is left.
template <class F>
class Finally {
 public:
  explicit Finally(F function) : function_(std::move(function)) {}
  ~Finally() { function_(); }
  Finally(const Finally&) = delete;
  Finally& operator=(const Finally&) = delete;

 private:
  F function_;
};

}  // namespace

asio::awaitable<void> OperationExecution::await_holes(Fragment& fragment, std::size_t first) {
  // Holes are only added while a fragment is written, so that references into them stay valid.
  std::vector<Fragment::Hole>& holes = fragment.holes();
  if (first == holes.size()) co_return;
  if (first + 1 == holes.size()) {
    co_await await_hole(holes[first]);
    co_return;
  }
  const auto executor = co_await asio::this_coro::executor;
  async::TaskGroup group;
  async::Event ended(executor);
  std::size_t next = first;
  std::size_t running = std::min(request_.concurrent_fields_max, holes.size() - first);
  const auto take_holes = [&]() -> asio::awaitable<void> {
    const Finally leave([&] {
      --running;
      ended.notify();
    });
    while (next < holes.size()) co_await await_hole(holes[next++]);
  };
  for (std::size_t i = running; i > 0; --i) group.spawn(executor, "field", take_holes());

  // Waited for by an event, because join() does not hear of the caller's cancellation. All that the
  // tasks touch lives here, so that nothing may end this coroutine before them.
  std::exception_ptr cancelled;
  try {
    while (running > 0) co_await ended.wait();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  if (cancelled == nullptr) co_return;
  group.cancel();
  co_await asio::this_coro::reset_cancellation_state();
  while (running > 0) co_await ended.wait();
  std::rethrow_exception(cancelled);
}

asio::awaitable<void> OperationExecution::await_hole(Fragment::Hole& hole) {
  PendingField& pending = *hole.pending;
  FieldResult<FieldValue> result;
  bool aborted = false;
  if (std::optional<FieldError> stopped = stop_reason(*pending.position.part)) {
    result = std::unexpected(std::move(*stopped));
  } else {
    try {
      result = co_await std::get<AwaitableResolver>(*pending.planned.slot)(pending.info);
    } catch (const boost::system::system_error& error) {
      aborted = error.code() == asio::error::operation_aborted;
      result = field_error(ErrorCode::kInternal, "Internal error.");
    } catch (const std::exception&) {
      result = field_error(ErrorCode::kInternal, "Internal error.");
    }
  }
  if (aborted) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  hole.value = std::make_unique<Fragment>();
  bool ok = true;
  {
    const At at(*this, pending.position);
    ok = complete_field(*hole.value, pending.planned, std::move(result), &pending.owner,
                        pending.info.path);
  }
  if (ok && !hole.value->holes().empty()) {
    co_await await_holes(*hole.value);
    ok = hole.value->settle();
  }
  hole.failed = !ok;
}

}  // namespace errand::graphql::execution
