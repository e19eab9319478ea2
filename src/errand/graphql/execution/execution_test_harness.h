#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/response_stream.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/coerce.h"

/// Runs operations against small schemas, for the tests of this folder.
namespace errand::graphql::execution::testing {

/// Runs `task` to its end on a context of its own.
template <class T>
T run(boost::asio::awaitable<T> task) {
  boost::asio::io_context io;
  std::optional<T> result;
  std::exception_ptr failure;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    failure = error;
    if (!error) result = std::move(value);
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

/// Lets the other coroutines of the executor go on before it returns.
inline boost::asio::awaitable<void> yield() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  timer.expires_after(std::chrono::steady_clock::duration::zero());
  co_await timer.async_wait(boost::asio::use_awaitable);
}

class Fixture {
 public:
  explicit Fixture(std::string sdl, ResolverMap map = {}) {
    const language::Source source{std::move(sdl), "schema.graphql"};
    auto schema = type::build_schema({&source, 1});
    if (!schema) {
      ADD_FAILURE() << language::to_string(schema.error().front());
      std::abort();
    }
    auto bound = Resolvers::bind(std::move(*schema), std::move(map));
    if (!bound) {
      ADD_FAILURE() << bound.error().message;
      std::abort();
    }
    resolvers = std::make_shared<const Resolvers>(std::move(*bound));
  }

  [[nodiscard]] const type::ObjectType* object(std::string_view name) const {
    return &resolvers->schema().type(name)->as<type::ObjectType>();
  }

  [[nodiscard]] OperationRequest request(std::string_view query, std::string_view root = "null",
                                         std::string_view variables = "{}") const {
    auto document = language::parse({.body = std::string(query)});
    if (!document) {
      ADD_FAILURE() << document.error().message;
      std::abort();
    }
    OperationRequest request;
    request.resolvers = resolvers;
    request.document = std::make_shared<const ExecutableDocument>(std::move(*document));
    request.operation = *request.document->get_operation(std::nullopt);
    request.sent_variables = boost::json::parse({variables.data(), variables.size()}).as_object();
    auto coerced =
        type::coerce_variable_values(resolvers->schema(), request.document->document().source(),
                                     *request.operation, *request.sent_variables);
    if (!coerced) {
      ADD_FAILURE() << coerced.error().front().message;
      std::abort();
    }
    request.variables = std::move(*coerced);
    request.context = context;
    request.root_value =
        std::make_shared<const boost::json::value>(boost::json::parse({root.data(), root.size()}));
    return request;
  }

  /// The response text of a query or mutation.
  [[nodiscard]] std::string execute(std::string_view query, std::string_view root = "null",
                                    std::string_view variables = "{}") const {
    OperationExecution execution(request(query, root, variables));
    return run(execution.execute()).body;
  }

  std::shared_ptr<const Resolvers> resolvers;
  std::shared_ptr<RequestContext> context = std::make_shared<RequestContext>();
};

}  // namespace errand::graphql::execution::testing
