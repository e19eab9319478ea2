#include "errand/graphql/request/check_limits.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "errand/base/error.h"
#include "errand/graphql/language/parser.h"

namespace errand::graphql::request {
namespace {

/// What a selection set holds, fragments put in place.
struct Measure {
  std::size_t depth = 0;
  std::size_t introspection_depth = 0;
  std::size_t fields = 0;  ///< on all levels
  std::size_t aliases = 0;
  std::size_t top_fields = 0;  ///< on the first level
  std::size_t nesting = 0;     ///< selections below each other, fragments too
  const language::Node* introspection = nullptr;

  /// Adds what stands beside. Sums stop at a bound: fragments can multiply without end.
  void add(const Measure& other) {
    depth = std::max(depth, other.depth);
    introspection_depth = std::max(introspection_depth, other.introspection_depth);
    fields = sum(fields, other.fields);
    aliases = sum(aliases, other.aliases);
    top_fields = sum(top_fields, other.top_fields);
    nesting = std::max(nesting, other.nesting);
    if (introspection == nullptr) introspection = other.introspection;
  }

 private:
  static std::size_t sum(std::size_t a, std::size_t b) {
    return std::min<std::size_t>(a + b, std::numeric_limits<std::uint32_t>::max());
  }
};

bool is_introspection(const language::Field& field) {
  return field.name.value == "__schema" || field.name.value == "__type";
}

class Measurer {
 public:
  /// @param nesting_max  deeper selections are not followed, and their nesting is one more
  Measurer(const execution::ExecutableDocument& document, std::size_t nesting_max)
      : document_(document), nesting_max_(nesting_max) {}

  Measure measure(const language::SelectionSet& set) {
    Measure result;
    if (nesting_ == nesting_max_) {
      result.nesting = nesting_max_ + 1;
      return result;
    }
    ++nesting_;
    for (const language::Selection* selection : set.selections) {
      if (const auto* field = selection->get_if<language::Field>()) {
        result.add(measure(*field));
      } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
        result.add(measure(*inline_fragment->selection_set));
      } else {
        result.add(measure_fragment(selection->as<language::FragmentSpread>().name.value));
      }
    }
    --nesting_;
    ++result.nesting;
    return result;
  }

 private:
  Measure measure(const language::Field& field) {
    Measure below;
    if (field.selection_set != nullptr) below = measure(*field.selection_set);
    Measure result;
    result.top_fields = 1;
    if (is_introspection(field)) {
      result.introspection_depth = below.depth + 1;
      // Without aliases equal fields merge; with them each level multiplies what is below.
      result.aliases = below.aliases + (field.alias ? 1 : 0);
      result.introspection = &field;
      result.nesting = below.nesting;
      return result;
    }
    result.depth = below.depth + 1;
    result.introspection_depth = below.introspection_depth;
    result.fields = below.fields;
    result.aliases = below.aliases;
    result.introspection = below.introspection;
    result.nesting = below.nesting;
    Measure self;
    self.fields = 1;
    self.aliases = field.alias && field.name.value != "__typename" ? 1 : 0;
    result.add(self);
    return result;
  }

  Measure measure_fragment(std::string_view name) {
    const auto [known, first] = fragments_.try_emplace(name);
    if (!first) return known->second;  // empty while it is being measured: a cycle
    const language::FragmentDefinition* fragment = document_.fragment(name);
    if (fragment == nullptr) return {};
    const Measure result = measure(*fragment->selection_set);
    fragments_[name] = result;
    return result;
  }

