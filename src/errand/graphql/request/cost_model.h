#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/request/limits.h"
#include "errand/graphql/type/schema.h"

namespace errand::graphql::request {

/// What the fields of one schema cost, and so what an operation costs before it runs: the static
/// analysis of IBM's "GraphQL Cost Directives" specification, with `@cost` and `@listSize` as the
/// served SDL applies them.
///
/// A field costs its own weight and what is selected below it, times its number of items where it
/// is a list; arguments and input fields cost what their @cost says. Without @cost an object weighs
/// 2 and a leaf 1. A list has as many items as its slicing argument asks for, else @listSize's
/// assumedSize, else Limits::assumed_list_size; a list of leaves without @listSize counts as one
/// leaf. Selections of different object types exclude each other, so the dearest counts. @skip and
/// @include are not looked at: the cost is an upper bound. Introspection is free.
///
/// Immutable, hence safe to share between threads. Must not outlive the schema.
class CostModel {
 public:
  /// @cost and @listSize that do not read (the contract refuses them) count as absent.
  CostModel(const type::Schema& schema, const Limits& limits);

  /// Cost of `operation` of a valid document, and whether it keeps to the limit on list sizes.
  struct Measured {
    double cost = 0;  ///< finite, >= 0
    /// MAX_LIST_SIZE_LIMIT for the first field that asks for more than Limits::list_size_max, or
    /// has not one slicing argument where its @listSize requires one.
    std::optional<language::GraphQLError> list_size;
    /// Whether variables have a part in this. Where not, measuring once is enough.
    bool reads_variables = false;
  };

  /// Linear in the document: each fragment is measured once, however often it is spread.
  /// @param variables  coerced; empty to learn what can be said without them
  [[nodiscard]] Measured measure(const execution::ExecutableDocument& document,
                                 const language::OperationDefinition& operation,
                                 const boost::json::object& variables) const;

 private:
  friend class CostMeasurer;

  /// @listSize of a field.
  struct ListSize {
    std::vector<const type::InputValueDefinition*> slicing_arguments;
    bool require_one = false;
    double assumed = -1;        ///< < 0: none
    bool for_children = false;  ///< the size is that of `sizedFields` below
    bool limited = true;        ///< held against Limits::list_size_max
  };
  struct FieldCost {
    double weight = 0;
    bool reads_arguments = false;           ///< slicing arguments, or weights on input
    bool sized_by_parent = false;           ///< stands in some sizedFields
    const ListSize* list_size = nullptr;    ///< nullptr: none
    const type::NamedType* type = nullptr;  ///< named type of the field
    bool multiplies = false;                ///< a list whose items count
  };

  /// Whether the value of `argument` of a field with that @listSize has a part in the cost.
  [[nodiscard]] bool counts(const type::InputValueDefinition& argument, const ListSize* size) const;
  void read_weights(const type::Schema& schema);
  void read_list_sizes(const type::Schema& schema);
  void weigh_interfaces(const type::Schema& schema);
  /// Cost of a given value, with the input fields in it.
  [[nodiscard]] double input_cost(const type::InputValueDefinition& definition,
                                  const boost::json::value& value) const;

  const type::Schema& schema_;
  double assumed_list_size_;
  double list_size_max_;           ///< 0: no limit
  std::vector<FieldCost> fields_;  ///< by FieldDefinition::index
  std::vector<std::unique_ptr<ListSize>> list_sizes_;
  std::unordered_map<const type::InputValueDefinition*, double> input_weights_;
};

}  // namespace errand::graphql::request
