#include "errand/graphql/execution/operation_execution.h"

#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "errand/graphql/execution/error_json.h"
#include "errand/graphql/execution/pending_field.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {

namespace asio = boost::asio;

OperationExecution::OperationExecution(OperationRequest request)
    : request_(std::move(request)), schema_(request_.resolvers->schema()) {}

OperationExecution::~OperationExecution() = default;

asio::awaitable<ExecutionResult> OperationExecution::execute() {
  const language::OperationDefinition& operation = *request_.operation;
  const type::ObjectType* root_type = schema_.root_type(operation.operation);
  ERRAND_ASSERT(root_type != nullptr);  // validation has seen to it
  const bool serial = operation.operation == language::OperationType::kMutation;

  SourceObject source;
  std::shared_ptr<const void> owner = request_.root_value;
  source.json = request_.root_value.get();
  source.owner = &owner;

  Fragment root;
  root.writer().begin_object();
  root.writer().key("data");
  const Fragment::Nullable data = root.open_nullable();
  SelectionPlan& selection = root_selection(*root_type);
  bool ok = true;
  if (serial) {
    root.writer().begin_object();
    for (PlannedField& field : selection.fields) {
      const std::size_t first = root.holes().size();
      ok = execute_field(root, selection, field, source, nullptr);
      if (!ok) break;
      co_await await_holes(root, first);
      for (std::size_t i = first; i < root.holes().size(); ++i) {
        if (root.holes()[i].failed && root.holes()[i].span == Fragment::kRoot) ok = false;
      }
      if (!ok) break;
    }
    if (ok) root.writer().end_object();
  } else {
    ok = execute_selection_set(root, selection, source, nullptr);
  }
  if (ok) {
    root.close_nullable(data);
    if (!serial) co_await await_holes(root);
  } else {
    root.null_out(data);
  }
  root.settle();
  co_return build_response(root);
}

asio::awaitable<std::expected<std::unique_ptr<SourceStream>, language::GraphQLError>>
OperationExecution::create_source_stream() {
  const type::ObjectType* root_type = schema_.subscription_type();
  ERRAND_ASSERT(root_type != nullptr);
  SelectionPlan& selection = root_selection(*root_type);
  ERRAND_ASSERT(!selection.fields.empty());
  PlannedField& field = selection.fields.front();
  const ResponsePath path{nullptr, field.response_name};
  const auto failure = [&](FieldError error) {
    return std::unexpected(located_error(std::move(error), field, path));
  };
  if (!field.arguments) {
    language::GraphQLError error = field.arguments.error();
    error.path = path.segments();
    co_return std::unexpected(std::move(error));
  }
  if (field.slot == nullptr || !std::holds_alternative<StreamResolver>(*field.slot)) {
    co_return failure({ErrorCode::kInternal, "Subscription field must return a source stream."});
  }
  if (std::optional<FieldError> stopped = stop_reason()) co_return failure(std::move(*stopped));

  const ResolveInfo info{.schema = schema_,
                         .parent_type = *root_type,
                         .field = *field.definition,
                         .path = path,
                         .arguments = *field.arguments,
                         .source = {},
                         .context = request_.context,
                         .planned = field,
                         .execution = *this};
  FieldResult<std::unique_ptr<SourceStream>> stream;
  try {
    stream = co_await std::get<StreamResolver>(*field.slot)(info);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    stream = field_error(ErrorCode::kInternal, "Internal error.");
  } catch (const std::exception&) {
    stream = field_error(ErrorCode::kInternal, "Internal error.");
  }
  if (!stream) co_return failure(std::move(stream.error()));
  streaming_ = true;
  co_return std::move(*stream);
}

asio::awaitable<ExecutionResult> OperationExecution::execute_subscription_event(FieldValue value) {
  SelectionPlan& selection = root_selection(*schema_.subscription_type());
  PlannedField& field = selection.fields.front();
  const ResponsePath path{nullptr, field.response_name};
  const std::shared_ptr<const void> owner;

  Fragment root;
  root.writer().begin_object();
  root.writer().key("data");
  const Fragment::Nullable data = root.open_nullable();
  root.writer().begin_object();
  root.writer().key(field.response_name);
  if (complete_field(root, field, std::move(value), &owner, path)) {
    root.writer().end_object();
    root.close_nullable(data);
    co_await await_holes(root);
  } else {
    root.null_out(data);
  }
  root.settle();
  co_return build_response(root);
}

const boost::json::object& OperationExecution::variables_without_defaults() {
  if (!variables_without_defaults_) {
    auto coerced = type::coerce_variable_values(schema_, source(), *request_.operation,
                                                request_.sent_variables,
                                                {.defaults = type::SchemaDefaults::kOmit});
    // They were coerced before, with defaults: that cannot fail now.
    ERRAND_ASSERT(coerced.has_value());
    variables_without_defaults_ = std::move(*coerced);
  }
  return *variables_without_defaults_;
}

ExecutionResult OperationExecution::build_response(Fragment& root) {
  ExecutionResult result;
  root.writer().end_object();
  root.take(result.body);
  result.has_errors = !errors_.empty();
  result.http_status = std::exchange(http_status_, std::nullopt);
  if (!errors_.empty() || !extensions_.empty()) {
    result.body.pop_back();  // the brace
    if (!errors_.empty()) {
      result.body += ",\"errors\":";
      json::Writer writer(result.body);
      write_errors(writer, errors_);
      errors_.clear();
    }
    if (!extensions_.empty()) {
      result.body += ",\"extensions\":";
      json::Writer writer(result.body);
      writer.value(extensions_);
      extensions_.clear();
    }
    result.body += '}';
  }
  return result;
}

boost::json::object ResolveInfo::sent_arguments() const {
  auto sent = type::coerce_argument_values(execution.source(), field, planned.node(),
                                           execution.variables_without_defaults(),
                                           type::SchemaDefaults::kOmit);
  return sent ? std::move(*sent) : boost::json::object();
}

boost::json::object& ResolveInfo::response_extensions() const {
  return execution.response_extensions();
}

}  // namespace errand::graphql::execution
