#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"
#include "errand/graphql/type/definitions.h"
#include "errand/graphql/type/schema.h"

namespace errand::codegen {

struct Selection;

/// One field of a selection, with what is selected below it.
struct SelectedField {
  const graphql::type::FieldDefinition* field = nullptr;
  std::string alias;                 ///< the name in the response; mostly the field's own
  std::vector<Selection> selection;  ///< none of a leaf, else one

  [[nodiscard]] bool aliased() const { return alias != field->name; }
};

/// What is selected of one object type.
struct SelectedObject {
  const graphql::type::ObjectType* object = nullptr;
  std::vector<SelectedField> fields;
};

/// What a client's document selects of a composite type: all fields without required arguments, to
/// a depth.
struct Selection {
  const graphql::type::NamedType* type = nullptr;
  /// One for an object type, one for each possible type of an abstract one, in their order.
  std::vector<SelectedObject> objects;
  /// Whether everything below is selected under its own name, so that the answer is a whole value
  /// of `type`.
  bool complete = true;
};

/// The selection of `type`; of a leaf there is none.
/// @param depth  1: only leaves of `type` itself; >= 1
/// @return kInvalidArgument where it would have more than 2,000 fields; the message says to take
///         less depth.
Result<std::optional<Selection>> select_all(const graphql::type::Schema& schema,
                                            const graphql::type::NamedType& type,
                                            std::size_t depth);

/// "{ url files { path } }" in one line.
std::string to_text(const Selection& selection);

/// The same on lines of their own, from " {" on, to be followed by the rest of the document.
/// @param indent  blanks before the line that it stands on
std::string to_lines(const Selection& selection, std::size_t indent);

}  // namespace errand::codegen
