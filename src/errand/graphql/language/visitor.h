#pragma once

#include <cstdint>
#include <type_traits>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"

namespace errand::graphql::language {

/// What a visitor's enter() wants next.
enum class VisitAction : std::uint8_t {
  kContinue,  ///< visit the children, then leave
  kSkip,      ///< neither the children nor leave()
  kBreak,     ///< end the whole walk
};

/// Walks over `node` and all below it in the order of the source, without names.
///
/// For each node of kind T it calls `visitor.enter(const T&)` before the children and
/// `visitor.leave(const T&)` after them, where the visitor has an overload that takes a T (or a
/// base of it, such as Value or Node). enter() returns VisitAction, or nothing to go on; leave()
/// returns nothing. The recursion is as deep as the tree, which the parser bounds.
/// @return kBreak where the walk was ended early, else kContinue.
template <class Visitor>
VisitAction visit(const Node& node, Visitor& visitor);

/// Walks over all definitions in order.
template <class Visitor>
VisitAction visit(const Document& document, Visitor& visitor);

namespace walk {

template <class T, class Visitor>
VisitAction enter(const T& node, Visitor& visitor) {
  if constexpr (requires { visitor.enter(node); }) {
    if constexpr (std::is_void_v<decltype(visitor.enter(node))>) {
      visitor.enter(node);
    } else {
      return visitor.enter(node);
    }
  }
  return VisitAction::kContinue;
}

template <class T, class Visitor>
bool each(NodeList<T> nodes, Visitor& visitor);

/// Visits an optional child; false to break.
template <class T, class Visitor>
bool child(const T* node, Visitor& visitor) {
  return node == nullptr || visit(static_cast<const Node&>(*node), visitor) != VisitAction::kBreak;
}

template <class Visitor>
bool children(const Node&, Visitor&) {
  return true;  // of leaves: names, most values, coordinates
}
template <class Visitor>
bool children(const OperationDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.variable_definitions, visitor) &&
         each(node.directives, visitor) && child(node.selection_set, visitor);
}
template <class Visitor>
bool children(const FragmentDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && child(node.type_condition, visitor) &&
         each(node.directives, visitor) && child(node.selection_set, visitor);
}
template <class Visitor>
bool children(const VariableDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && child(node.variable, visitor) &&
         child(node.type, visitor) && child(node.default_value, visitor) &&
         each(node.directives, visitor);
}
template <class Visitor>
bool children(const SelectionSet& node, Visitor& visitor) {
  return each(node.selections, visitor);
}
template <class Visitor>
bool children(const Field& node, Visitor& visitor) {
  return each(node.arguments, visitor) && each(node.directives, visitor) &&
         child(node.selection_set, visitor);
}
template <class Visitor>
bool children(const FragmentSpread& node, Visitor& visitor) {
  return each(node.directives, visitor);
}
template <class Visitor>
bool children(const InlineFragment& node, Visitor& visitor) {
  return child(node.type_condition, visitor) && each(node.directives, visitor) &&
         child(node.selection_set, visitor);
}
template <class Visitor>
bool children(const Argument& node, Visitor& visitor) {
  return child(node.value, visitor);
}
template <class Visitor>
bool children(const Directive& node, Visitor& visitor) {
  return each(node.arguments, visitor);
}
template <class Visitor>
bool children(const ListValue& node, Visitor& visitor) {
  return each(node.values, visitor);
}
template <class Visitor>
bool children(const ObjectValue& node, Visitor& visitor) {
  return each(node.fields, visitor);
}
template <class Visitor>
bool children(const ObjectField& node, Visitor& visitor) {
  return child(node.value, visitor);
}
template <class Visitor>
bool children(const ListType& node, Visitor& visitor) {
  return child(node.type, visitor);
}
template <class Visitor>
bool children(const NonNullType& node, Visitor& visitor) {
  return child(node.type, visitor);
}
template <class Visitor>
bool children(const SchemaDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor) &&
         each(node.operation_types, visitor);
}
template <class Visitor>
bool children(const OperationTypeDefinition& node, Visitor& visitor) {
  return child(node.type, visitor);
}
template <class Visitor>
bool children(const ScalarTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor);
}
template <class Visitor>
bool children(const ObjectTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.interfaces, visitor) &&
         each(node.directives, visitor) && each(node.fields, visitor);
}
template <class Visitor>
bool children(const InterfaceTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.interfaces, visitor) &&
         each(node.directives, visitor) && each(node.fields, visitor);
}
template <class Visitor>
bool children(const UnionTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor) &&
         each(node.types, visitor);
}
template <class Visitor>
bool children(const EnumTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor) &&
         each(node.values, visitor);
}
template <class Visitor>
bool children(const InputObjectTypeDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor) &&
         each(node.fields, visitor);
}
template <class Visitor>
bool children(const FieldDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.arguments, visitor) &&
         child(node.type, visitor) && each(node.directives, visitor);
}
template <class Visitor>
bool children(const InputValueDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && child(node.type, visitor) &&
         child(node.default_value, visitor) && each(node.directives, visitor);
}
template <class Visitor>
bool children(const EnumValueDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.directives, visitor);
}
template <class Visitor>
bool children(const DirectiveDefinition& node, Visitor& visitor) {
  return child(node.description, visitor) && each(node.arguments, visitor) &&
         each(node.directives, visitor);
}
template <class Visitor>
bool children(const DirectiveExtension& node, Visitor& visitor) {
  return each(node.directives, visitor);
}

