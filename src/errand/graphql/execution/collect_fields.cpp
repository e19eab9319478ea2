#include "errand/graphql/execution/collect_fields.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "errand/graphql/type/coerce.h"
#include "errand/json/writer.h"

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

bool holds_variable(const language::Value& value) {
  if (value.is<language::Variable>()) return true;
  if (const auto* list = value.get_if<language::ListValue>()) {
    return std::ranges::any_of(list->values,
                               [](const auto* item) { return holds_variable(*item); });
  }
  if (const auto* object = value.get_if<language::ObjectValue>()) {
    return std::ranges::any_of(object->fields,
                               [](const auto* field) { return holds_variable(*field->value); });
  }
  return false;
}

/// Fills in what `node`, the first of the field's nodes, says.
void plan_field(const CollectionInput& input, const language::Field& node, PlannedField& field) {
  const type::FieldDefinition& definition = *field.definition;
  if (&definition != &input.resolvers.schema().typename_field()) {
    field.slot = &input.resolvers.slot(definition);
  }
  if (definition.arguments.empty()) return;
  const bool varies = std::ranges::any_of(
      node.arguments, [](const auto* argument) { return holds_variable(*argument->value); });
  if (varies && input.arguments_slots != nullptr) {
    field.arguments_slot = (*input.arguments_slots)++;
  } else {
    field.arguments = type::coerce_argument_values(input.document.document().source(), definition,
                                                   node, input.variables);
  }
}

}  // namespace

std::unique_ptr<SelectionPlan> collect_fields(const CollectionInput& input,
                                              const type::ObjectType& type,
                                              std::span<const language::SelectionSet* const> sets) {
  const type::Schema& schema = input.resolvers.schema();
  Collector collector(schema, input.document, input.variables, type);
  for (const language::SelectionSet* set : sets) collector.collect(*set);
  auto& groups = collector.groups().groups();
  const auto definition_of = [&](const auto& group) {
    return schema.field(type, group.second.front()->template as<language::Field>().name.value);
  };
  std::erase_if(groups, [&](const auto& group) { return definition_of(group) == nullptr; });

  auto plan = std::make_unique<SelectionPlan>();
  plan->type = &type;
  plan->fields = std::vector<PlannedField>(groups.size());
  for (const auto& group : groups) {
    json::append_string(plan->keys, group.first);
    plan->keys += ':';
  }
  std::string_view keys = plan->keys;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    PlannedField& field = plan->fields[i];
    field.response_name = groups[i].first;
    field.key = keys.substr(0, field.response_name.size() + 3);  // a name needs no escapes
    keys.remove_prefix(field.key.size());
    field.definition = definition_of(groups[i]);
    plan_field(input, groups[i].second.front()->as<language::Field>(), field);
    field.nodes = std::move(groups[i].second);
    field.nodes.shrink_to_fit();
  }
  return plan;
}

std::unique_ptr<SelectionPlan> collect_subfields(const CollectionInput& input,
                                                 const type::ObjectType& type,
                                                 const PlannedField& field) {
  std::vector<const language::SelectionSet*> sets;
  for (const language::Node* node : field.nodes) {
    const language::SelectionSet* set = node->as<language::Field>().selection_set;
    if (set != nullptr) sets.push_back(set);
  }
  return collect_fields(input, type, sets);
}

}  // namespace errand::graphql::execution
