#include "errand/graphql/validation/overlapping_fields_can_be_merged.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "errand/graphql/language/printer.h"
#include "errand/graphql/validation/types_conflict.h"

namespace errand::graphql::validation {
namespace {

using language::Field;
using language::FragmentDefinition;
using language::Node;
using language::SelectionSet;
using type::NamedType;
using type::TypeRef;

// Those of graphql-js.
constexpr std::size_t kDetailLengthMax = 1'000;
constexpr std::size_t kNodesMax = 20;
constexpr std::size_t kWorkMax = 500'000;
/// Selection sets within selection sets, through fragments too; bounds the stack.
constexpr int kDepthMax = 1'000;
/// Up to here a list is searched, above it gets an index.
constexpr std::size_t kSearchMax = 8;

struct FieldDetails {
  const NamedType* parent_type;
  const Field* node;
  const type::FieldDefinition* definition;
};

/// The fields of a selection set and its inline fragments by response name, and the fragments that
/// it spreads.
class FieldSet {
 public:
  struct Group {
    std::string_view response_name;
    std::vector<FieldDetails> fields;
  };

  void add(const FieldDetails& field) {
    const std::string_view name = field.node->response_name();
    std::size_t index = find(name);
    if (index == groups_.size()) {
      groups_.push_back({name, {}});
      if (groups_.size() > kSearchMax) {
        for (; indexed_ < groups_.size(); ++indexed_) {
          index_by_name_.emplace(groups_[indexed_].response_name, indexed_);
        }
      }
    }
    groups_[index].fields.push_back(field);
  }

  void add(const FragmentDefinition& fragment) {
    if (fragments_.size() > kSearchMax) {
      if (!known_fragments_.emplace(&fragment, true).second) return;
    } else if (std::ranges::find(fragments_, &fragment) != fragments_.end()) {
      return;
    }
    fragments_.push_back(&fragment);
    if (fragments_.size() == kSearchMax + 1) {
      for (const FragmentDefinition* known : fragments_) known_fragments_.emplace(known, true);
    }
  }

  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] const std::vector<const FragmentDefinition*>& fragments() const {
    return fragments_;
  }
  [[nodiscard]] const Group* group(std::string_view response_name) const {
    const std::size_t index = find(response_name);
    return index == groups_.size() ? nullptr : &groups_[index];
  }

 private:
  [[nodiscard]] std::size_t find(std::string_view name) const {
    if (groups_.size() > kSearchMax) {
      const auto found = index_by_name_.find(name);
      return found == index_by_name_.end() ? groups_.size() : found->second;
    }
    std::size_t i = 0;
    while (i < groups_.size() && groups_[i].response_name != name) ++i;
    return i;
  }

  std::vector<Group> groups_;
  std::unordered_map<std::string_view, std::size_t> index_by_name_;
  std::size_t indexed_ = 0;
  std::vector<const FragmentDefinition*> fragments_;
  std::unordered_map<const FragmentDefinition*, bool> known_fragments_;
};

struct Conflict {
  std::string_view response_name;
  std::string reason;
  std::vector<const Node*> fields1;
  std::vector<const Node*> fields2;
};

using PointerPair = std::pair<const void*, const void*>;
struct PointerPairHash {
  std::size_t operator()(const PointerPair& pair) const noexcept {
    const std::hash<const void*> hash;
    return hash(pair.first) * 0x9E3779B97F4A7C15ULL ^ hash(pair.second);
  }
};

/// Pairs that were compared, and whether only as mutually exclusive, which says less.
class ComparedPairs {
 public:
  /// Notes the pair; false where it was compared before and that covers this.
  bool add(const void* a, const void* b, bool exclusive) {
    const auto [entry, is_new] = pairs_.try_emplace({a, b}, exclusive);
    if (is_new) return true;
    if (exclusive || !entry->second) return false;
    entry->second = false;
    return true;
  }

