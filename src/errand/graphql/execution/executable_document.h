#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/operation_plan.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::execution {

/// A validated document with its operations and fragments by name, and the plans of how to execute
/// them. Safe to share between threads, as it does not change but for plans that are added; the
/// document cache holds these.
class ExecutableDocument {
 public:
  /// Most plans that are kept: operations by the values of the variables in @skip,
  /// @include, @defer and @stream.
  static constexpr std::size_t kPlansMax = 8;

  explicit ExecutableDocument(language::Document document);
  ~ExecutableDocument();
  ExecutableDocument(const ExecutableDocument&) = delete;
  ExecutableDocument& operator=(const ExecutableDocument&) = delete;

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

  /// The plan of `operation` for requests with these coerced variables: a known one, or one that
  /// is kept from now on. Takes no lock where it is known.
  /// @return nullptr where the document has too many plans, or too many variables on which they
  ///         hang; the request then plans for itself.
  const OperationPlan* plan(const std::shared_ptr<const Resolvers>& resolvers,
                            const language::OperationDefinition& operation,
                            const boost::json::object& variables,
                            IncrementalFormat incremental = IncrementalFormat::kNone) const;

  /// Whether @defer or @stream stands somewhere in it.
  [[nodiscard]] bool incremental() const noexcept { return incremental_; }

  /// Heap bytes held, the plans included, for the weight of a cache entry. Grows with them.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  [[nodiscard]] const OperationPlan* find_plan(const PlanKey& key) const noexcept;

  language::Document document_;
  std::vector<const language::OperationDefinition*> operations_;
  std::unordered_map<std::string_view, const language::FragmentDefinition*> fragments_;
  /// Variables that decide which selections count.
  std::vector<std::string_view> conditions_;
  bool incremental_ = false;
  mutable std::atomic<OperationPlan*> plans_ = nullptr;  ///< owned, newest first
  mutable std::mutex plans_mutex_;                       ///< of adding to them
};

}  // namespace errand::graphql::execution
