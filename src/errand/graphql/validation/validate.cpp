#include "errand/graphql/validation/validate.h"

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "errand/graphql/language/visitor.h"
#include "errand/graphql/validation/defer_stream_directive_label.h"
#include "errand/graphql/validation/defer_stream_directive_on_root_field.h"
#include "errand/graphql/validation/defer_stream_directive_on_valid_operations.h"
#include "errand/graphql/validation/executable_definitions.h"
#include "errand/graphql/validation/fields_on_correct_type.h"
#include "errand/graphql/validation/fragments_on_composite_types.h"
#include "errand/graphql/validation/known_argument_names.h"
#include "errand/graphql/validation/known_directives.h"
#include "errand/graphql/validation/known_fragment_names.h"
#include "errand/graphql/validation/known_operation_types.h"
#include "errand/graphql/validation/known_type_names.h"
#include "errand/graphql/validation/lone_anonymous_operation.h"
#include "errand/graphql/validation/max_introspection_depth.h"
#include "errand/graphql/validation/no_fragment_cycles.h"
#include "errand/graphql/validation/no_undefined_variables.h"
#include "errand/graphql/validation/no_unused_fragments.h"
#include "errand/graphql/validation/no_unused_variables.h"
#include "errand/graphql/validation/overlapping_fields_can_be_merged.h"
#include "errand/graphql/validation/possible_fragment_spreads.h"
#include "errand/graphql/validation/provided_required_arguments.h"
#include "errand/graphql/validation/scalar_leafs.h"
#include "errand/graphql/validation/single_field_subscriptions.h"
#include "errand/graphql/validation/stream_directive_on_list_field.h"
#include "errand/graphql/validation/unique_argument_names.h"
#include "errand/graphql/validation/unique_directives_per_location.h"
#include "errand/graphql/validation/unique_fragment_names.h"
#include "errand/graphql/validation/unique_input_field_names.h"
#include "errand/graphql/validation/unique_operation_names.h"
#include "errand/graphql/validation/unique_variable_names.h"
#include "errand/graphql/validation/validation_context.h"
#include "errand/graphql/validation/values_of_correct_type.h"
#include "errand/graphql/validation/variables_are_input_types.h"
#include "errand/graphql/validation/variables_in_allowed_position.h"

namespace errand::graphql::validation {
namespace {

using language::Node;
using language::VisitAction;

template <class Rule, class T>
concept Enters = requires(Rule rule, const T& node) { rule.enter(node); };

template <class Rule, class T>
consteval bool may_skip() {
  if constexpr (Enters<Rule, T>) {
    return !std::is_void_v<decltype(std::declval<Rule&>().enter(std::declval<const T&>()))>;
  }
  return false;
}

/// A visitor that is all the rules side by side. Which rule looks at which kind of node is settled
/// when this is compiled, so a node costs only the rules that it concerns.
template <class... Rules>
class ParallelRules {
 public:
  explicit ParallelRules(ValidationContext& context)
      : context_(context), rules_((static_cast<void>(sizeof(Rules)), context)...) {}

  void run() {
    each([&](auto& rule) {
      if constexpr (requires { rule.enter_document(); }) rule.enter_document();
    });
    for (const language::Definition* definition : context_.document().definitions()) {
      if (context_.aborted()) return;
      language::visit(*definition, *this);
    }
    if (context_.aborted()) return;
    each([&](auto& rule) {
      if constexpr (requires { rule.leave_document(); }) rule.leave_document();
    });
  }

  template <class T>
  VisitAction enter(const T& node) {
    // Descriptions are no values, and definitions of types are refused as a whole.
    if constexpr (std::is_same_v<T, language::StringValue>) {
      if (&node == description_) return VisitAction::kSkip;
    } else if constexpr (requires { node.description; }) {
      description_ = node.description;
    }
    context_.types().enter(node);
    enter_rules(node, std::index_sequence_for<Rules...>());
    if (context_.aborted()) return VisitAction::kBreak;
    if constexpr (std::is_base_of_v<language::Definition, T>) {
      if (!node.is_executable()) return VisitAction::kSkip;
    }
    return VisitAction::kContinue;
  }

  template <class T>
  void leave(const T& node) {
    leave_rules(node, std::index_sequence_for<Rules...>());
    context_.types().leave(node);
  }

 private:
  template <class Function>
  void each(const Function& function) {
    std::apply([&](auto&... rules) { (function(rules), ...); }, rules_);
  }

  template <class T, std::size_t... I>
  void enter_rules(const T& node, std::index_sequence<I...>) {
    (enter_rule<I>(node), ...);
  }

  template <std::size_t I, class T>
  void enter_rule(const T& node) {
    using Rule = std::tuple_element_t<I, std::tuple<Rules...>>;
    if constexpr (Enters<Rule, T>) {
      if (skipped_[I] != nullptr) return;
      if constexpr (may_skip<Rule, T>()) {
        if (std::get<I>(rules_).enter(node) == VisitAction::kSkip) skipped_[I] = &node;
      } else {
        std::get<I>(rules_).enter(node);
      }
    }
  }

  template <class T, std::size_t... I>
  void leave_rules(const T& node, std::index_sequence<I...>) {
    (leave_rule<I>(node), ...);
  }

  template <std::size_t I, class T>
  void leave_rule(const T& node) {
    using Rule = std::tuple_element_t<I, std::tuple<Rules...>>;
    if constexpr (may_skip<Rule, T>()) {
      if (skipped_[I] == &node) {
        skipped_[I] = nullptr;
        return;
      }
    }
    if constexpr (requires(Rule rule) { rule.leave(node); }) {
      if (skipped_[I] == nullptr) std::get<I>(rules_).leave(node);
    }
  }

  ValidationContext& context_;
  std::tuple<Rules...> rules_;
  /// By rule: the node that it skips, with all below.
  std::array<const Node*, sizeof...(Rules)> skipped_{};
  const language::StringValue* description_ = nullptr;
};

/// In the order of graphql-js, which is the order of errors at one node.
using SpecifiedRules = ParallelRules<
    ExecutableDefinitionsRule, KnownOperationTypesRule, UniqueOperationNamesRule,
    LoneAnonymousOperationRule, SingleFieldSubscriptionsRule, KnownTypeNamesRule,
    FragmentsOnCompositeTypesRule, VariablesAreInputTypesRule, ScalarLeafsRule,
    FieldsOnCorrectTypeRule, UniqueFragmentNamesRule, KnownFragmentNamesRule, NoUnusedFragmentsRule,
    PossibleFragmentSpreadsRule, NoFragmentCyclesRule, UniqueVariableNamesRule,
    NoUndefinedVariablesRule, NoUnusedVariablesRule, KnownDirectivesRule,
    UniqueDirectivesPerLocationRule, DeferStreamDirectiveOnRootFieldRule,
    DeferStreamDirectiveOnValidOperationsRule, DeferStreamDirectiveLabelRule,
    StreamDirectiveOnListFieldRule, KnownArgumentNamesRule, UniqueArgumentNamesRule,
    ValuesOfCorrectTypeRule, ProvidedRequiredArgumentsRule, VariablesInAllowedPositionRule,
    OverlappingFieldsCanBeMergedRule, UniqueInputFieldNamesRule, MaxIntrospectionDepthRule>;

}  // namespace

std::vector<language::GraphQLError> validate(const type::Schema& schema,
                                             const language::Document& document,
                                             const ValidationOptions& options) {
  ValidationContext context(schema, document, options);
  SpecifiedRules rules(context);
  rules.run();
  return context.take_errors();
}

}  // namespace errand::graphql::validation
