#include "errand/graphql/validation/defer_stream_directive_on_valid_operations.h"

#include <cstddef>
#include <string>
#include <vector>

namespace errand::graphql::validation {
namespace {

using language::Directive;
using language::Node;

const language::Value* condition_of(const Directive& directive) {
  for (const language::Argument* argument : directive.arguments) {
    if (argument->name.value == "if") return argument->value;
  }
  return nullptr;
}

/// What can be said of a condition before its variables have values.
enum class Condition { kAbsent, kTrue, kFalse, kVariable, kInvalid };

Condition read_condition(const Directive& directive) {
  const language::Value* value = condition_of(directive);
  if (value == nullptr) return Condition::kAbsent;
  if (const auto* literal = value->get_if<language::BooleanValue>()) {
    return literal->value ? Condition::kTrue : Condition::kFalse;
  }
  return value->is<language::Variable>() ? Condition::kVariable : Condition::kInvalid;
}

const Directive* find(const language::Selection& selection, std::string_view name) {
  for (const Directive* directive : selection.directives) {
    if (directive->name.value == name) return directive;
  }
  return nullptr;
}

/// Whether @skip or @include may leave the selection out.
bool can_be_skipped(const language::Selection& selection) {
  if (const Directive* skip = find(selection, "skip")) {
    if (read_condition(*skip) != Condition::kFalse) return true;
  }
  const Directive* include = find(selection, "include");
  if (include == nullptr) return false;
  const Condition condition = read_condition(*include);
  return condition != Condition::kAbsent && condition != Condition::kTrue;
}

bool can_be_off(const Directive& directive) {
  const Condition condition = read_condition(directive);
  return condition == Condition::kFalse || condition == Condition::kVariable;
}

/// A selection set that is being looked through.
struct Frame {
  const language::SelectionSet* set;
  std::size_t next;
  const language::FragmentSpread* spread;  ///< that brought it; nullptr for others
};

}  // namespace

void DeferStreamDirectiveOnValidOperationsRule::enter(const language::OperationDefinition& node) {
  if (node.operation != language::OperationType::kSubscription) return;
  bool valid = true;
  std::unordered_set<std::string_view> visited;
  // With a stack of its own: chains of fragments are as long as the document.
  std::vector<Frame> stack;
  const auto push = [&](const language::SelectionSet& set, const language::FragmentSpread* spread) {
    if (context_.spend_fragment_work(set.selections.size())) stack.push_back({&set, 0, spread});
  };
  const auto forbid = [&](const Directive& directive, std::string_view shown) {
    valid = false;
    std::vector<const Node*> nodes = {&directive};
    for (auto frame = stack.rbegin(); frame != stack.rend(); ++frame) {
      if (frame->spread != nullptr) nodes.push_back(frame->spread);
    }
    const std::string name(directive.name.value);
    context_.report(nodes, std::string(shown) +
                               " directive not supported on subscription operations. Disable `@" +
                               name + "` by setting the `if` argument to `false`.");
  };
  push(*node.selection_set, nullptr);
  while (!stack.empty() && !context_.aborted()) {
    Frame& frame = stack.back();
    if (frame.next == frame.set->selections.size()) {
      stack.pop_back();
      continue;
    }
    const language::Selection& selection = *frame.set->selections[frame.next++];
    if (can_be_skipped(selection)) continue;
    for (const Directive* directive : selection.directives) {
      const std::string_view name = directive->name.value;
      if ((name != "defer" && name != "stream") || can_be_off(*directive)) continue;
      forbid(*directive, name == "defer" ? "Defer" : "Stream");
    }
    if (const auto* field = selection.get_if<language::Field>()) {
      if (field->selection_set != nullptr) push(*field->selection_set, nullptr);
    } else if (const auto* fragment = selection.get_if<language::InlineFragment>()) {
      push(*fragment->selection_set, nullptr);
    } else {
      const auto& spread = selection.as<language::FragmentSpread>();
      const std::string_view name = spread.name.value;
      if (checked_.contains(name) || !visited.insert(name).second) continue;
      const language::FragmentDefinition* definition = context_.fragment(name);
      if (definition != nullptr) push(*definition->selection_set, &spread);
    }
  }
  if (valid) checked_.merge(visited);
}

}  // namespace errand::graphql::validation
