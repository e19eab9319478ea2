#include "errand/graphql/validation/single_field_subscriptions.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace errand::graphql::validation {
namespace {

using language::Node;
using language::SelectionSet;

/// CollectSubscriptionFields(): the fields that the root of a subscription selects, by response
/// name, and the @skip and @include that must not be there (what they stand on is left out).
class SubscriptionFields {
 public:
  SubscriptionFields(ValidationContext& context, const type::ObjectType& root)
      : context_(context), root_(root) {}

  void collect(const SelectionSet& selection_set) {
    // With a stack of its own: chains of fragments are as long as the document.
    std::vector<std::pair<const SelectionSet*, std::size_t>> stack;
    const auto push = [&](const SelectionSet& set) {
      if (context_.spend_fragment_work(set.selections.size())) stack.emplace_back(&set, 0);
    };
    push(selection_set);
    while (!stack.empty() && !context_.aborted()) {
      auto& [set, next] = stack.back();
      if (next == set->selections.size()) {
        stack.pop_back();
        continue;
      }
      const language::Selection& selection = *set->selections[next++];
      if (is_conditional(selection)) continue;
      if (const auto* field = selection.get_if<language::Field>()) {
        add(*field);
      } else if (const auto* fragment = selection.get_if<language::InlineFragment>()) {
        if (matches(fragment->type_condition)) push(*fragment->selection_set);
      } else {
        const auto& spread = selection.as<language::FragmentSpread>();
        const auto* definition = context_.fragment(spread.name.value);
        if (definition == nullptr || !matches(definition->type_condition)) continue;
        if (visited_.insert(spread.name.value).second) push(*definition->selection_set);
      }
    }
  }

  [[nodiscard]] const std::vector<std::vector<const Node*>>& groups() const { return groups_; }
  [[nodiscard]] const std::vector<const Node*>& forbidden_directives() const {
    return forbidden_directives_;
  }

 private:
  bool is_conditional(const language::Selection& selection) {
    const language::Directive* found = nullptr;
    for (const language::Directive* directive : selection.directives) {
      if (directive->name.value == "skip") {
        found = directive;
        break;
      }
      if (directive->name.value == "include" && found == nullptr) found = directive;
    }
    if (found != nullptr) forbidden_directives_.push_back(found);
    return found != nullptr;
  }

  bool matches(const language::NamedType* condition) const {
    if (condition == nullptr) return true;
    const type::NamedType* type = context_.schema().type(condition->name.value);
    return type != nullptr &&
           (type == &root_ ||
            (type->is_abstract() && context_.schema().is_possible_type(*type, root_)));
  }

  void add(const language::Field& field) {
    const auto [entry, is_new] = group_by_name_.try_emplace(field.response_name(), groups_.size());
    if (is_new) groups_.emplace_back();
    groups_[entry->second].push_back(&field);
  }

  ValidationContext& context_;
  const type::ObjectType& root_;
  std::unordered_set<std::string_view> visited_;
  std::unordered_map<std::string_view, std::size_t> group_by_name_;
  std::vector<std::vector<const Node*>> groups_;
  std::vector<const Node*> forbidden_directives_;
};

}  // namespace

void SingleFieldSubscriptionsRule::enter(const language::OperationDefinition& node) {
  const type::ObjectType* root = context_.schema().subscription_type();
  if (node.operation != language::OperationType::kSubscription || root == nullptr) return;
  SubscriptionFields fields(context_, *root);
  fields.collect(*node.selection_set);
  if (context_.aborted()) return;

  const std::string subject =
      node.name ? fmt::format("Subscription \"{}\"", node.name.value) : "Anonymous Subscription";
  if (!fields.forbidden_directives().empty()) {
    context_.report(fields.forbidden_directives(),
                    subject +
                        " must not use `@skip` or `@include` directives in the top level "
                        "selection.");
    return;
  }
  const auto& groups = fields.groups();
  if (groups.empty()) {
    context_.report(*node.selection_set, subject + " must select one top level field.");
  } else if (groups.size() > 1) {
    std::vector<const Node*> extra;
    for (std::size_t i = 1; i < groups.size(); ++i) {
      extra.insert(extra.end(), groups[i].begin(), groups[i].end());
    }
    context_.report(extra, subject + " must select only one top level field.");
  }
  for (const std::vector<const Node*>& group : groups) {
    if (!group.front()->as<language::Field>().name.value.starts_with("__")) continue;
    context_.report(group, subject + " must not select an introspection top level field.");
  }
}

}  // namespace errand::graphql::validation