  const execution::ExecutableDocument& document_;
  const std::size_t nesting_max_;
  std::size_t nesting_ = 0;
  std::unordered_map<std::string_view, Measure> fragments_;
};

/// Counts the directives that the document applies to anything executable, introspection left out.
std::size_t count_directives(const language::SelectionSet& set) {
  std::size_t count = 0;
  for (const language::Selection* selection : set.selections) {
    count += selection->directives.size();
    const language::SelectionSet* below = nullptr;
    if (const auto* field = selection->get_if<language::Field>()) {
      if (!is_introspection(*field)) below = field->selection_set;
    } else if (const auto* inline_fragment = selection->get_if<language::InlineFragment>()) {
      below = inline_fragment->selection_set;
    }
    if (below != nullptr) count += count_directives(*below);
  }
  return count;
}

std::size_t count_directives(const language::Document& document) {
  std::size_t count = 0;
  for (const language::Definition* definition : document.definitions()) {
    if (const auto* operation = definition->get_if<language::OperationDefinition>()) {
      count += operation->directives.size() + count_directives(*operation->selection_set);
      for (const language::VariableDefinition* variable : operation->variable_definitions) {
        count += variable->directives.size();
      }
    } else if (const auto* fragment = definition->get_if<language::FragmentDefinition>()) {
      if (fragment->type_condition->name.value.starts_with("__")) continue;
      count += fragment->directives.size() + count_directives(*fragment->selection_set);
    }
  }
  return count;
}

bool exceeds(std::size_t value, std::size_t limit) { return limit != 0 && value > limit; }

std::string text(std::string_view what, std::size_t value, std::size_t limit) {
  return "The operation has " + std::string(what) + " " + std::to_string(value) +
         "; this server allows " + std::to_string(limit) + ".";
}

}  // namespace

std::uint32_t recursion_bound(const Limits& limits) {
  constexpr std::size_t kMost = language::ParseOptions::kMaxDepthMax;
  const std::size_t wanted = limits.recursion_max == 0 ? kMost : limits.recursion_max;
  return static_cast<std::uint32_t>(std::min(wanted, kMost));
}

std::vector<language::GraphQLError> check_limits(const execution::ExecutableDocument& document,
                                                 const Limits& limits) {
  std::vector<language::GraphQLError> errors;
  const std::size_t nesting_max = recursion_bound(limits);
  Measurer measurer(document, nesting_max);
  for (const language::OperationDefinition* operation : document.operations()) {
    const Measure m = measurer.measure(*operation->selection_set);
    const auto add = [&](ErrorCode code, std::string message, const language::Node* at = nullptr) {
      errors.push_back(language::error_at(document.document().source(),
                                          at == nullptr ? *operation : *at, std::move(message),
                                          code));
    };
    if (m.nesting > nesting_max) {
      errors.clear();
      add(ErrorCode::kMaxRecursionLimit, "The operation nests selections and fragments more than " +
                                             std::to_string(nesting_max) + " levels deep.");
      return errors;
    }
    if (!limits.introspection && m.introspection != nullptr) {
      add(ErrorCode::kIntrospectionDisabled, "Introspection is switched off.", m.introspection);
    }
    if (exceeds(m.depth, limits.depth_max)) {
      add(ErrorCode::kMaxDepthLimit, text("the depth", m.depth, limits.depth_max));
    }
    if (exceeds(m.introspection_depth, limits.introspection_depth_max)) {
      add(ErrorCode::kMaxDepthLimit,
          text("the introspection depth", m.introspection_depth, limits.introspection_depth_max),
          m.introspection);
    }
    const bool mutation = operation->operation == language::OperationType::kMutation;
    const std::size_t root_fields_max =
        mutation ? limits.mutation_root_fields_max : limits.root_fields_max;
    if (exceeds(m.top_fields, root_fields_max)) {
      add(ErrorCode::kMaxRootFieldsLimit, text("root fields:", m.top_fields, root_fields_max));
    }
    if (exceeds(m.aliases, limits.aliases_max)) {
      add(ErrorCode::kMaxAliasesLimit, text("aliases:", m.aliases, limits.aliases_max));
    }
    if (exceeds(m.fields, limits.height_max)) {
      add(ErrorCode::kMaxHeightLimit, text("fields:", m.fields, limits.height_max));
    }
  }
  const std::size_t directives = count_directives(document.document());
  if (exceeds(directives, limits.directives_max)) {
    language::GraphQLError error;
    error.message = text("directives:", directives, limits.directives_max);
    error.code = ErrorCode::kMaxDirectivesLimit;
    errors.push_back(std::move(error));
  }
  return errors;
}

}  // namespace errand::graphql::request
