#include "errand/graphql/request/service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "errand/graphql/execution/incremental_delivery.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::request {

namespace asio = boost::asio;
using execution::ExecutableDocument;
using language::GraphQLError;
using language::OperationType;

namespace {

/// What GetOperation and CoerceVariableValues leave to be executed.
using Prepared = std::expected<execution::OperationRequest, Response>;

std::unexpected<Response> refuse(Outcome outcome, const GraphQLError& error) {
  return std::unexpected(Response::failure(outcome, {&error, 1}));
}

std::unexpected<Response> refuse(Outcome outcome, ErrorCode code, std::string_view message) {
  return std::unexpected(Response::failure(outcome, code, message));
}

Response to_response(execution::ExecutionResult result, OperationType type) {
  Response response;
  response.body = std::move(result.body);
  response.has_errors = result.has_errors;
  response.http_status = result.http_status;
  response.out_of_time = result.out_of_time;
  response.operation_type = language::to_string(type);
  return response;
}

asio::awaitable<std::expected<std::unique_ptr<ResponseStream>, Response>> open_stream(
    execution::OperationRequest request) {
  auto execution = std::make_unique<execution::OperationExecution>(std::move(request));
  auto source = co_await execution->create_source_stream();
  if (!source) co_return refuse(Outcome::kFailed, source.error());
  co_return execution::map_source_to_response(std::move(execution), std::move(*source));
}

}  // namespace

struct Service::Impl {
  Impl(execution::Resolvers bound, Options given)
      : resolvers(std::make_shared<const execution::Resolvers>(std::move(bound))),
        options(std::move(given)),
        loader(resolvers->schema(), options) {}

  Prepared prepare(RequestParameters parameters, std::shared_ptr<RequestContext> context,
                   Allowed allowed) {
    auto loaded = loader.load(parameters);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    const ExecutableDocument& document = (*loaded)->document;
    auto operation = document.get_operation(parameters.operation_name);
    if (!operation) return refuse(Outcome::kOperationUnresolved, operation.error());

    const OperationType type = (*operation)->operation;
    if (type == OperationType::kSubscription && allowed != Allowed::kAll &&
        allowed != Allowed::kQueriesAndSubscriptions) {
      return refuse(Outcome::kNotAllowed, ErrorCode::kOperationResolutionFailure,
                    "A subscription needs a transport that streams, such as "
                    "graphql-transport-ws.");
    }
    if (type == OperationType::kMutation &&
        (allowed == Allowed::kQueries || allowed == Allowed::kQueriesAndSubscriptions)) {
      return refuse(Outcome::kNotAllowed, ErrorCode::kOperationResolutionFailure,
                    "Mutations are not allowed here; send them with POST.");
    }
    const type::Schema& schema = resolvers->schema();
    if (schema.root_type(type) == nullptr) {
      return refuse(Outcome::kOperationUnresolved, ErrorCode::kOperationResolutionFailure,
                    "Schema is not configured to execute " +
                        std::string(language::to_string(type)) + " operation.");
    }
    std::optional<boost::json::object> sent;
    std::expected<boost::json::object, std::vector<GraphQLError>> variables =
        std::move(parameters.variables);
    if (!type::are_coerced(schema, **operation, *variables)) {
      sent.emplace(*std::move(variables));
      type::CoercionOptions coercion;
      coercion.storage = parameters.memory.storage();
      variables = type::coerce_variable_values(schema, document.document().source(), **operation,
                                               *sent, coercion);
    }
    if (!variables) {
      return std::unexpected(Response::failure(Outcome::kVariablesInvalid, variables.error()));
    }
    if (auto refusal = loader.check(**loaded, **operation, *variables)) {
      return std::unexpected(*std::move(refusal));
    }
    return execution::OperationRequest{
        .resolvers = resolvers,
        .document = std::shared_ptr<const ExecutableDocument>(*loaded, &document),
        .operation = *operation,
        .memory = std::move(parameters.memory),
        .variables = std::move(*variables),
        .sent_variables = std::move(sent),
        .context = std::move(context),
        .root_value = nullptr,
        .concurrent_fields_max = std::max<std::size_t>(options.limits.concurrent_fields_max, 1)};
  }

  std::shared_ptr<const execution::Resolvers> resolvers;
  Options options;
  DocumentLoader loader;
};

Service::Service(execution::Resolvers resolvers, Options options)
    : impl_(std::make_unique<Impl>(std::move(resolvers), std::move(options))) {}

Service::~Service() = default;

asio::awaitable<Response> Service::execute(RequestParameters parameters,
                                           std::shared_ptr<RequestContext> context,
                                           Allowed allowed) {
  if (allowed == Allowed::kAll) allowed = Allowed::kQueriesAndMutations;
  if (allowed == Allowed::kQueriesAndSubscriptions) allowed = Allowed::kQueries;
  Prepared prepared = impl_->prepare(std::move(parameters), std::move(context), allowed);
  if (!prepared) co_return std::move(prepared.error());
  const OperationType type = prepared->operation->operation;
  execution::OperationExecution execution(std::move(*prepared));
  if (auto result = execution.execute_immediate()) co_return to_response(std::move(*result), type);
  co_return to_response(co_await execution.execute_awaited(), type);
}

asio::awaitable<std::expected<std::unique_ptr<ResponseStream>, Response>> Service::subscribe(
    RequestParameters parameters, std::shared_ptr<RequestContext> context) {
  Prepared prepared = impl_->prepare(std::move(parameters), std::move(context), Allowed::kAll);
  if (!prepared) co_return std::unexpected(std::move(prepared.error()));
  if (prepared->operation->operation != OperationType::kSubscription) {
    co_return refuse(Outcome::kNotAllowed, ErrorCode::kOperationResolutionFailure,
                     "Only subscriptions have a response stream.");
  }
  co_return co_await open_stream(std::move(*prepared));
}

asio::awaitable<std::variant<Response, std::unique_ptr<ResponseStream>>> Service::start(
    RequestParameters parameters, std::shared_ptr<RequestContext> context, StartOptions options) {
  Prepared prepared = impl_->prepare(std::move(parameters), std::move(context), options.allowed);
  if (!prepared) co_return std::move(prepared.error());
  const OperationType type = prepared->operation->operation;
  if (type != OperationType::kSubscription) {
    if (options.incremental == IncrementalFormat::kNone || !prepared->document->incremental()) {
      execution::OperationExecution execution(std::move(*prepared));
      co_return to_response(co_await execution.execute(), type);
    }
    prepared->incremental = options.incremental;
    auto answer = co_await execution::deliver_incrementally(
        std::make_unique<execution::OperationExecution>(std::move(*prepared)));
    if (auto* whole = std::get_if<execution::ExecutionResult>(&answer)) {
      co_return to_response(std::move(*whole), type);
    }
    co_return std::move(std::get<std::unique_ptr<ResponseStream>>(answer));
  }
  auto stream = co_await open_stream(std::move(*prepared));
  if (!stream) co_return std::move(stream.error());
  co_return std::move(*stream);
}

Result<void> Service::trust(std::span<const TrustedDocument> documents) {
  return impl_->loader.trust(documents);
}

const type::Schema& Service::schema() const noexcept { return impl_->resolvers->schema(); }

DocumentCache::Entry Service::find_named(const RequestParameters& parameters) {
  return impl_->loader.find_named(parameters);
}

CacheStatistics Service::cache_statistics() const { return impl_->loader.cache_statistics(); }

}  // namespace errand::graphql::request
