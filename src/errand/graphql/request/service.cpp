#include "errand/graphql/request/service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/request/check_limits.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/validation/validate.h"

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
        options(given),
        cache(given.cache_bytes_max) {}

  /// The document from the cache, or parsed, held against the limits, validated and cached.
  std::expected<DocumentCache::Entry, Response> document_of(std::string& query) {
    const Limits& limits = options.limits;
    if (limits.query_bytes_max != 0 && query.size() > limits.query_bytes_max) {
      return refuse(Outcome::kLimitExceeded, ErrorCode::kMaxQueryBytesLimit,
                    "The query text has " + std::to_string(query.size()) +
                        " bytes; this server allows " + std::to_string(limits.query_bytes_max) +
                        ".");
    }
    if (DocumentCache::Entry known = cache.find(query)) return known;

    language::ParseOptions parse_options;
    if (limits.tokens_max != 0) parse_options.max_tokens = limits.tokens_max;
    parse_options.max_depth =
        limits.recursion_max == 0
            ? language::ParseOptions::kMaxDepthMax
            : static_cast<std::uint32_t>(std::min<std::size_t>(
                  limits.recursion_max, language::ParseOptions::kMaxDepthMax));
    auto parsed = language::parse({.body = std::move(query)}, parse_options);
    if (!parsed) {
      const bool limit = parsed.error().code != ErrorCode::kGraphqlParseFailed;
      return refuse(limit ? Outcome::kLimitExceeded : Outcome::kSyntaxError, parsed.error());
    }
    auto document = std::make_shared<const ExecutableDocument>(std::move(*parsed));
    if (std::optional<GraphQLError> exceeded = check_limits(*document, limits)) {
      return refuse(Outcome::kLimitExceeded, *exceeded);
    }
    std::vector<GraphQLError> faults = validation::validate(
        resolvers->schema(), document->document(), {.suggestions = limits.introspection});
    if (!faults.empty()) {
      for (GraphQLError& fault : faults) {
        if (!fault.code) fault.code = ErrorCode::kGraphqlValidationFailed;
      }
      return std::unexpected(Response::failure(Outcome::kValidationError, faults));
    }
    cache.put(document);
    return document;
  }

  Prepared prepare(RequestParameters parameters, std::shared_ptr<RequestContext> context,
                   Allowed allowed) {
    auto document = document_of(parameters.query);
    if (!document) return std::unexpected(std::move(document.error()));
    auto operation = (*document)->get_operation(parameters.operation_name);
    if (!operation) return refuse(Outcome::kOperationUnresolved, operation.error());

    const OperationType type = (*operation)->operation;
    if (type == OperationType::kSubscription && allowed != Allowed::kAll) {
      return refuse(Outcome::kNotAllowed, ErrorCode::kOperationResolutionFailure,
                    "A subscription needs a transport that streams, such as "
                    "graphql-transport-ws.");
    }
    if (type == OperationType::kMutation && allowed == Allowed::kQueries) {
      return refuse(Outcome::kNotAllowed, ErrorCode::kOperationResolutionFailure,
                    "Mutations are not allowed here; send them with POST.");
    }
    const type::Schema& schema = resolvers->schema();
    if (schema.root_type(type) == nullptr) {
      return refuse(Outcome::kOperationUnresolved, ErrorCode::kOperationResolutionFailure,
                    "Schema is not configured to execute " +
                        std::string(language::to_string(type)) + " operation.");
    }
    std::unique_ptr<execution::RequestMemory> memory;
    type::CoercionOptions coercion;
    if (!(*operation)->variable_definitions.empty()) {
      memory = std::make_unique<execution::RequestMemory>();
      coercion.storage = memory->storage();
    }
    auto variables = type::coerce_variable_values(schema, (*document)->document().source(),
                                                  **operation, parameters.variables, coercion);
    if (!variables) {
      return std::unexpected(Response::failure(Outcome::kVariablesInvalid, variables.error()));
    }
    return execution::OperationRequest{
        .resolvers = resolvers,
        .document = std::move(*document),
        .operation = *operation,
        .memory = std::move(memory),
        .variables = std::move(*variables),
        .sent_variables = std::move(parameters.variables),
        .context = std::move(context),
        .root_value = nullptr,
        .concurrent_fields_max = std::max<std::size_t>(options.limits.concurrent_fields_max, 1)};
  }

  std::shared_ptr<const execution::Resolvers> resolvers;
  Options options;
  DocumentCache cache;
};

Service::Service(execution::Resolvers resolvers, Options options)
    : impl_(std::make_unique<Impl>(std::move(resolvers), options)) {}

Service::~Service() = default;

asio::awaitable<Response> Service::execute(RequestParameters parameters,
                                           std::shared_ptr<RequestContext> context,
                                           Allowed allowed) {
  if (allowed == Allowed::kAll) allowed = Allowed::kQueriesAndMutations;
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
    execution::OperationExecution execution(std::move(*prepared));
    co_return to_response(co_await execution.execute(), type);
  }
  auto stream = co_await open_stream(std::move(*prepared));
  if (!stream) co_return std::move(stream.error());
  co_return std::move(*stream);
}

const type::Schema& Service::schema() const noexcept { return impl_->resolvers->schema(); }

CacheStatistics Service::cache_statistics() const { return impl_->cache.statistics(); }

}  // namespace errand::graphql::request
