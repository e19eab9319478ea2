#include <algorithm>
#include <utility>

#include "errand/graphql/execution/collect_fields.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {

const SelectionPlan& OperationExecution::root_selection(const type::ObjectType& type) {
  if (root_fields_ != nullptr) return *root_fields_;
  if (plan_ != nullptr) root_fields_ = plan_->root(type, request_.variables);
  if (root_fields_ == nullptr) {
    auto& own = own_selections_[{nullptr, &type}];
    own = collect_fields({*request_.resolvers, *request_.document, request_.variables, nullptr,
                          request_.incremental},
                         type, *request_.operation->selection_set);
    root_fields_ = own.get();
  }
  return *root_fields_;
}

const SelectionPlan& OperationExecution::subfields_of(const PlannedField& field,
                                                      const type::ObjectType& type) {
  // Once the plan is full it stays so. Fields of one's own must not be entered into it.
  const SelectionPlan* planned = own_selections_.empty()
                                     ? plan_->subfields(field, type, request_.variables)
                                     : OperationPlan::find(field.subfields, type);
  if (planned != nullptr) return *planned;
  auto& own = own_selections_[{&field, &type}];
  if (own == nullptr) {
    own = collect_subfields({*request_.resolvers, *request_.document, request_.variables, nullptr,
                             request_.incremental},
                            type, field);
  }
  return *own;
}

OperationExecution::FieldArguments OperationExecution::arguments_of(const PlannedField& field) {
  const auto view = [](const CoercedArguments& arguments) -> FieldArguments {
    if (!arguments) return std::unexpected(&arguments.error());
    return &*arguments;
  };
  const std::uint32_t slot = field.arguments_slot;
  if (slot == PlannedField::kCoerced) return view(field.arguments);
  if (type::are_arguments(*field.definition, field.node(), request_.variables)) {
    return &request_.variables;
  }
  const auto coerce = [&] {
    return type::coerce_argument_values(source(), *field.definition, field.node(),
                                        request_.variables, type::SchemaDefaults::kFill,
                                        request_.memory.storage());
  };
  if (slot == 0) {
    if (!first_arguments_) first_arguments_.emplace(coerce());
    return view(*first_arguments_);
  }
  if (slot >= arguments_.size()) {
    arguments_.resize(std::max<std::size_t>(slot + 1, plan_->arguments_slots()));
  }
  if (arguments_[slot] == nullptr) {
    arguments_[slot] = std::make_unique<const CoercedArguments>(coerce());
  }
  return view(*arguments_[slot]);
}

}  // namespace errand::graphql::execution
