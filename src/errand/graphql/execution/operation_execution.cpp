#include "errand/graphql/execution/operation_execution.h"

#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "errand/graphql/execution/error_json.h"
#include "errand/graphql/execution/incremental_work.h"
#include "errand/graphql/execution/pending_field.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {

namespace asio = boost::asio;

OperationExecution::OperationExecution(OperationRequest request)
    : request_(std::move(request)),
      schema_(request_.resolvers->schema()),
      plan_(request_.document->plan(request_.resolvers, *request_.operation, request_.variables,
                                    request_.incremental)) {}

OperationExecution::~OperationExecution() = default;

asio::awaitable<ExecutionResult> OperationExecution::execute() {
  if (std::optional<ExecutionResult> result = execute_immediate()) co_return std::move(*result);
  co_return co_await execute_awaited();
}

std::optional<ExecutionResult> OperationExecution::execute_immediate() {
  const type::ObjectType* root_type = schema_.root_type(request_.operation->operation);
  ERRAND_ASSERT(root_type != nullptr);  // validation has seen to it
  Root& root = root_.emplace();
  root.ok = true;
  root.selection = &root_selection(*root_type);
  root.owner = request_.root_value;
  root.source.json = request_.root_value.get();
  root.source.owner = &root.owner;
  if (plan_ != nullptr) root.fragment.reserve(plan_->response_bytes());
  root.fragment.writer().begin_object();
  root.fragment.writer().key("data");
  root.data = root.fragment.open_nullable();
  root.fragment.writer().begin_object();
  if (!root.selection->defers.empty()) position_.scope = open_scope(*root.selection, nullptr);
  execute_root_fields();
  if (root.ok && !root.fragment.holes().empty()) return std::nullopt;
  return finish();
}

void OperationExecution::execute_root_fields() {
  const bool serial = request_.operation->operation == language::OperationType::kMutation;
  Root& root = *root_;
  const std::size_t holes = root.fragment.holes().size();
  const std::vector<PlannedField>& fields = root.selection->fields;
  while (root.next_field < fields.size()) {
    const PlannedField& field = fields[root.next_field++];
    root.ok = execute_field(root.fragment, *root.selection, field, root.source, nullptr);
    if (!root.ok || (serial && root.fragment.holes().size() > holes)) return;
  }
}

asio::awaitable<ExecutionResult> OperationExecution::execute_awaited() {
  Root& root = *root_;
  std::vector<Fragment::Hole>& holes = root.fragment.holes();
  std::size_t first = 0;
  while (root.ok && first < holes.size()) {
    co_await await_holes(root.fragment, first);
    for (; first < holes.size(); ++first) {
      if (holes[first].failed && holes[first].span == Fragment::kRoot) root.ok = false;
    }
    if (root.ok) execute_root_fields();
  }
  co_return finish();
}

ExecutionResult OperationExecution::finish() {
  Root& root = *root_;
  if (root.ok) {
    leave_deferred(root.fragment, *root.selection, position_.scope, root.source, nullptr);
    root.fragment.writer().end_object();
    root.fragment.close_nullable(root.data);
  } else {
    root.fragment.null_out(root.data);
  }
  root.fragment.settle();
  root.fragment.for_each_later([&](const Work& work) { later_.push_back(work); });
  ExecutionResult result = build_response(root.fragment);
  if (plan_ != nullptr) plan_->note_response_bytes(result.body.size());
  return result;
}

asio::awaitable<std::expected<std::unique_ptr<SourceStream>, language::GraphQLError>>
OperationExecution::create_source_stream() {
  const type::ObjectType* root_type = schema_.subscription_type();
  ERRAND_ASSERT(root_type != nullptr);
  const SelectionPlan& selection = root_selection(*root_type);
  ERRAND_ASSERT(!selection.fields.empty());
  const PlannedField& field = selection.fields.front();
  const ResponsePath path{nullptr, field.response_name};
  const auto failure = [&](FieldError error) {
    return std::unexpected(located_error(std::move(error), field, path));
  };
  const FieldArguments arguments = arguments_of(field);
  if (!arguments) {
    language::GraphQLError error = *arguments.error();
    error.path = path.segments();
    co_return std::unexpected(std::move(error));
  }
  if (field.slot == nullptr || !std::holds_alternative<StreamResolver>(*field.slot)) {
    co_return failure({ErrorCode::kInternal, "Subscription field must return a source stream."});
  }
  if (std::optional<FieldError> stopped = stop_reason(initial_)) {
    co_return failure(std::move(*stopped));
  }

  const ResolveInfo info{.schema = schema_,
                         .parent_type = *root_type,
                         .field = *field.definition,
                         .path = path,
                         .arguments = **arguments,
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
  const SelectionPlan& selection = root_selection(*schema_.subscription_type());
  const PlannedField& field = selection.fields.front();
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
  if (!request_.sent_variables) return request_.variables;
  if (!variables_without_defaults_) {
    auto coerced = type::coerce_variable_values(schema_, source(), *request_.operation,
                                                *request_.sent_variables,
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
  result.has_errors = !initial_.errors.empty();
  result.http_status = std::exchange(http_status_, std::nullopt);
  result.out_of_time = std::exchange(out_of_time_, false);
  if (!initial_.errors.empty() || !extensions_.empty()) {
    result.body.pop_back();  // the brace
    write_errors_and_extensions(initial_.errors, result.body);
    result.body += '}';
  }
  return result;
}

void OperationExecution::write_errors_and_extensions(std::vector<language::GraphQLError>& errors,
                                                     std::string& body) {
  if (!errors.empty()) {
    if (!request_.error_codes) {
      for (language::GraphQLError& error : errors) error.code.reset();
    }
    body += ",\"errors\":";
    json::Writer writer(body);
    write_errors(writer, errors);
    errors.clear();
  }
  if (!extensions_.empty()) {
    body += ",\"extensions\":";
    json::Writer writer(body);
    writer.value(extensions_);
    extensions_.clear();
  }
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
