#include "errand/graphql/execution/collect_fields.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "errand/graphql/type/coerce.h"
#include "errand/json/writer.h"

namespace errand::graphql::execution {
namespace {

/// One response name with the Field nodes that are merged under it.
struct FieldGroup {
  std::string_view response_name;
  std::vector<const language::Node*> nodes;
  DeferUsages usages;  ///< of each node; nullptr where it is not deferred
};

/// The fields of one selection set by response name, in order of first appearance.
class FieldGroups {
 public:
  void add(const language::Field& field, const DeferUsage* usage) {
    const std::string_view name = field.response_name();
    // Few fields are the rule: a scan then beats hashing.
    if (groups_.size() < kIndexFrom) {
      for (FieldGroup& group : groups_) {
        if (group.response_name == name) return add_to(group, field, usage);
      }
    } else {
      if (index_.empty()) {
        for (std::size_t i = 0; i < groups_.size(); ++i) {
          index_.emplace(groups_[i].response_name, i);
        }
      }
      const auto [found, added] = index_.try_emplace(name, groups_.size());
      if (!added) return add_to(groups_[found->second], field, usage);
    }
    groups_.push_back({name, {&field}, {usage}});
  }

  std::vector<FieldGroup>& groups() { return groups_; }

 private:
  static constexpr std::size_t kIndexFrom = 16;

  static void add_to(FieldGroup& group, const language::Field& field, const DeferUsage* usage) {
    group.nodes.push_back(&field);
    group.usages.push_back(usage);
  }

  std::vector<FieldGroup> groups_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

/// The argument `name`; nullptr where it is absent.
const language::Value* argument_of(const language::Directive& directive, std::string_view name) {
  for (const language::Argument* argument : directive.arguments) {
    if (argument->name.value == name) return argument->value;
  }
  return nullptr;
}

const language::Directive* directive_of(const language::Selection& selection,
                                        std::string_view name) {
  for (const language::Directive* directive : selection.directives) {
    if (directive->name.value == name) return directive;
  }
  return nullptr;
}

/// The value of the argument `if`, `absent` where it has none.
bool condition(const language::Directive& directive, const boost::json::object& variables,
               bool absent) {
  const language::Value* value = argument_of(directive, "if");
  if (value == nullptr) return absent;
  if (const auto* literal = value->get_if<language::BooleanValue>()) return literal->value;
  const auto* variable = value->get_if<language::Variable>();
  if (variable == nullptr) return false;
  const std::string_view name = variable->name.value;
  const boost::json::value* given =
      variables.if_contains(boost::json::string_view(name.data(), name.size()));
  if (given == nullptr) return absent;
  return given->is_bool() && given->get_bool();
}

/// The label, which validation wants to be a plain string.
std::optional<std::string_view> label_of(const language::Directive& directive) {
  const language::Value* value = argument_of(directive, "label");
  const auto* text = value == nullptr ? nullptr : value->get_if<language::StringValue>();
  if (text == nullptr) return std::nullopt;
  return text->value;
}

/// CollectFields() (spec, 6.3.2) over one object type.
class Collector {
 public:
  Collector(const CollectionInput& input, const type::ObjectType& type)
      : input_(input), schema_(input.resolvers.schema()), type_(type) {}

  void collect(const language::SelectionSet& set, const DeferUsage* usage) {
    for (const language::Selection* selection : set.selections) {
      if (!is_included(*selection)) continue;
      if (const auto* field = selection->get_if<language::Field>()) {
        groups_.add(*field, usage);
      } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        if (!applies(inline_fragment->type_condition)) continue;
        const language::Directive* defer = deferring(*selection);
        collect(*inline_fragment->selection_set,
                defer == nullptr ? usage : add_usage(*defer, usage));
      } else {
        collect_spread(selection->as<language::FragmentSpread>(), usage);
      }
    }
  }

  std::vector<FieldGroup>& groups() { return groups_.groups(); }
  std::vector<std::unique_ptr<const DeferUsage>>& defers() { return defers_; }

 private:
  void collect_spread(const language::FragmentSpread& spread, const DeferUsage* usage) {
    const language::FragmentDefinition* fragment = input_.document.fragment(spread.name.value);
    if (fragment == nullptr || !applies(fragment->type_condition)) return;
    const language::Directive* defer = deferring(spread);
    // Once at most in each deferred fragment, and no more after it was spread without deferring.
    const language::Directive* within = defer != nullptr ? defer : directive_of_usage(usage);
    std::vector<const language::Directive*>& visited = visited_[spread.name.value];
    if (std::ranges::find(visited, nullptr) != visited.end() ||
        std::ranges::find(visited, within) != visited.end()) {
      return;
    }
    visited.push_back(within);
    collect(*fragment->selection_set, defer == nullptr ? usage : add_usage(*defer, usage));
  }

