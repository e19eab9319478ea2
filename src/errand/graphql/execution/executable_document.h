#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::execution {

/// A validated document with its operations and fragments by name. Immutable, hence safe to share
/// between threads; the document cache holds these.
class ExecutableDocument {
 public:
  explicit ExecutableDocument(language::Document document);

  [[nodiscard]] const language::Document& document() const noexcept { return document_; }

  /// The fragment of that name; nullptr where there is none.
  [[nodiscard]] const language::FragmentDefinition* fragment(std::string_view name) const;

  [[nodiscard]] const std::vector<const language::OperationDefinition*>& operations()
      const noexcept {
    return operations_;
  }

  /// GetOperation (spec, 6.1).
  /// @return OPERATION_RESOLUTION_FAILURE, worded as by graphql-js.
  [[nodiscard]] std::expected<const language::OperationDefinition*, language::GraphQLError>
  get_operation(const std::optional<std::string>& operation_name) const;

  /// Heap bytes held, for the weight of a cache entry.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  language::Document document_;
  std::vector<const language::OperationDefinition*> operations_;
  std::unordered_map<std::string_view, const language::FragmentDefinition*> fragments_;
};

}  // namespace errand::graphql::execution
