#pragma once

#include <expected>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::execution {

struct SelectionPlan;

/// One field of a collected selection set: what all objects of one type share when it is executed.
struct PlannedField {
  std::string_view response_name;
  const type::FieldDefinition* definition = nullptr;
  const FieldSlot* slot = nullptr;  ///< nullptr on the meta-field __typename
  /// The Field nodes that were merged into this one, in order of appearance; at least one.
  std::vector<const language::Node*> nodes;
  /// Coerced once, since they hang on the variables alone.
  std::expected<boost::json::object, language::GraphQLError> arguments;
  /// CollectSubfields() for each concrete type that was met.
  std::vector<std::pair<const type::ObjectType*, std::unique_ptr<SelectionPlan>>> subfields;

  [[nodiscard]] const language::Field& node() const { return nodes.front()->as<language::Field>(); }
};

/// A collected selection set (spec, 6.3.2) of one object type, in order of first appearance.
struct SelectionPlan {
  const type::ObjectType* type = nullptr;
  std::vector<PlannedField> fields;
};

}  // namespace errand::graphql::execution
