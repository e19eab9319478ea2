#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/location_index.h"
#include "errand/graphql/type/schema.h"
#include "errand/graphql/validation/type_info.h"
#include "errand/graphql/validation/validate.h"

namespace errand::graphql::validation {

/// A use of a variable, and what the schema wants at that place.
struct VariableUsage {
  const language::Variable* node = nullptr;
  type::TypeRef type;         ///< invalid where unknown
  type::TypeRef parent_type;  ///< that of the value around it
  bool has_default = false;   ///< the argument or input field has a default
};

/// What the rules share during one validation: schema, document, the types at the current node, and
/// facts about the document that more than one rule asks for, worked out once. Collects the errors.
class ValidationContext {
 public:
  ValidationContext(const type::Schema& schema, const language::Document& document,
                    const ValidationOptions& options);
  ValidationContext(const ValidationContext&) = delete;
  ValidationContext& operator=(const ValidationContext&) = delete;

  [[nodiscard]] const type::Schema& schema() const noexcept { return schema_; }
  [[nodiscard]] const language::Document& document() const noexcept { return document_; }
  /// The types at the node that is being visited.
  [[nodiscard]] const TypeInfo& types() const noexcept { return type_info_; }
  [[nodiscard]] TypeInfo& types() noexcept { return type_info_; }
  [[nodiscard]] bool suggestions() const noexcept { return options_.suggestions; }

  void report(std::span<const language::Node* const> nodes, std::string message);
  void report(std::initializer_list<const language::Node*> nodes, std::string message) {
    report(std::span(nodes.begin(), nodes.size()), std::move(message));
  }
  void report(const language::Node& node, std::string message) {
    report({&node}, std::move(message));
  }

  /// Whether validation ends here: too many errors, or a budget is used up. Reports nothing more.
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  /// Ends validation with the error "Validation aborted."
  void abort();
  /// Draws on the budget of work on fragments, which may grow faster than the document.
  /// @return false once it is used up; validation is then aborted.
  bool spend_fragment_work(std::size_t cost);

  /// The fragment `name`, the last one where there are several; nullptr where there is none.
  [[nodiscard]] const language::FragmentDefinition* fragment(std::string_view name) const;
  /// All fragment spreads in `set`, at any depth, but not those inside the fragments.
  const std::vector<const language::FragmentSpread*>& fragment_spreads(
      const language::SelectionSet& set);
  /// All fragments that `operations` reach.
  std::vector<const language::FragmentDefinition*> recursively_referenced_fragments(
      std::span<const language::OperationDefinition* const> operations);
  /// All uses of variables in `operation` and the fragments that it reaches.
  const std::vector<VariableUsage>& recursive_variable_usages(
      const language::OperationDefinition& operation);

  /// ` Did you mean "a" or "b"?` from those of `options` that are near to `input`, or nothing.
  [[nodiscard]] std::string did_you_mean(std::string_view input,
                                         std::span<const std::string_view> options) const;

  [[nodiscard]] std::vector<language::GraphQLError> take_errors() { return std::move(errors_); }

 private:
  const std::vector<VariableUsage>& variable_usages(const language::Definition& definition);

  const type::Schema& schema_;
  const language::Document& document_;
  const ValidationOptions& options_;
  TypeInfo type_info_;
  language::LocationIndex locations_;
  std::vector<language::GraphQLError> errors_;
  bool aborted_ = false;
  std::size_t fragment_work_left_ = 50'000;  // as graphql-js
  std::unordered_map<std::string_view, const language::FragmentDefinition*> fragments_;
  std::unordered_map<const language::SelectionSet*, std::vector<const language::FragmentSpread*>>
      fragment_spreads_;
  std::unordered_map<const language::Definition*, std::vector<VariableUsage>> variable_usages_;
  std::unordered_map<const language::Definition*, std::vector<VariableUsage>>
      recursive_variable_usages_;
};

}  // namespace errand::graphql::validation
