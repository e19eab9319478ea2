#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "errand/async/task_group.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/pending_field.h"

namespace errand::graphql::execution {

namespace asio = boost::asio;

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
  std::size_t next = first;
  const auto take_holes = [&]() -> asio::awaitable<void> {
    while (next < holes.size()) co_await await_hole(holes[next++]);
  };
  const std::size_t count = std::min(request_.concurrent_fields_max, holes.size() - first);
  for (std::size_t i = 0; i < count; ++i) group.spawn(executor, "field", take_holes());

  std::exception_ptr cancelled;
  try {
    co_await group.join();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  if (cancelled != nullptr) {
    group.cancel();
    co_await asio::this_coro::reset_cancellation_state();
    co_await group.join();
    std::rethrow_exception(cancelled);
  }
}

asio::awaitable<void> OperationExecution::await_hole(Fragment::Hole& hole) {
  PendingField& pending = *hole.pending;
  FieldResult<FieldValue> result;
  if (std::optional<FieldError> stopped = stop_reason()) {
    result = std::unexpected(std::move(*stopped));
  } else {
    try {
      result = co_await std::get<AwaitableResolver>(*pending.planned.slot)(pending.info);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      result = field_error(ErrorCode::kInternal, "Internal error.");
    } catch (const std::exception&) {
      result = field_error(ErrorCode::kInternal, "Internal error.");
    }
  }
  hole.value = std::make_unique<Fragment>();
  bool ok = complete_field(*hole.value, pending.planned, std::move(result), &pending.owner,
                           pending.info.path);
  if (ok && !hole.value->holes().empty()) {
    co_await await_holes(*hole.value);
    ok = hole.value->settle();
  }
  hole.failed = !ok;
}

}  // namespace errand::graphql::execution
