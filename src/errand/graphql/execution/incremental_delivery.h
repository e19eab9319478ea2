#pragma once

#include <memory>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/response_stream.h"

namespace errand::graphql::execution {

/// ExecuteQuery() or ExecuteMutation() of an operation whose request asks for increments
/// (OperationRequest::incremental): the response, or a stream of its parts where something is
/// deferred or streamed.
///
/// Deferred fragments run after the initial result, side by side, from the first pull of what
/// follows it; the items of a list at the pace of the reader. Closing the stream cancels all of
/// them. The deadline of the request holds for the initial result alone.
boost::asio::awaitable<std::variant<ExecutionResult, std::unique_ptr<ResponseStream>>>
deliver_incrementally(std::unique_ptr<OperationExecution> execution);

}  // namespace errand::graphql::execution
