#pragma once

#include <memory>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// Fields with one response name can be merged: they are the same field with the same arguments, or
/// can never meet, and their types have one shape. (FieldsInSetCanMerge.)
/// https://spec.graphql.org/September2025/#sec-Field-Selection-Merging
///
/// The algorithm is that of graphql-js: pairs of selection sets and fragments are compared once.
/// Its work is quadratic at worst, so it draws on a budget, and a document that uses it up is
/// refused.
class OverlappingFieldsCanBeMergedRule : public Rule {
 public:
  explicit OverlappingFieldsCanBeMergedRule(ValidationContext& context);
  ~OverlappingFieldsCanBeMergedRule();

  void enter(const language::InlineFragment& node) { inline_set_ = node.selection_set; }
  void enter(const language::SelectionSet& node);

 private:
  class Comparison;

  std::unique_ptr<Comparison> comparison_;
  /// Selection set of the last inline fragment: it is looked at with the set around it.
  const language::SelectionSet* inline_set_ = nullptr;
};

}  // namespace errand::graphql::validation
