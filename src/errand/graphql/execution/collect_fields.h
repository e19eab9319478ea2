#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/execution/incremental_format.h"
#include "errand/graphql/execution/planned_field.h"
#include "errand/graphql/execution/resolver_map.h"

namespace errand::graphql::execution {

/// What a selection set is collected from.
struct CollectionInput {
  const Resolvers& resolvers;
  const ExecutableDocument& document;
  /// Coerced variables, which decide @skip and @include.
  const boost::json::object& variables;
  /// First free number for arguments that hang on variables, advanced by those that are found;
  /// nullptr where they are to be coerced from `variables` now, as the plan serves one request.
  std::uint32_t* arguments_slots;
  /// Whether @defer and @stream take effect, and how fields that stand in several deferred
  /// fragments are delivered: once (kDraft) or with each of them (k20220824).
  IncrementalFormat incremental;
};

/// CollectFields() (spec, 6.3.2) of the root selection set of an operation, or CollectSubfields()
/// of the merged nodes of a field, over the object type `type`; with graphql-spec #1110, what is
/// deferred is told apart.
std::unique_ptr<SelectionPlan> collect_fields(const CollectionInput& input,
                                              const type::ObjectType& type,
                                              const language::SelectionSet& set);
std::unique_ptr<SelectionPlan> collect_subfields(const CollectionInput& input,
                                                 const type::ObjectType& type,
                                                 const PlannedField& field);

/// How many fields a plan has, deferred ones included.
std::size_t count_fields(const SelectionPlan& plan);

}  // namespace errand::graphql::execution
