#pragma once

#include <memory>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/quick_merge_check.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fields with one response name can be merged: they are the same field with the same arguments, or
/// can never meet, and their types have one shape. (FieldsInSetCanMerge.)
/// https://spec.graphql.org/September2025/#sec-Field-Selection-Merging
///
/// Whether all is well QuickMergeCheck says in near-linear time. Where it does not, pairs of
/// selection sets and fragments are compared as in graphql-js, each once, so that the errors are
/// its errors. That is quadratic at worst, so it draws on a budget, and a document that uses it up
/// is refused.
class OverlappingFieldsCanBeMergedRule : public Rule {
 public:
  explicit OverlappingFieldsCanBeMergedRule(ValidationContext& context);
  ~OverlappingFieldsCanBeMergedRule();

  void enter(const language::OperationDefinition& node);
  void enter(const language::FragmentDefinition& node);
  void enter(const language::InlineFragment& node) { inline_set_ = node.selection_set; }
  void enter(const language::SelectionSet& node);

 private:
  class Comparison;

  bool can_merge(const language::SelectionSet& set);

  QuickMergeCheck quick_check_;
  std::unique_ptr<Comparison> comparison_;  ///< made when it is needed
  bool mergeable_ = false;                  ///< in all sets of the definition that is being visited
  /// Selection set of the last inline fragment: it is looked at with the set around it.
  const language::SelectionSet* inline_set_ = nullptr;
};

}  // namespace errand::graphql::validation