  /// The @defer of a fragment that takes effect; nullptr without one.
  const language::Directive* deferring(const language::Selection& selection) const {
    if (input_.incremental == IncrementalFormat::kNone) return nullptr;
    const language::Directive* defer = directive_of(selection, "defer");
    return defer != nullptr && condition(*defer, input_.variables, true) ? defer : nullptr;
  }

  /// A deferred fragment begins.
  const DeferUsage* add_usage(const language::Directive& defer, const DeferUsage* parent) {
    const DeferUsage* added =
        defers_.emplace_back(std::make_unique<const DeferUsage>(parent, label_of(defer))).get();
    directives_.emplace_back(added, &defer);
    return added;
  }

  const language::Directive* directive_of_usage(const DeferUsage* usage) const {
    for (const auto& [known, directive] : directives_) {
      if (known == usage) return directive;
    }
    return nullptr;
  }

  /// @skip and @include; @skip wins.
  bool is_included(const language::Selection& selection) const {
    for (const language::Directive* directive : selection.directives) {
      const bool skip = directive->name.value == "skip";
      if (!skip && directive->name.value != "include") continue;
      if (condition(*directive, input_.variables, false) == skip) return false;
    }
    return true;
  }

  /// DoesFragmentTypeApply().
  bool applies(const language::NamedType* type_condition) const {
    if (type_condition == nullptr) return true;
    const type::NamedType* named = schema_.type(type_condition->name.value);
    return named != nullptr && (named == &type_ || schema_.is_possible_type(*named, type_));
  }

  const CollectionInput& input_;
  const type::Schema& schema_;
  const type::ObjectType& type_;
  FieldGroups groups_;
  std::vector<std::unique_ptr<const DeferUsage>> defers_;
  std::vector<std::pair<const DeferUsage*, const language::Directive*>> directives_;
  std::unordered_map<std::string_view, std::vector<const language::Directive*>> visited_;
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

std::unique_ptr<const PlannedStream> plan_stream(const CollectionInput& input,
                                                 const PlannedField& field);

/// Fills in what follows from the first of the field's nodes.
void plan_field(const CollectionInput& input, PlannedField& field) {
  const language::Field& node = field.node();
  const type::FieldDefinition& definition = *field.definition;
  if (&definition != &input.resolvers.schema().typename_field()) {
    field.slot = &input.resolvers.slot(definition);
  }
  if (definition.type.is_list()) field.stream = plan_stream(input, field);
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

std::unique_ptr<const PlannedStream> plan_stream(const CollectionInput& input,
                                                 const PlannedField& field) {
  if (input.incremental == IncrementalFormat::kNone) return nullptr;
  const language::Directive* directive = directive_of(field.node(), "stream");
  if (directive == nullptr || !condition(*directive, input.variables, true)) return nullptr;
  auto stream = std::make_unique<PlannedStream>();
  stream->label = label_of(*directive);
  stream->initial_count = argument_of(*directive, "initialCount");
  stream->items.response_name = field.response_name;
  stream->items.key = field.key;
  stream->items.definition = field.definition;
  stream->items.slot = field.slot;
  stream->items.nodes = field.nodes;
  return stream;
}

/// Makes a plan of `groups`.
/// @param delivered_with  see PlannedField
void plan_selection(const CollectionInput& input, const type::ObjectType& type,
                    std::vector<FieldGroup> groups, const DeferUsages* delivered_with,
                    SelectionPlan& plan) {
  plan.type = &type;
  plan.fields = std::vector<PlannedField>(groups.size());
  for (const FieldGroup& group : groups) {
    json::append_string(plan.keys, group.response_name);
    plan.keys += ':';
  }
  std::string_view keys = plan.keys;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    PlannedField& field = plan.fields[i];
    field.response_name = groups[i].response_name;
    field.key = keys.substr(0, field.response_name.size() + 3);  // a name needs no escapes
    keys.remove_prefix(field.key.size());
    field.definition = input.resolvers.schema().field(
        type, groups[i].nodes.front()->as<language::Field>().name.value);
    field.nodes = std::move(groups[i].nodes);
    field.nodes.shrink_to_fit();
    if (std::ranges::any_of(groups[i].usages, [](const auto* usage) { return usage != nullptr; })) {
      field.node_usages = std::move(groups[i].usages);
    }
    field.delivered_with = delivered_with;
    plan_field(input, field);
  }
}

/// With which deferred fragments a field is delivered: those of its nodes, without any that lies
/// within another one of them; none where a node is not deferred.
DeferUsages outermost(const DeferUsages& usages) {
  DeferUsages result;
  for (const DeferUsage* usage : usages) {
    if (usage == nullptr) return {};
    if (std::ranges::find(result, usage) == result.end()) result.push_back(usage);
  }
  const DeferUsages all = result;
  std::erase_if(result, [&](const DeferUsage* usage) {
    for (const DeferUsage* outer = usage->parent; outer != nullptr; outer = outer->parent) {
      if (std::ranges::find(all, outer) != all.end()) return true;
    }
    return false;
  });
  return result;
}

bool same_set(const DeferUsages& a, const DeferUsages& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const DeferUsage* usage) {
           return std::ranges::find(b, usage) != b.end();
         });
}

/// Splits groups into those that are delivered with `delivered_with` and those that come later.
class Partition {
 public:
  struct Later {
    DeferUsages usages;
    std::vector<FieldGroup> groups;
  };

