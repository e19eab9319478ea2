#include "errand/graphql/execution/executable_document.h"

#include <algorithm>
#include <string>
#include <utility>

#include "errand/graphql/language/visitor.h"

namespace errand::graphql::execution {
namespace {

/// Most variables whose bits fit a PlanKey.
constexpr std::size_t kConditionsMax = 32;

/// Finds the variables that stand in the condition of a directive on a selection; no more than one
/// beyond kConditionsMax, whose number does not matter.
class ConditionFinder {
 public:
  ConditionFinder(std::vector<std::string_view>& found, bool& incremental)
      : found_(found), incremental_(incremental) {}

  void enter(const language::Directive& directive) {
    const std::string_view name = directive.name.value;
    const bool delivery = name == "defer" || name == "stream";
    incremental_ = incremental_ || delivery;
    if (!delivery && name != "skip" && name != "include") return;
    if (found_.size() > kConditionsMax) return;
    for (const language::Argument* argument : directive.arguments) {
      const auto* variable = argument->value->get_if<language::Variable>();
      if (variable == nullptr || argument->name.value != "if") continue;
      if (std::ranges::find(found_, variable->name.value) == found_.end()) {
        found_.push_back(variable->name.value);
      }
    }
  }

 private:
  std::vector<std::string_view>& found_;
  bool& incremental_;
};

/// Two bits for the value of a condition: 0 where there is none or it is null.
std::uint64_t condition_bits(const boost::json::object& variables, std::string_view name) {
  const boost::json::value* value =
      variables.if_contains(boost::json::string_view(name.data(), name.size()));
  if (value == nullptr) return 0;
  if (!value->is_bool()) return 3;
  return value->get_bool() ? 2 : 1;
}

}  // namespace

ExecutableDocument::ExecutableDocument(language::Document document)
    : document_(std::move(document)) {
  for (const language::Definition* definition : document_.definitions()) {
    if (const auto* operation = definition->get_if<language::OperationDefinition>()) {
      operations_.push_back(operation);
    } else if (const auto* fragment = definition->get_if<language::FragmentDefinition>()) {
      fragments_.emplace(fragment->name.value, fragment);
    }
  }
  ConditionFinder finder(conditions_, incremental_);
  language::visit(document_, finder);
}

ExecutableDocument::~ExecutableDocument() {
  OperationPlan* plan = plans_.load(std::memory_order_acquire);
  while (plan != nullptr) delete std::exchange(plan, plan->next_);
}

const OperationPlan* ExecutableDocument::find_plan(const PlanKey& key) const noexcept {
  const OperationPlan* plan = plans_.load(std::memory_order_acquire);
  while (plan != nullptr && plan->key() != key) plan = plan->next_;
  return plan;
}

const OperationPlan* ExecutableDocument::plan(const std::shared_ptr<const Resolvers>& resolvers,
                                              const language::OperationDefinition& operation,
                                              const boost::json::object& variables,
                                              IncrementalFormat incremental) const {
  if (conditions_.size() > kConditionsMax) return nullptr;
  PlanKey key{.operation = &operation,
              .resolvers = resolvers.get(),
              .incremental = incremental_ ? incremental : IncrementalFormat::kNone};
  for (const std::string_view name : conditions_) {
    key.conditions = key.conditions << 2U | condition_bits(variables, name);
  }
  if (const OperationPlan* known = find_plan(key)) return known;

  const std::lock_guard lock(plans_mutex_);
  if (const OperationPlan* known = find_plan(key)) return known;
  OperationPlan* newest = plans_.load(std::memory_order_relaxed);
  std::size_t count = 0;
  for (const OperationPlan* plan = newest; plan != nullptr; plan = plan->next_) ++count;
  if (count >= kPlansMax) return nullptr;
  auto made = std::make_unique<OperationPlan>(resolvers, *this, key);
  made->next_ = newest;
  plans_.store(made.get(), std::memory_order_release);
  return made.release();
}

const language::FragmentDefinition* ExecutableDocument::fragment(std::string_view name) const {
  const auto found = fragments_.find(name);
  return found == fragments_.end() ? nullptr : found->second;
}

std::expected<const language::OperationDefinition*, language::GraphQLError>
ExecutableDocument::get_operation(const std::optional<std::string>& operation_name) const {
  const auto failure = [](std::string message) {
    language::GraphQLError error;
    error.message = std::move(message);
    error.code = ErrorCode::kOperationResolutionFailure;
    return std::unexpected(std::move(error));
  };
  if (!operation_name) {
    if (operations_.empty()) return failure("Must provide an operation.");
    if (operations_.size() > 1) {
      return failure("Must provide operation name if query contains multiple operations.");
    }
    return operations_.front();
  }
  for (const language::OperationDefinition* operation : operations_) {
    if (operation->name.value == *operation_name) return operation;
  }
  return failure("Unknown operation named \"" + *operation_name + "\".");
}

std::size_t ExecutableDocument::memory_bytes() const noexcept {
  std::size_t bytes = document_.memory_bytes() + operations_.capacity() * sizeof(void*) +
                      fragments_.size() * 64 + conditions_.capacity() * sizeof(std::string_view) +
                      sizeof(ExecutableDocument) - sizeof(language::Document);
  const OperationPlan* plan = plans_.load(std::memory_order_acquire);
  for (; plan != nullptr; plan = plan->next_) bytes += plan->memory_bytes();
  return bytes;
}

}  // namespace errand::graphql::execution
