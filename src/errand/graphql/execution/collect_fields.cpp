#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::execution {
namespace {

/// The fields of one selection set by response name, in order of first appearance.
class FieldGroups {
 public:
  void add(const language::Field& field) {
    const std::string_view name = field.response_name();
    // Few fields are the rule: a scan then beats hashing.
    if (groups_.size() < kIndexFrom) {
      for (auto& [key, nodes] : groups_) {
        if (key == name) {
          nodes.push_back(&field);
          return;
        }
      }
    } else {
      if (index_.empty()) {
        for (std::size_t i = 0; i < groups_.size(); ++i) index_.emplace(groups_[i].first, i);
      }
      const auto [found, added] = index_.try_emplace(name, groups_.size());
      if (!added) {
        groups_[found->second].second.push_back(&field);
        return;
      }
    }
    groups_.push_back({name, {&field}});
  }

  std::vector<std::pair<std::string_view, std::vector<const language::Node*>>>& groups() {
    return groups_;
  }

 private:
  static constexpr std::size_t kIndexFrom = 16;

  std::vector<std::pair<std::string_view, std::vector<const language::Node*>>> groups_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

/// CollectFields() (spec, 6.3.2) over one object type.
class Collector {
 public:
  Collector(const type::Schema& schema, const ExecutableDocument& document,
            const boost::json::object& variables, const type::ObjectType& type)
      : schema_(schema), document_(document), variables_(variables), type_(type) {}

  void collect(const language::SelectionSet& set) {
    for (const language::Selection* selection : set.selections) {
      if (!is_included(*selection)) continue;
      if (const auto* field = selection->get_if<language::Field>()) {
        groups_.add(*field);
      } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        if (applies(inline_fragment->type_condition)) collect(*inline_fragment->selection_set);
      } else {
        const auto& spread = selection->as<language::FragmentSpread>();
        if (!visited_.insert(spread.name.value).second) continue;
        const language::FragmentDefinition* fragment = document_.fragment(spread.name.value);
        if (fragment != nullptr && applies(fragment->type_condition)) {
          collect(*fragment->selection_set);
        }
      }
    }
  }

  FieldGroups& groups() { return groups_; }

 private:
  /// @skip and @include; @skip wins.
  bool is_included(const language::Selection& selection) const {
    for (const language::Directive* directive : selection.directives) {
      const bool skip = directive->name.value == "skip";
      if (!skip && directive->name.value != "include") continue;
      if (condition(*directive) == skip) return false;
    }
    return true;
  }

  /// The value of the argument `if`; validation has seen to it that there is one.
  bool condition(const language::Directive& directive) const {
    for (const language::Argument* argument : directive.arguments) {
      if (argument->name.value != "if") continue;
      if (const auto* literal = argument->value->get_if<language::BooleanValue>()) {
        return literal->value;
      }
      if (const auto* variable = argument->value->get_if<language::Variable>()) {
        const std::string_view name = variable->name.value;
        const boost::json::value* value =
            variables_.if_contains(boost::json::string_view(name.data(), name.size()));
        return value != nullptr && value->is_bool() && value->get_bool();
      }
    }
    return false;
  }

  /// DoesFragmentTypeApply().
  bool applies(const language::NamedType* condition) const {
    if (condition == nullptr) return true;
    const type::NamedType* named = schema_.type(condition->name.value);
    return named != nullptr && (named == &type_ || schema_.is_possible_type(*named, type_));
  }

  const type::Schema& schema_;
  const ExecutableDocument& document_;
  const boost::json::object& variables_;
  const type::ObjectType& type_;
  FieldGroups groups_;
  std::unordered_set<std::string_view> visited_;
};

}  // namespace

std::unique_ptr<SelectionPlan> OperationExecution::collect_fields(
    const type::ObjectType& type, const std::vector<const language::SelectionSet*>& sets) {
  Collector collector(schema_, *request_.document, request_.variables, type);
  for (const language::SelectionSet* set : sets) collector.collect(*set);

  auto plan = std::make_unique<SelectionPlan>();
  plan->type = &type;
  plan->fields.reserve(collector.groups().groups().size());
  for (auto& [response_name, nodes] : collector.groups().groups()) {
    const auto& node = nodes.front()->as<language::Field>();
    const type::FieldDefinition* definition = schema_.field(type, node.name.value);
    if (definition == nullptr) continue;
    PlannedField field;
    field.response_name = response_name;
    field.definition = definition;
    if (definition != &schema_.typename_field()) {
      field.slot = &request_.resolvers->slot(*definition);
    }
    if (!definition->arguments.empty()) {
      field.arguments =
          type::coerce_argument_values(source(), *definition, node, request_.variables);
    }
    field.nodes = std::move(nodes);
    plan->fields.push_back(std::move(field));
  }
  return plan;
}

SelectionPlan& OperationExecution::collect_subfields(PlannedField& field,
                                                     const type::ObjectType& type) {
  for (const auto& [known, plan] : field.subfields) {
    if (known == &type) return *plan;
  }
  std::vector<const language::SelectionSet*> sets;
  for (const language::Node* node : field.nodes) {
    const language::SelectionSet* set = node->as<language::Field>().selection_set;
    if (set != nullptr) sets.push_back(set);
  }
  return *field.subfields.emplace_back(&type, collect_fields(type, sets)).second;
}

SelectionPlan& OperationExecution::root_selection(const type::ObjectType& type) {
  if (root_ == nullptr) root_ = collect_fields(type, {request_.operation->selection_set});
  return *root_;
}

}  // namespace errand::graphql::execution
