#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/validation/rule.h"

namespace errand::graphql::validation {

/// No fragment spreads itself, be it through others.
/// https://spec.graphql.org/September2025/#sec-Fragment-Spreads-Must-Not-Form-Cycles
class NoFragmentCyclesRule : public Rule {
 public:
  using Rule::Rule;

  void enter(const language::FragmentDefinition& node);

 private:
  struct Frame {
    std::string_view name;
    const std::vector<const language::FragmentSpread*>* spreads;
    std::size_t next;
  };

  void push(const language::FragmentDefinition& fragment);
  void report_cycle(std::string_view name, std::size_t from);

  std::unordered_set<std::string_view> visited_;
  std::vector<const language::FragmentSpread*> path_;
  std::unordered_map<std::string_view, std::size_t> path_index_by_name_;
  std::vector<Frame> frames_;  ///< own stack: chains of fragments are as long as the document
};

}  // namespace errand::graphql::validation
