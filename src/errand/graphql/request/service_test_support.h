#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "errand/graphql/request/service.h"
#include "errand/graphql/type/build_schema.h"

namespace errand::graphql::request {

inline constexpr const char* kSdl = R"(
directive @listSize(assumedSize: Int, slicingArguments: [String!]) on FIELD_DEFINITION
type Query {
  echo(text: String! = "hi", n: Int): String
  deep: Deep
  page(first: Int): [Deep] @listSize(slicingArguments: ["first"])
}
type Deep { deep: Deep x: Int page(first: Int): [Deep] @listSize(slicingArguments: ["first"]) }
type Mutation { set(n: Int!): Int }
type Subscription { ticks: Int }
)";

class OneTick final : public execution::SourceStream {
 public:
  boost::asio::awaitable<execution::FieldResult<std::optional<execution::SourceEvent>>> next()
      override {
    if (std::exchange(done_, true)) co_return std::nullopt;
    co_return execution::SourceEvent{execution::FieldValue(1), "cursor"};
  }
  void close() override { done_ = true; }

 private:
  bool done_ = false;
};

template <class T>
T run(boost::asio::awaitable<T> task) {
  boost::asio::io_context io;
  std::optional<T> result;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  io.run();
  return std::move(*result);
}

class ServiceTest : public ::testing::Test {
 protected:
  static Service make(Service::Options options) {
    const language::Source source{kSdl, "schema.graphql"};
    execution::ResolverMap map;
    map.add(
        "Query", "echo",
        [](const execution::ResolveInfo& info) -> execution::FieldResult<execution::FieldValue> {
          return execution::FieldValue::json_view(*info.argument("text"));
        });
    map.add(
        "Mutation", "set",
        [](const execution::ResolveInfo& info) -> execution::FieldResult<execution::FieldValue> {
          return execution::FieldValue::json_view(*info.argument("n"));
        });
    map.add_stream("Subscription", "ticks",
                   [](const execution::ResolveInfo&)
                       -> boost::asio::awaitable<
                           execution::FieldResult<std::unique_ptr<execution::SourceStream>>> {
                     co_return std::make_unique<OneTick>();
                   });
    auto schema = type::build_schema({&source, 1});
    return Service(*execution::Resolvers::bind(*schema, std::move(map)), std::move(options));
  }

  Response execute(std::string query, std::string variables = "{}",
                   std::optional<std::string> operation = std::nullopt,
                   Service::Allowed allowed = Service::Allowed::kQueriesAndMutations) {
    return run(service_.execute({.query = std::move(query),
                                 .operation_name = std::move(operation),
                                 .variables = boost::json::parse(variables).as_object(),
                                 .extensions = {}},
                                std::make_shared<RequestContext>(), allowed));
  }

  Service service_ = make({});
};

/// Code of a request error by a limit.
inline std::string code_of(const Response& response) {
  EXPECT_EQ(response.outcome, Outcome::kLimitExceeded) << response.body;
  if (response.outcome != Outcome::kLimitExceeded) return "";
  return std::string(
      boost::json::parse(response.body).at("errors").at(0).at("extensions").at("code").as_string());
}

inline std::string repeat(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace errand::graphql::request