template <class T, class Visitor>
VisitAction one(const T& node, Visitor& visitor) {
  const VisitAction action = enter(node, visitor);
  if (action != VisitAction::kContinue) {
    return action == VisitAction::kBreak ? action : VisitAction::kContinue;
  }
  if (!children(node, visitor)) return VisitAction::kBreak;
  if constexpr (requires { visitor.leave(node); }) visitor.leave(node);
  return VisitAction::kContinue;
}

template <class T, class Visitor>
bool each(NodeList<T> nodes, Visitor& visitor) {
  for (const T* node : nodes) {
    if (!child(node, visitor)) return false;
  }
  return true;
}

}  // namespace walk

/// Calls `visitor(const T&)` with `node` as what it is, T being its struct.
template <class Function>
decltype(auto) dispatch(const Node& node, Function&& function) {
  switch (node.kind) {
    case Kind::kName:
      return function(static_cast<const Name&>(node));
    case Kind::kOperationDefinition:
      return function(static_cast<const OperationDefinition&>(node));
    case Kind::kFragmentDefinition:
      return function(static_cast<const FragmentDefinition&>(node));
    case Kind::kSchemaDefinition:
    case Kind::kSchemaExtension:
      return function(static_cast<const SchemaDefinition&>(node));
    case Kind::kDirectiveDefinition:
      return function(static_cast<const DirectiveDefinition&>(node));
    case Kind::kScalarTypeDefinition:
    case Kind::kScalarTypeExtension:
      return function(static_cast<const ScalarTypeDefinition&>(node));
    case Kind::kObjectTypeDefinition:
    case Kind::kObjectTypeExtension:
      return function(static_cast<const ObjectTypeDefinition&>(node));
    case Kind::kInterfaceTypeDefinition:
    case Kind::kInterfaceTypeExtension:
      return function(static_cast<const InterfaceTypeDefinition&>(node));
    case Kind::kUnionTypeDefinition:
    case Kind::kUnionTypeExtension:
      return function(static_cast<const UnionTypeDefinition&>(node));
    case Kind::kEnumTypeDefinition:
    case Kind::kEnumTypeExtension:
      return function(static_cast<const EnumTypeDefinition&>(node));
    case Kind::kInputObjectTypeDefinition:
    case Kind::kInputObjectTypeExtension:
      return function(static_cast<const InputObjectTypeDefinition&>(node));
    case Kind::kDirectiveExtension:
      return function(static_cast<const DirectiveExtension&>(node));
    case Kind::kVariableDefinition:
      return function(static_cast<const VariableDefinition&>(node));
    case Kind::kSelectionSet:
      return function(static_cast<const SelectionSet&>(node));
    case Kind::kField:
      return function(static_cast<const Field&>(node));
    case Kind::kFragmentSpread:
      return function(static_cast<const FragmentSpread&>(node));
    case Kind::kInlineFragment:
      return function(static_cast<const InlineFragment&>(node));
    case Kind::kArgument:
      return function(static_cast<const Argument&>(node));
    case Kind::kDirective:
      return function(static_cast<const Directive&>(node));
    case Kind::kVariable:
      return function(static_cast<const Variable&>(node));
    case Kind::kIntValue:
      return function(static_cast<const IntValue&>(node));
    case Kind::kFloatValue:
      return function(static_cast<const FloatValue&>(node));
    case Kind::kStringValue:
      return function(static_cast<const StringValue&>(node));
    case Kind::kBooleanValue:
      return function(static_cast<const BooleanValue&>(node));
    case Kind::kNullValue:
      return function(static_cast<const NullValue&>(node));
    case Kind::kEnumValue:
      return function(static_cast<const EnumValue&>(node));
    case Kind::kListValue:
      return function(static_cast<const ListValue&>(node));
    case Kind::kObjectValue:
      return function(static_cast<const ObjectValue&>(node));
    case Kind::kObjectField:
      return function(static_cast<const ObjectField&>(node));
    case Kind::kNamedType:
      return function(static_cast<const NamedType&>(node));
    case Kind::kListType:
      return function(static_cast<const ListType&>(node));
    case Kind::kNonNullType:
      return function(static_cast<const NonNullType&>(node));
    case Kind::kOperationTypeDefinition:
      return function(static_cast<const OperationTypeDefinition&>(node));
    case Kind::kFieldDefinition:
      return function(static_cast<const FieldDefinition&>(node));
    case Kind::kInputValueDefinition:
      return function(static_cast<const InputValueDefinition&>(node));
    case Kind::kEnumValueDefinition:
      return function(static_cast<const EnumValueDefinition&>(node));
    case Kind::kTypeCoordinate:
      return function(static_cast<const TypeCoordinate&>(node));
    case Kind::kMemberCoordinate:
      return function(static_cast<const MemberCoordinate&>(node));
    case Kind::kArgumentCoordinate:
      return function(static_cast<const ArgumentCoordinate&>(node));
    case Kind::kDirectiveCoordinate:
      return function(static_cast<const DirectiveCoordinate&>(node));
    case Kind::kDirectiveArgumentCoordinate:
      return function(static_cast<const DirectiveArgumentCoordinate&>(node));
  }
  ERRAND_ASSERT(false);
  __builtin_unreachable();
}

template <class Visitor>
VisitAction visit(const Node& node, Visitor& visitor) {
  return dispatch(node, [&](const auto& typed) { return walk::one(typed, visitor); });
}

template <class Visitor>
VisitAction visit(const Document& document, Visitor& visitor) {
  for (const Definition* definition : document.definitions()) {
    if (visit(*definition, visitor) == VisitAction::kBreak) return VisitAction::kBreak;
  }
  return VisitAction::kContinue;
}

}  // namespace errand::graphql::language
