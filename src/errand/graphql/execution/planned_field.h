#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::execution {

struct PlannedStream;
struct SelectionPlan;

/// One `@defer` that takes effect (graphql-spec #1110), on a fragment inside `parent`, or in none.
struct DeferUsage {
  const DeferUsage* parent = nullptr;
  std::optional<std::string_view> label;
};
/// A few of them, each once.
using DeferUsages = std::vector<const DeferUsage*>;

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
  /// The innermost @defer around each of `nodes`, or nullptr; empty where there is none at all.
  DeferUsages node_usages;
  /// With which fragments the field is delivered; nullptr: with what is around it.
  const DeferUsages* delivered_with = nullptr;
  std::unique_ptr<const PlannedStream> stream;  ///< nullptr without @stream
  /// Arguments in which no variable stands, coerced once.
  CoercedArguments arguments;
  /// Where an execution keeps the arguments that hang on its variables.
  std::uint32_t arguments_slot = kCoerced;
  /// CollectSubfields() for each concrete type that was met, newest first.
  mutable std::atomic<const SelectionPlan*> subfields = nullptr;

  [[nodiscard]] const language::Field& node() const { return nodes.front()->as<language::Field>(); }
};

/// A `@stream` that takes effect.
struct PlannedStream {
  std::optional<std::string_view> label;
  const language::Value* initial_count = nullptr;  ///< nullptr where absent: 0
  /// The field for items that come later: what was deferred around the list is delivered with them.
  PlannedField items;
};

struct DeferredSelection;

/// A collected selection set (spec, 6.3.2) of one object type, in order of first appearance.
/// Immutable, but for the subfields that are noted when they are met first.
struct SelectionPlan {
  const type::ObjectType* type = nullptr;
  std::vector<PlannedField> fields;
  std::string keys;  ///< text of the fields' keys
  /// The @defer that begin in this selection set, outer ones first.
  std::vector<std::unique_ptr<const DeferUsage>> defers;
  /// Fields that are delivered later.
  std::vector<std::unique_ptr<const DeferredSelection>> deferred;
  /// Another one of the same PlannedField, for another type.
  const SelectionPlan* next = nullptr;
};

/// The fields of a selection set that are delivered with the same fragments.
struct DeferredSelection {
  DeferUsages usages;
  SelectionPlan selection;
};

}  // namespace errand::graphql::execution
