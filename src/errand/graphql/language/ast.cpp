#include "errand/graphql/language/ast.h"

#include <array>
#include <type_traits>

namespace errand::graphql::language {

std::string_view to_string(Kind kind) noexcept {
  static constexpr std::array<std::string_view, kKindCount> kNames = {
      "Name",
      "OperationDefinition",
      "FragmentDefinition",
      "SchemaDefinition",
      "DirectiveDefinition",
      "ScalarTypeDefinition",
      "ObjectTypeDefinition",
      "InterfaceTypeDefinition",
      "UnionTypeDefinition",
      "EnumTypeDefinition",
      "InputObjectTypeDefinition",
      "SchemaExtension",
      "DirectiveExtension",
      "ScalarTypeExtension",
      "ObjectTypeExtension",
      "InterfaceTypeExtension",
      "UnionTypeExtension",
      "EnumTypeExtension",
      "InputObjectTypeExtension",
      "VariableDefinition",
      "SelectionSet",
      "Field",
      "FragmentSpread",
      "InlineFragment",
      "Argument",
      "Directive",
      "Variable",
      "IntValue",
      "FloatValue",
      "StringValue",
      "BooleanValue",
      "NullValue",
      "EnumValue",
      "ListValue",
      "ObjectValue",
      "ObjectField",
      "NamedType",
      "ListType",
      "NonNullType",
      "OperationTypeDefinition",
      "FieldDefinition",
      "InputValueDefinition",
      "EnumValueDefinition",
      "TypeCoordinate",
      "MemberCoordinate",
      "ArgumentCoordinate",
      "DirectiveCoordinate",
      "DirectiveArgumentCoordinate",
  };
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view to_string(OperationType type) noexcept {
  switch (type) {
    case OperationType::kQuery:
      return "query";
    case OperationType::kMutation:
      return "mutation";
    case OperationType::kSubscription:
      return "subscription";
  }
  return "";
}

// The arena runs no destructors.
static_assert(std::is_trivially_destructible_v<OperationDefinition>);
static_assert(std::is_trivially_destructible_v<InputObjectTypeDefinition>);

}  // namespace errand::graphql::language
