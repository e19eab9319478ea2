#pragma once

#include <memory>
#include <vector>

#include "errand/graphql/execution/operation_execution.h"

namespace errand::graphql::execution {

/// An awaitable field that waits for its turn: what its resolver and the completion of its value
/// need, kept apart from the stack that met it.
struct OperationExecution::PendingField {
  PendingField(OperationExecution& operation, const SelectionPlan& selection,
               const PlannedField& planned_field, const boost::json::object& arguments,
               const SourceObject& source, const ResponsePath& at)
      : planned(planned_field),
        path(at.copy()),
        owner(source.owner == nullptr ? nullptr : *source.owner),
        position(operation.position_),
        info{.schema = operation.schema_,
             .parent_type = *selection.type,
             .field = *planned_field.definition,
             .path = path.back(),
             .arguments = arguments,
             .source = {source.native, source.json, &owner},
             .context = operation.request_.context,
             .planned = planned_field,
             .execution = operation,
             .deferred = position.part->deferred} {}

  const PlannedField& planned;
  std::vector<ResponsePath> path;  ///< from the root on, each the next one's parent
  std::shared_ptr<const void> owner;
  Position position;
  ResolveInfo info;
};

}  // namespace errand::graphql::execution
