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
        path(own_path(at)),
        owner(source.owner == nullptr ? nullptr : *source.owner),
        info{.schema = operation.schema_,
             .parent_type = *selection.type,
             .field = *planned_field.definition,
             .path = path.back(),
             .arguments = arguments,
             .source = {source.native, source.json, &owner},
             .context = operation.request_.context,
             .planned = planned_field,
             .execution = operation} {}

  const PlannedField& planned;
  std::vector<ResponsePath> path;  ///< from the root on, each the next one's parent
  std::shared_ptr<const void> owner;
  ResolveInfo info;

 private:
  static std::vector<ResponsePath> own_path(const ResponsePath& path) {
    std::size_t length = 0;
    for (const ResponsePath* link = &path; link != nullptr; link = link->parent) ++length;
    std::vector<ResponsePath> links(length);
    for (const ResponsePath* link = &path; link != nullptr; link = link->parent) {
      links[--length] = *link;
    }
    for (std::size_t i = 1; i < links.size(); ++i) links[i].parent = &links[i - 1];
    return links;
  }
};

}  // namespace errand::graphql::execution
