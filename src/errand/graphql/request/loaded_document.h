#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "errand/base/error.h"
#include "errand/graphql/execution/executable_document.h"

namespace errand::graphql::request {

/// A valid document with what is known of it before any request. Immutable once loaded, hence safe
/// to share between threads; the document cache holds these.
struct LoadedDocument {
  explicit LoadedDocument(language::Document parsed) : document(std::move(parsed)) {}

  [[nodiscard]] std::string_view text() const noexcept { return document.document().source().body; }
  /// Heap bytes held, for the weight of a cache entry.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return document.memory_bytes() + warnings.capacity() * sizeof(ErrorCode) +
           priced_by_variables.capacity() * sizeof(void*);
  }

  execution::ExecutableDocument document;
  /// Limits that the document is beyond, and that let it pass (LimitsMode::kWarn).
  std::vector<ErrorCode> warnings;
  /// Operations whose cost or list sizes depend on variables: to be measured with each request.
  std::vector<const language::OperationDefinition*> priced_by_variables;
};

}  // namespace errand::graphql::request
