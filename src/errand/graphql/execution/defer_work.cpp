#include <utility>

#include "errand/graphql/execution/incremental_work.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {

std::shared_ptr<const OperationExecution::DeliveryScope> OperationExecution::open_scope(
    const SelectionPlan& selection, const ResponsePath* path) const {
  if (selection.defers.empty()) return position_.scope;
  auto scope = std::make_shared<DeliveryScope>();
  scope->outer = position_.scope;
  for (const auto& usage : selection.defers) {
    auto group = std::make_shared<DeliveryGroup>();
    if (path != nullptr) group->path = path->segments();
    group->label = usage->label;
    if (usage->parent != nullptr) group->parent = scope->group(usage->parent);
    scope->groups.emplace_back(usage.get(), std::move(group));
  }
  return scope;
}

void OperationExecution::leave_deferred(Fragment& fragment, const SelectionPlan& selection,
                                        const std::shared_ptr<const DeliveryScope>& scope,
                                        const SourceObject& source,
                                        const ResponsePath* path) const {
  for (const auto& usage : selection.defers) fragment.leave_for_later(scope->group(usage.get()));
  for (const auto& deferred : selection.deferred) {
    auto task = std::make_shared<ExecutionGroup>();
    for (const DeferUsage* usage : deferred->usages) task->groups.push_back(scope->group(usage));
    task->selection = &deferred->selection;
    if (source.owner != nullptr) task->owner = *source.owner;
    task->source = {source.native, source.json, &task->owner};
    if (path != nullptr) task->path = path->copy();
    task->scope = scope;
    fragment.leave_for_later(std::move(task));
  }
}

void OperationExecution::leave_items(Fragment& fragment, const PlannedField& field,
                                     const type::TypeRef& item_type, FieldValue::List items,
                                     std::size_t first_index,
                                     const std::shared_ptr<const void>* owner,
                                     const ResponsePath& path) const {
  auto stream = std::make_shared<ItemStream>();
  stream->label = field.stream->label;
  stream->path = path.copy();
  stream->field = &field.stream->items;
  stream->item_type = item_type;
  if (owner != nullptr) stream->owner = *owner;
  stream->items = std::move(items);
  stream->first_index = first_index;
  fragment.leave_for_later(std::move(stream));
}

FieldResult<std::size_t> OperationExecution::initial_count(const PlannedStream& stream) const {
  if (stream.initial_count == nullptr) return 0;
  const type::NamedType* integer = schema_.type("Int");
  const auto count = integer == nullptr
                         ? std::nullopt
                         : type::coerce_literal(*stream.initial_count, type::TypeRef(*integer),
                                                &request_.variables);
  if (!count) return 0;
  if (!count->is_int64() || count->get_int64() < 0) {
    return field_error(ErrorCode::kInternal, "initialCount must be a positive integer");
  }
  return static_cast<std::size_t>(count->get_int64());
}

}  // namespace errand::graphql::execution