 private:
  std::unordered_map<PointerPair, bool, PointerPairHash> pairs_;
};

std::string abbreviate(std::string_view text) {
  if (text.size() <= kDetailLengthMax) return std::string(text);
  return std::string(text.substr(0, kDetailLengthMax)) + "...";
}

/// Same kind and, for scalars, same text; lists and objects compare by their keys.
bool is_same_scalar(const language::Value& a, const language::Value& b) {
  using language::Kind;
  switch (a.kind) {
    case Kind::kVariable:
      return a.as<language::Variable>().name.value == b.as<language::Variable>().name.value;
    case Kind::kIntValue:
      return a.as<language::IntValue>().value == b.as<language::IntValue>().value;
    case Kind::kFloatValue:
      return a.as<language::FloatValue>().value == b.as<language::FloatValue>().value;
    case Kind::kStringValue:
      return a.as<language::StringValue>().value == b.as<language::StringValue>().value &&
             a.as<language::StringValue>().block == b.as<language::StringValue>().block;
    case Kind::kBooleanValue:
      return a.as<language::BooleanValue>().value == b.as<language::BooleanValue>().value;
    case Kind::kEnumValue:
      return a.as<language::EnumValue>().value == b.as<language::EnumValue>().value;
    default:
      return true;  // null
  }
}

/// Appends a text that is the same for equal values: object fields in order of their names.
void append_key(std::string& key, const language::Value& value) {
  if (const auto* list = value.get_if<language::ListValue>()) {
    key += '[';
    for (const language::Value* item : list->values) {
      append_key(key, *item);
      key += ',';
    }
    key += ']';
  } else if (const auto* object = value.get_if<language::ObjectValue>()) {
    std::vector<const language::ObjectField*> fields(object->fields.begin(), object->fields.end());
    std::ranges::sort(fields, {}, [](const language::ObjectField* field) {
      return std::pair(field->name.value, field->start);  // repeated names in their order
    });
    key += '{';
    for (const language::ObjectField* field : fields) {
      key += field->name.value;
      key += ':';
      append_key(key, *field->value);
      key += ',';
    }
    key += '}';
  } else {
    key += language::print(value);
  }
}

}  // namespace

class OverlappingFieldsCanBeMergedRule::Comparison {
 public:
  explicit Comparison(ValidationContext& context) : context_(context) {}

  std::vector<Conflict> within(const NamedType* parent_type, const SelectionSet& selection_set) {
    std::vector<Conflict> conflicts;
    const FieldSet& set = collect(parent_type, selection_set);
    for (const FieldSet::Group& group : set.groups()) {
      for (std::size_t i = 0; i < group.fields.size(); ++i) {
        for (std::size_t j = i + 1; j < group.fields.size(); ++j) {
          compare(conflicts, false, group.response_name, group.fields[i], group.fields[j]);
          if (context_.aborted()) return conflicts;
        }
      }
    }
    const auto& fragments = set.fragments();
    for (std::size_t i = 0; i < fragments.size() && !context_.aborted(); ++i) {
      between_fields_and_fragment(conflicts, false, set, *fragments[i]);
      for (std::size_t j = i + 1; j < fragments.size() && !context_.aborted(); ++j) {
        between_fragments(conflicts, false, *fragments[i], *fragments[j]);
      }
    }
    return conflicts;
  }

 private:
  /// Draws on the budget; false, with validation aborted, once it is used up.
  bool spend(std::size_t cost) {
    if (context_.aborted()) return false;
    if (cost > work_left_) {
      context_.abort();
      return false;
    }
    work_left_ -= cost;
    return true;
  }

  // ---- Fields of selection sets ----

  const FieldSet& collect(const NamedType* parent_type, const SelectionSet& selection_set) {
    std::unique_ptr<FieldSet>& set = sets_[{parent_type, &selection_set}];
    if (set == nullptr) {
      set = std::make_unique<FieldSet>();
      collect_into(*set, parent_type, selection_set);
    }
    return *set;
  }

  const FieldSet& collect(const FragmentDefinition& fragment) {
    return collect(context_.schema().type(fragment.type_condition->name.value),
                   *fragment.selection_set);
  }

  void collect_into(FieldSet& set, const NamedType* parent_type,
                    const SelectionSet& selection_set) {
    for (const language::Selection* selection : selection_set.selections) {
      if (const auto* field = selection->get_if<Field>()) {
        const type::FieldDefinition* definition = nullptr;
        if (parent_type != nullptr) {
          if (const auto* fields = parent_type->get_if<type::FieldsType>()) {
            definition = fields->field(field->name.value);
          }
        }
        set.add(FieldDetails{parent_type, field, definition});
      } else if (const auto* spread = selection->get_if<language::FragmentSpread>()) {
        if (const auto* fragment = context_.fragment(spread->name.value)) set.add(*fragment);
      } else {
        const auto& fragment = selection->as<language::InlineFragment>();
        const NamedType* type = fragment.type_condition == nullptr
                                    ? parent_type
                                    : context_.schema().type(fragment.type_condition->name.value);
        collect_into(set, type, *fragment.selection_set);
      }
    }
  }

