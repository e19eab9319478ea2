#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::execution {

struct SelectionPlan;

/// What CoerceArgumentValues() (spec, 6.4.1) gives.
using CoercedArguments = std::expected<boost::json::object, language::GraphQLError>;

/// One field of a collected selection set: what all objects of one type share when it is executed,
/// in this request and, as part of an OperationPlan, in all later ones.
struct PlannedField {
  /// The value of `arguments_slot` where the arguments are known.
  static constexpr std::uint32_t kCoerced = UINT32_MAX;

  std::string_view response_name;
  std::string_view key;  ///< `"name":`, as it stands in the response
  const type::FieldDefinition* definition = nullptr;
  const FieldSlot* slot = nullptr;  ///< nullptr on the meta-field __typename
  /// The Field nodes that were merged into this one, in order of appearance; at least one.
  std::vector<const language::Node*> nodes;
  /// Arguments in which no variable stands, coerced once.
  CoercedArguments arguments;
  /// Where an execution keeps the arguments that hang on its variables.
  std::uint32_t arguments_slot = kCoerced;
  /// CollectSubfields() for each concrete type that was met, newest first.
  mutable std::atomic<const SelectionPlan*> subfields = nullptr;

  [[nodiscard]] const language::Field& node() const { return nodes.front()->as<language::Field>(); }
};

/// A collected selection set (spec, 6.3.2) of one object type, in order of first appearance.
/// Immutable, but for the subfields that are noted when they are met first.
struct SelectionPlan {
  const type::ObjectType* type = nullptr;
  std::vector<PlannedField> fields;
  std::string keys;  ///< text of the fields' keys
  /// Another one of the same PlannedField, for another type.
  const SelectionPlan* next = nullptr;
};

}  // namespace errand::graphql::execution