  explicit Partition(const DeferUsages& delivered_with) : delivered_with_(delivered_with) {}

  /// A field comes once, with the outermost of its fragments.
  void add(FieldGroup group) {
    DeferUsages usages = outermost(group.usages);
    list_for(usages).push_back(std::move(group));
  }

  /// A field comes with each of its fragments.
  void add_to_each(const FieldGroup& group) {
    for (std::size_t i = 0; i < group.nodes.size(); ++i) {
      DeferUsages usages;
      if (group.usages[i] != nullptr) usages.push_back(group.usages[i]);
      std::vector<FieldGroup>& list = list_for(usages);
      const auto known = std::ranges::find(list, group.response_name, &FieldGroup::response_name);
      if (known == list.end()) {
        list.push_back({group.response_name, {group.nodes[i]}, {group.usages[i]}});
      } else {
        known->nodes.push_back(group.nodes[i]);
        known->usages.push_back(group.usages[i]);
      }
    }
  }

  std::vector<FieldGroup> now;
  std::vector<Later> later;

 private:
  std::vector<FieldGroup>& list_for(const DeferUsages& usages) {
    if (same_set(usages, delivered_with_)) return now;
    for (Later& known : later) {
      if (same_set(known.usages, usages)) return known.groups;
    }
    return later.emplace_back(usages, std::vector<FieldGroup>()).groups;
  }

  const DeferUsages& delivered_with_;
};

std::unique_ptr<SelectionPlan> make_plan(const CollectionInput& input, const type::ObjectType& type,
                                         Collector& collector, const DeferUsages* delivered_with) {
  std::vector<FieldGroup>& groups = collector.groups();
  std::erase_if(groups, [&](const FieldGroup& group) {
    const std::string_view name = group.nodes.front()->as<language::Field>().name.value;
    return input.resolvers.schema().field(type, name) == nullptr;
  });
  auto plan = std::make_unique<SelectionPlan>();
  plan->defers = std::move(collector.defers());
  const bool deferring = std::ranges::any_of(groups, [](const FieldGroup& group) {
    return std::ranges::any_of(group.usages, [](const auto* usage) { return usage != nullptr; });
  });
  if (!deferring && delivered_with == nullptr) {
    plan_selection(input, type, std::move(groups), nullptr, *plan);
    return plan;
  }
  const DeferUsages none;
  Partition partition(delivered_with == nullptr ? none : *delivered_with);
  for (FieldGroup& group : groups) {
    if (input.incremental == IncrementalFormat::k20220824) {
      partition.add_to_each(group);
    } else {
      partition.add(std::move(group));
    }
  }
  plan_selection(input, type, std::move(partition.now), delivered_with, *plan);
  for (Partition::Later& later : partition.later) {
    auto deferred = std::make_unique<DeferredSelection>();
    deferred->usages = std::move(later.usages);
    plan_selection(input, type, std::move(later.groups), &deferred->usages, deferred->selection);
    plan->deferred.push_back(std::move(deferred));
  }
  return plan;
}

}  // namespace

std::unique_ptr<SelectionPlan> collect_fields(const CollectionInput& input,
                                              const type::ObjectType& type,
                                              const language::SelectionSet& set) {
  Collector collector(input, type);
  collector.collect(set, nullptr);
  return make_plan(input, type, collector, nullptr);
}

std::unique_ptr<SelectionPlan> collect_subfields(const CollectionInput& input,
                                                 const type::ObjectType& type,
                                                 const PlannedField& field) {
  Collector collector(input, type);
  for (std::size_t i = 0; i < field.nodes.size(); ++i) {
    const language::SelectionSet* set = field.nodes[i]->as<language::Field>().selection_set;
    if (set == nullptr) continue;
    collector.collect(*set, field.node_usages.empty() ? nullptr : field.node_usages[i]);
  }
  return make_plan(input, type, collector, field.delivered_with);
}

std::size_t count_fields(const SelectionPlan& plan) {
  std::size_t count = plan.fields.size();
  for (const auto& deferred : plan.deferred) count += deferred->selection.fields.size();
  return count;
}

}  // namespace errand::graphql::execution