  // ---- Comparing sets ----

  void between(std::vector<Conflict>& conflicts, bool exclusive, const FieldSet& set1,
               const FieldSet& set2) {
    if (set1.groups().empty() || set2.groups().empty()) return;
    for (const FieldSet::Group& group1 : set1.groups()) {
      if (!spend(1)) return;
      const FieldSet::Group* group2 = set2.group(group1.response_name);
      if (group2 == nullptr) continue;
      for (const FieldDetails& field1 : group1.fields) {
        for (const FieldDetails& field2 : group2->fields) {
          compare(conflicts, exclusive, group1.response_name, field1, field2);
          if (context_.aborted()) return;
        }
      }
    }
  }

  /// Fields against a fragment and all that it reaches, depth first. The stack is its own: chains
  /// of fragments are as long as the document.
  void between_fields_and_fragment(std::vector<Conflict>& conflicts, bool exclusive,
                                   const FieldSet& set, const FragmentDefinition& first) {
    std::vector<const FragmentDefinition*> stack = {&first};
    while (!stack.empty()) {
      const FragmentDefinition& fragment = *stack.back();
      stack.pop_back();
      if (!spend(1)) return;
      if (set.groups().empty() || !compared_with_fields_.add(&set, &fragment, exclusive)) continue;
      const FieldSet& set2 = collect(fragment);
      if (&set == &set2) continue;
      between(conflicts, exclusive, set, set2);
      stack.insert(stack.end(), set2.fragments().rbegin(), set2.fragments().rend());
    }
  }

  /// Two fragments and all that they reach, depth first.
  void between_fragments(std::vector<Conflict>& conflicts, bool exclusive,
                         const FragmentDefinition& first, const FragmentDefinition& second) {
    using Pair = std::pair<const FragmentDefinition*, const FragmentDefinition*>;
    std::vector<Pair> stack = {{&first, &second}};
    while (!stack.empty()) {
      const auto [fragment1, fragment2] = stack.back();
      stack.pop_back();
      if (!spend(2)) return;
      if (fragment1 == fragment2) continue;
      const auto [low, high] = std::minmax(fragment1, fragment2, std::less<>());
      if (!compared_fragments_.add(low, high, exclusive)) continue;
      const FieldSet& set1 = collect(*fragment1);
      const FieldSet& set2 = collect(*fragment2);
      between(conflicts, exclusive, set1, set2);
      for (auto it = set1.fragments().rbegin(); it != set1.fragments().rend(); ++it) {
        stack.emplace_back(*it, fragment2);
      }
      for (auto it = set2.fragments().rbegin(); it != set2.fragments().rend(); ++it) {
        stack.emplace_back(fragment1, *it);
      }
    }
  }

  std::vector<Conflict> between_subselections(bool exclusive, const NamedType* type1,
                                              const SelectionSet& selection_set1,
                                              const NamedType* type2,
                                              const SelectionSet& selection_set2) {
    std::vector<Conflict> conflicts;
    const FieldSet& set1 = collect(type1, selection_set1);
    const FieldSet& set2 = collect(type2, selection_set2);
    between(conflicts, exclusive, set1, set2);
    for (const FragmentDefinition* fragment : set2.fragments()) {
      between_fields_and_fragment(conflicts, exclusive, set1, *fragment);
    }
    for (const FragmentDefinition* fragment : set1.fragments()) {
      between_fields_and_fragment(conflicts, exclusive, set2, *fragment);
    }
    for (const FragmentDefinition* fragment1 : set1.fragments()) {
      for (const FragmentDefinition* fragment2 : set2.fragments()) {
        between_fragments(conflicts, exclusive, *fragment1, *fragment2);
        if (context_.aborted()) return conflicts;
      }
    }
    return conflicts;
  }

  // ---- Comparing fields ----

