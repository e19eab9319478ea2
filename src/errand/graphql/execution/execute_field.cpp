#include <utility>
#include <variant>

#include "errand/graphql/execution/incremental_work.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/pending_field.h"

namespace errand::graphql::execution {

bool OperationExecution::execute_selection_set(Fragment& fragment, const SelectionPlan& selection,
                                               const SourceObject& source,
                                               const ResponsePath* path) {
  fragment.writer().begin_object();
  if (selection.defers.empty() && selection.deferred.empty()) {
    for (const PlannedField& field : selection.fields) {
      if (!execute_field(fragment, selection, field, source, path)) return false;
    }
  } else {
    const auto scope = open_scope(selection, path);
    const At at(*this, {position_.part, scope});
    for (const PlannedField& field : selection.fields) {
      if (!execute_field(fragment, selection, field, source, path)) return false;
    }
    leave_deferred(fragment, selection, scope, source, path);
  }
  fragment.writer().end_object();
  return true;
}

bool OperationExecution::execute_field(Fragment& fragment, const SelectionPlan& selection,
                                       const PlannedField& field, const SourceObject& source,
                                       const ResponsePath* parent) {
  fragment.writer().raw_key(field.key);
  if (field.slot == nullptr) {
    fragment.writer().string(selection.type->name);
    return true;
  }
  const ResponsePath path{parent, field.response_name};
  const FieldArguments arguments = arguments_of(field);
  if (!arguments) {
    language::GraphQLError error = *arguments.error();
    error.path = path.segments();
    position_.part->errors.push_back(std::move(error));
    if (field.definition->type.is_non_null()) return false;
    fragment.writer().null();
    return true;
  }
  if (std::holds_alternative<AwaitableResolver>(*field.slot)) {
    fragment.leave_hole(
        std::make_unique<PendingField>(*this, selection, field, **arguments, source, path));
    return true;
  }
  return complete_field(fragment, field,
                        resolve_field_value(selection, field, **arguments, source, path),
                        source.owner, path);
}

FieldResult<FieldValue> OperationExecution::resolve_field_value(
    const SelectionPlan& selection, const PlannedField& field, const boost::json::object& arguments,
    const SourceObject& source, const ResponsePath& path) {
  if (const auto* resolver = std::get_if<ImmediateResolver>(field.slot)) {
    const ResolveInfo info{.schema = schema_,
                           .parent_type = *selection.type,
                           .field = *field.definition,
                           .path = path,
                           .arguments = arguments,
                           .source = source,
                           .context = request_.context,
                           .planned = field,
                           .execution = *this,
                           .deferred = position_.part->deferred};
    try {
      return (*resolver)(info);
    } catch (const std::exception&) {
      return field_error(ErrorCode::kInternal, "Internal error.");
    }
  }
  if (source.json != nullptr) {
    const boost::json::object* object = source.json->if_object();
    const std::string_view name = field.definition->name;
    const boost::json::value* member =
        object == nullptr ? nullptr
                          : object->if_contains(boost::json::string_view(name.data(), name.size()));
    return member == nullptr ? FieldValue() : FieldValue::json_view(*member);
  }
  if (source.native == nullptr) return FieldValue();
  return field_error(ErrorCode::kInternal, "No resolver for " + std::string(selection.type->name) +
                                               "." + std::string(field.definition->name) + ".");
}

bool OperationExecution::complete_field(Fragment& fragment, const PlannedField& field,
                                        FieldResult<FieldValue> result,
                                        const std::shared_ptr<const void>* owner,
                                        const ResponsePath& path) {
  if (result) return complete_value(fragment, field, field.definition->type, *result, owner, path);
  // HandleFieldError() (6.4.4)
  add_error(std::move(result.error()), field, path);
  if (field.definition->type.is_non_null()) return false;
  fragment.writer().null();
  return true;
}

language::GraphQLError OperationExecution::located_error(FieldError error,
                                                         const PlannedField& field,
                                                         const ResponsePath& path) {
  language::GraphQLError located =
      language::error_at(source(), field.nodes, std::move(error.message), error.code);
  located.path = path.segments();
  if (!error.extensions.empty()) located.extensions_json = json::to_text(error.extensions);
  return located;
}

void OperationExecution::add_error(FieldError error, const PlannedField& field,
                                   const ResponsePath& path) {
  if (!http_status_) {
    if (const boost::json::value* http = error.extensions.if_contains("http")) {
      const boost::json::object* members = http->if_object();
      const boost::json::value* status =
          members == nullptr ? nullptr : members->if_contains("status");
      if (status != nullptr && status->is_int64()) {
        http_status_ = static_cast<int>(status->get_int64());
      }
    }
  }
  // A job has a deadline of its own, with the same code.
  out_of_time_ = out_of_time_ ||
                 (error.code == ErrorCode::kDeadlineExceeded && is_out_of_time(*position_.part));
  position_.part->errors.push_back(located_error(std::move(error), field, path));
}

bool OperationExecution::is_out_of_time(const Part& part) const {
  const RequestContext* context = request_.context.get();
  return context != nullptr && !streaming_ && !part.deferred && context->deadline &&
         context->clock != nullptr && context->clock->now().monotonic >= *context->deadline;
}

std::optional<FieldError> OperationExecution::stop_reason(const Part& part) const {
  const RequestContext* context = request_.context.get();
  if (context == nullptr) return std::nullopt;
  if (context->stop.stop_requested()) {
    return FieldError(ErrorCode::kCancelled, "The request was cancelled.");
  }
  if (is_out_of_time(part)) {
    return FieldError(ErrorCode::kDeadlineExceeded, "The request's time is over.");
  }
  return std::nullopt;
}

}  // namespace errand::graphql::execution
