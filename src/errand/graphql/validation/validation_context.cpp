#include "errand/graphql/validation/validation_context.h"

#include <unordered_set>
#include <utility>

#include "errand/graphql/language/visitor.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::validation {

using language::FragmentDefinition;
using language::FragmentSpread;
using language::OperationDefinition;
using language::SelectionSet;

namespace {

/// Collects the uses of variables below one definition.
class UsageCollector {
 public:
  UsageCollector(const type::Schema& schema, std::vector<VariableUsage>& usages)
      : types_(schema), usages_(usages) {}

  template <class T>
  language::VisitAction enter(const T& node) {
    if constexpr (std::is_same_v<T, language::VariableDefinition>) {
      return language::VisitAction::kSkip;
    }
    types_.enter(node);
    if constexpr (std::is_same_v<T, language::Variable>) {
      usages_.push_back(
          {&node, types_.input_type(), types_.parent_input_type(), types_.has_default()});
    }
    return language::VisitAction::kContinue;
  }

  template <class T>
  void leave(const T& node) {
    types_.leave(node);
  }

 private:
  TypeInfo types_;
  std::vector<VariableUsage>& usages_;
};

}  // namespace

ValidationContext::ValidationContext(const type::Schema& schema, const language::Document& document,
                                     const ValidationOptions& options)
    : schema_(schema),
      document_(document),
      options_(options),
      type_info_(schema),
      locations_(document.source()) {
  for (const language::Definition* definition : document.definitions()) {
    if (const auto* fragment = definition->get_if<FragmentDefinition>()) {
      fragments_.insert_or_assign(fragment->name.value, fragment);
    }
  }
}

void ValidationContext::report(std::span<const language::Node* const> nodes, std::string message) {
  if (aborted_) return;
  language::GraphQLError error;
  error.code = ErrorCode::kGraphqlValidationFailed;
  if (errors_.size() >= options_.max_errors) {
    error.message = "Too many validation errors, error limit reached. Validation aborted.";
    errors_.push_back(std::move(error));
    aborted_ = true;
    return;
  }
  error.message = std::move(message);
  error.source_name = document_.source().name;
  error.locations.reserve(nodes.size());
  for (const language::Node* node : nodes) {
    error.locations.push_back(locations_.location(node->start));
  }
  errors_.push_back(std::move(error));
}

void ValidationContext::abort() {
  if (aborted_) return;
  aborted_ = true;
  language::GraphQLError error;
  error.message = "Validation aborted.";
  error.code = ErrorCode::kGraphqlValidationFailed;
  errors_.push_back(std::move(error));
}

bool ValidationContext::spend_fragment_work(std::size_t cost) {
  if (cost > fragment_work_left_) {
    abort();
    return false;
  }
  fragment_work_left_ -= cost;
  return true;
}

const FragmentDefinition* ValidationContext::fragment(std::string_view name) const {
  if (fragments_.empty()) return nullptr;
  const auto found = fragments_.find(name);
  return found == fragments_.end() ? nullptr : found->second;
}

const std::vector<const FragmentSpread*>& ValidationContext::fragment_spreads(
    const SelectionSet& set) {
  const auto [entry, is_new] = fragment_spreads_.try_emplace(&set);
  std::vector<const FragmentSpread*>& spreads = entry->second;
  if (!is_new) return spreads;
  std::vector<const SelectionSet*> to_visit = {&set};
  while (!to_visit.empty()) {
    const SelectionSet* next = to_visit.back();
    to_visit.pop_back();
    for (const language::Selection* selection : next->selections) {
      if (const auto* spread = selection->get_if<FragmentSpread>()) {
        spreads.push_back(spread);
      } else if (const auto* field = selection->get_if<language::Field>()) {
        if (field->selection_set != nullptr) to_visit.push_back(field->selection_set);
      } else {
        to_visit.push_back(selection->as<language::InlineFragment>().selection_set);
      }
    }
  }
  return spreads;
}

std::vector<const FragmentDefinition*> ValidationContext::recursively_referenced_fragments(
    std::span<const OperationDefinition* const> operations) {
  std::vector<const FragmentDefinition*> fragments;
  if (fragments_.empty()) return fragments;
  std::vector<std::string_view> names;
  std::unordered_set<std::string_view> collected;
  const auto collect = [&](const SelectionSet& set) {
    for (const FragmentSpread* spread : fragment_spreads(set)) {
      if (collected.insert(spread->name.value).second) names.push_back(spread->name.value);
    }
  };
  for (const OperationDefinition* operation : operations) collect(*operation->selection_set);
  if (!spend_fragment_work(names.size())) return fragments;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const FragmentDefinition* found = fragment(names[i]);
    if (found == nullptr) continue;
    fragments.push_back(found);
    if (!spend_fragment_work(fragment_spreads(*found->selection_set).size())) return fragments;
    collect(*found->selection_set);
  }
  return fragments;
}

const std::vector<VariableUsage>& ValidationContext::variable_usages(
    const language::Definition& definition) {
  const auto [entry, is_new] = variable_usages_.try_emplace(&definition);
  if (is_new) {
    UsageCollector collector(schema_, entry->second);
    language::visit(definition, collector);
  }
  return entry->second;
}

const std::vector<VariableUsage>& ValidationContext::recursive_variable_usages(
    const OperationDefinition& operation) {
  const auto [entry, is_new] = recursive_variable_usages_.try_emplace(&operation);
  std::vector<VariableUsage>& usages = entry->second;
  if (!is_new) return usages;
  UsageCollector collector(schema_, usages);
  language::visit(operation, collector);
  const OperationDefinition* const operations[] = {&operation};
  for (const FragmentDefinition* fragment : recursively_referenced_fragments(operations)) {
    const std::vector<VariableUsage>& in_fragment = variable_usages(*fragment);
    if (!spend_fragment_work(1 + 2 * in_fragment.size())) break;
    usages.insert(usages.end(), in_fragment.begin(), in_fragment.end());
  }
  return usages;
}

std::string ValidationContext::did_you_mean(std::string_view input,
                                            std::span<const std::string_view> options) const {
  if (!options_.suggestions) return {};
  return type::did_you_mean(type::suggestion_list(input, options));
}

}  // namespace errand::graphql::validation