  void compare(std::vector<Conflict>& conflicts, bool parents_exclusive,
               std::string_view response_name, const FieldDetails& field1,
               const FieldDetails& field2) {
    if (!spend(2)) return;
    if (std::optional<Conflict> conflict =
            find_conflict(parents_exclusive, response_name, field1, field2)) {
      conflicts.push_back(*std::move(conflict));
    }
  }

  std::optional<Conflict> find_conflict(bool parents_exclusive, std::string_view response_name,
                                        const FieldDetails& field1, const FieldDetails& field2) {
    const Field& node1 = *field1.node;
    const Field& node2 = *field2.node;
    const auto conflict = [&](std::string reason) {
      return Conflict{response_name, std::move(reason), {&node1}, {&node2}};
    };
    const auto is_object = [](const NamedType* type) {
      return type != nullptr && type->is<type::ObjectType>();
    };
    // Objects of two types never meet, so their fields may differ in all but their shape.
    const bool exclusive =
        parents_exclusive || (field1.parent_type != field2.parent_type &&
                              is_object(field1.parent_type) && is_object(field2.parent_type));
    if (!exclusive) {
      if (node1.name.value != node2.name.value) {
        return conflict(fmt::format("\"{}\" and \"{}\" are different fields",
                                    abbreviate(node1.name.value), abbreviate(node2.name.value)));
      }
      if (!have_same_arguments(node1, node2)) return conflict("they have differing arguments");
    }

    const language::Directive* stream1 = stream_of(node1);
    const language::Directive* stream2 = stream_of(node2);
    if (stream1 != nullptr || stream2 != nullptr) {
      const bool same =
          stream1 != nullptr && stream2 != nullptr && key_of(*stream1) == key_of(*stream2);
      return conflict(
          std::string("they have overlapping stream directives") +
          (same ? ". See https://github.com/graphql/defer-stream-wg/discussions/100" : ""));
    }

    const bool typed = field1.definition != nullptr && field2.definition != nullptr;
    if (typed && types_conflict(field1.definition->type, field2.definition->type)) {
      return conflict(fmt::format("they return conflicting types \"{}\" and \"{}\"",
                                  field1.definition->type.str(), field2.definition->type.str()));
    }
    if (node1.selection_set == nullptr || node2.selection_set == nullptr) return std::nullopt;
    if (depth_ >= kDepthMax) {
      context_.abort();
      return std::nullopt;
    }
    const auto named = [](const FieldDetails& field) {
      return field.definition == nullptr ? nullptr : &field.definition->type.named();
    };
    ++depth_;
    const std::vector<Conflict> below = between_subselections(
        exclusive, named(field1), *node1.selection_set, named(field2), *node2.selection_set);
    --depth_;
    return of_subfields(response_name, below, node1, node2);
  }

  static std::optional<Conflict> of_subfields(std::string_view response_name,
                                              const std::vector<Conflict>& conflicts,
                                              const Field& node1, const Field& node2) {
    if (conflicts.empty()) return std::nullopt;
    std::string reason;
    for (const Conflict& conflict : conflicts) {
      reason += fmt::format("{}subfields \"{}\" conflict because {}", reason.empty() ? "" : " and ",
                            abbreviate(conflict.response_name), conflict.reason);
      if (reason.size() > kDetailLengthMax) break;
    }
    return Conflict{response_name, abbreviate(reason),
                    nodes_of(node1, conflicts, &Conflict::fields1),
                    nodes_of(node2, conflicts, &Conflict::fields2)};
  }

  static std::vector<const Node*> nodes_of(const Field& node,
                                           const std::vector<Conflict>& conflicts,
                                           std::vector<const Node*> Conflict::* side) {
    std::vector<const Node*> nodes = {&node};
    for (const Conflict& conflict : conflicts) {
      const std::vector<const Node*>& fields = conflict.*side;
      const std::size_t count = std::min(fields.size(), kNodesMax - nodes.size());
      nodes.insert(nodes.end(), fields.end() - static_cast<std::ptrdiff_t>(count), fields.end());
      if (nodes.size() == kNodesMax) break;
    }
    return nodes;
  }

  // ---- Arguments ----

