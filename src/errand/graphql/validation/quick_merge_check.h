#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/schema.h"
#include "errand/graphql/validation/validation_context.h"

namespace errand::graphql::validation {

/// Says quickly that the fields of a definition can be merged, as nearly all do:
/// FieldsInSetCanMerge() for all selection sets of a definition at once.
///
/// Where the naive form compares each pair of fields with one response name, this compares each
/// with the first of its group, and goes on with the selection sets of the whole group as if they
/// were one. (The idea is that of S. Adameit, "Fast GraphQL Validation", for Sangria.) A field is
/// looked at once for each group that it is in, and the work is bounded by a multiple of the
/// document's tokens. For one validation; not thread-safe.
class QuickMergeCheck {
 public:
  explicit QuickMergeCheck(const ValidationContext& context);

  /// @param parent_type  what `set` selects from; nullptr where unknown
  /// @return true: no conflict in `set` and all below. False: there is one, or to know would cost
  ///         too much; OverlappingFieldsCanBeMergedRule then looks at each pair.
  bool can_merge(const type::NamedType* parent_type, const language::SelectionSet& set);

 private:
  /// What has to be the same in the fields of one group.
  enum class Mode : std::uint8_t {
    kAll,    ///< they may meet in one object
    kShape,  ///< they cannot meet, but a client reads them alike (SameResponseShape())
  };

  struct TypedSet {
    const language::SelectionSet* set;
    const type::NamedType* parent_type;
  };

  /// A field of the sets that are being merged.
  struct Entry {
    const language::Field* node;
    const type::NamedType* parent_type;
    std::string_view response_name;
    std::uint32_t next;  ///< of the same group; kEnd after the last
    bool heads_group;    ///< the first of its response name
    bool from_fragment;  ///< reached through a fragment spread
  };

  bool check(Mode mode, std::size_t first_set);
  bool collect(const TypedSet& typed, std::size_t first_fragment, bool from_fragment);
  bool group(std::size_t first_entry);
  bool check_group(Mode mode, std::size_t head);
  bool check_types(std::size_t head);
  bool check_fields(std::size_t head, const type::NamedType* object_type);
  bool check_below(Mode mode, std::size_t head, const type::NamedType* object_type);
  bool same_arguments(const language::Field& a, const language::Field& b) const;
  [[nodiscard]] bool belongs(const Entry& entry, const type::NamedType* object_type) const;
  [[nodiscard]] const type::FieldDefinition* definition(const Entry& entry) const;
  bool spend(std::size_t cost);

  const ValidationContext& context_;
  std::size_t work_left_;
  int depth_ = 0;
  // Stacks, on which each level of the check has its part on top.
  boost::container::small_vector<TypedSet, 16> sets_;
  boost::container::small_vector<Entry, 32> entries_;
  boost::container::small_vector<const language::FragmentDefinition*, 8> fragments_;
  std::vector<std::uint32_t> slots_;
  /// Sets inside fragments that passed in full on their own.
  std::unordered_set<const language::SelectionSet*> passed_;
};

}  // namespace errand::graphql::validation
