#include "errand/graphql/execution/executable_document.h"

#include <string>
#include <utility>

namespace errand::graphql::execution {

ExecutableDocument::ExecutableDocument(language::Document document)
    : document_(std::move(document)) {
  for (const language::Definition* definition : document_.definitions()) {
    if (const auto* operation = definition->get_if<language::OperationDefinition>()) {
      operations_.push_back(operation);
    } else if (const auto* fragment = definition->get_if<language::FragmentDefinition>()) {
      fragments_.emplace(fragment->name.value, fragment);
    }
  }
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
  return document_.memory_bytes() + operations_.capacity() * sizeof(void*) +
         fragments_.size() * 64 + sizeof(ExecutableDocument) - sizeof(language::Document);
}

}  // namespace errand::graphql::execution