  bool have_same_arguments(const Field& field1, const Field& field2) {
    if (field1.arguments.size() != field2.arguments.size()) return false;
    for (const language::Argument* argument : field1.arguments) {
      if (!spend(1)) return true;
      const language::Value* other = argument_value(field2, argument->name.value);
      if (other == nullptr || !is_same_value(*argument->value, *other)) return false;
    }
    return true;
  }

  const language::Value* argument_value(const Field& field, std::string_view name) {
    if (field.arguments.size() <= kSearchMax) {
      const language::Value* value = nullptr;
      for (const language::Argument* argument : field.arguments) {
        if (argument->name.value == name) value = argument->value;
      }
      return value;
    }
    const auto [entry, is_new] = arguments_.try_emplace(&field);
    if (is_new) {
      for (const language::Argument* argument : field.arguments) {
        entry->second.insert_or_assign(argument->name.value, argument->value);
      }
    }
    const auto found = entry->second.find(name);
    return found == entry->second.end() ? nullptr : found->second;
  }

  bool is_same_value(const language::Value& a, const language::Value& b) {
    if (a.kind != b.kind) return false;
    if (!a.is<language::ListValue>() && !a.is<language::ObjectValue>()) return is_same_scalar(a, b);
    return key_of(a) == key_of(b);
  }

  static const language::Directive* stream_of(const Field& field) {
    for (const language::Directive* directive : field.directives) {
      if (directive->name.value == "stream") return directive;
    }
    return nullptr;
  }

  /// A text that is the same for directives with the same arguments, whatever their order.
  static std::string key_of(const language::Directive& directive) {
    std::vector<std::string> arguments;
    for (const language::Argument* argument : directive.arguments) {
      arguments.emplace_back(std::string(argument->name.value) + ':');
      append_key(arguments.back(), *argument->value);
    }
    std::ranges::sort(arguments);
    return fmt::format("{}", fmt::join(arguments, ","));
  }

  const std::string& key_of(const language::Value& value) {
    const auto [entry, is_new] = keys_.try_emplace(&value);
    if (is_new) append_key(entry->second, value);
    return entry->second;
  }

  ValidationContext& context_;
  std::size_t work_left_ = kWorkMax;
  int depth_ = 0;
  std::unordered_map<PointerPair, std::unique_ptr<FieldSet>, PointerPairHash> sets_;
  ComparedPairs compared_with_fields_;
  ComparedPairs compared_fragments_;
  std::unordered_map<const Field*, std::unordered_map<std::string_view, const language::Value*>>
      arguments_;
  std::unordered_map<const language::Value*, std::string> keys_;
};

OverlappingFieldsCanBeMergedRule::OverlappingFieldsCanBeMergedRule(ValidationContext& context)
    : Rule(context), quick_check_(context) {}

OverlappingFieldsCanBeMergedRule::~OverlappingFieldsCanBeMergedRule() = default;

void OverlappingFieldsCanBeMergedRule::enter(const language::OperationDefinition& node) {
  mergeable_ = can_merge(*node.selection_set);
}

void OverlappingFieldsCanBeMergedRule::enter(const FragmentDefinition& node) {
  mergeable_ = can_merge(*node.selection_set);
}

/// @param set  that of the definition which is being entered
bool OverlappingFieldsCanBeMergedRule::can_merge(const SelectionSet& set) {
  const TypeRef type = context_.types().type();
  const bool composite = type.valid() && type.named().is_composite();
  return quick_check_.can_merge(composite ? &type.named() : nullptr, set);
}

void OverlappingFieldsCanBeMergedRule::enter(const SelectionSet& node) {
  if (mergeable_ || &node == inline_set_) return;
  const auto selections = node.selections;
  if (selections.empty()) return;
  if (selections.size() == 1 && !selections[0]->is<language::InlineFragment>()) return;
  if (comparison_ == nullptr) comparison_ = std::make_unique<Comparison>(context_);
  for (const Conflict& conflict : comparison_->within(context_.types().parent_type(), node)) {
    std::vector<const Node*> nodes = conflict.fields1;
    nodes.insert(nodes.end(), conflict.fields2.begin(), conflict.fields2.end());
    context_.report(nodes,
                    fmt::format("Fields \"{}\" conflict because {}. Use different aliases on "
                                "the fields to fetch both if this was intentional.",
                                abbreviate(conflict.response_name), conflict.reason));
  }
}

}  // namespace errand::graphql::validation
