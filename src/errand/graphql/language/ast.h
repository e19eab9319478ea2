#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "errand/base/assert.h"

/// The syntax tree of a GraphQL document: the nouns of the specification's section 2 and appendix C
/// (September 2025), and two of the draft that graphql-js 17 reads (directives on directive
/// definitions, `extend directive`).
///
/// Nodes are plain structs in the arena of a Document (document.h). The hierarchy is closed: every
/// node carries its Kind, and `node.as<Field>()` or `node.get_if<Field>()` goes down at the price
/// of one comparison. Texts are views into the source or the arena, so a node is valid as long as
/// its document. Nodes are immutable once parsed and may be read from any thread.
namespace errand::graphql::language {

enum class Kind : std::uint8_t {
  kName,

  // Definitions: first the executable ones, then the type system, then its extensions.
  kOperationDefinition,
  kFragmentDefinition,
  kSchemaDefinition,
  kDirectiveDefinition,
  kScalarTypeDefinition,
  kObjectTypeDefinition,
  kInterfaceTypeDefinition,
  kUnionTypeDefinition,
  kEnumTypeDefinition,
  kInputObjectTypeDefinition,
  kSchemaExtension,
  kDirectiveExtension,
  kScalarTypeExtension,
  kObjectTypeExtension,
  kInterfaceTypeExtension,
  kUnionTypeExtension,
  kEnumTypeExtension,
  kInputObjectTypeExtension,

  kVariableDefinition,
  kSelectionSet,

  // Selections.
  kField,
  kFragmentSpread,
  kInlineFragment,

  kArgument,
  kDirective,

  // Values.
  kVariable,
  kIntValue,
  kFloatValue,
  kStringValue,
  kBooleanValue,
  kNullValue,
  kEnumValue,
  kListValue,
  kObjectValue,

  kObjectField,

  // Type references.
  kNamedType,
  kListType,
  kNonNullType,

  // Parts of type system definitions.
  kOperationTypeDefinition,
  kFieldDefinition,
  kInputValueDefinition,
  kEnumValueDefinition,

  // Schema coordinates.
  kTypeCoordinate,
  kMemberCoordinate,
  kArgumentCoordinate,
  kDirectiveCoordinate,
  kDirectiveArgumentCoordinate,
};

inline constexpr std::size_t kKindCount =
    static_cast<std::size_t>(Kind::kDirectiveArgumentCoordinate) + 1;

/// Name of `kind` as in graphql-js, such as "OperationDefinition".
std::string_view to_string(Kind kind) noexcept;

/// Base of all nodes: the kind, and the node's bytes [start, end) in its source. A node that was
/// made by a program rather than parsed has start == end == 0.
struct Node {
  Kind kind;
  std::uint32_t start = 0;
  std::uint32_t end = 0;

  template <class T>
  [[nodiscard]] bool is() const noexcept {
    return T::has_kind(kind);
  }

  /// This node as a T; a bug where it is none.
  template <class T>
  [[nodiscard]] const T& as() const {
    ERRAND_ASSERT(T::has_kind(kind));
    return static_cast<const T&>(*this);
  }

  /// This node as a T, or nullptr.
  template <class T>
  [[nodiscard]] const T* get_if() const noexcept {
    return T::has_kind(kind) ? static_cast<const T*>(this) : nullptr;
  }

 protected:
  explicit constexpr Node(Kind k) : kind(k) {}
};

/// A node of exactly one kind.
template <class Base, Kind K>
struct NodeOf : Base {
  static constexpr Kind kKind = K;
  static constexpr bool has_kind(Kind k) noexcept { return k == K; }
  constexpr NodeOf() : Base(K) {}
};

/// A list of child nodes, empty where the source has none.
template <class T>
using NodeList = std::span<const T* const>;

/// A name with its place. Optional names (of operations, aliases) are empty where absent.
struct Name : NodeOf<Node, Kind::kName> {
  std::string_view value;

  [[nodiscard]] bool empty() const noexcept { return value.empty(); }
  explicit operator bool() const noexcept { return !value.empty(); }
};

// ---- Values (2.9, 2.10) ----

struct Value : Node {
  static constexpr bool has_kind(Kind k) noexcept {
    return k >= Kind::kVariable && k <= Kind::kObjectValue;
  }

 protected:
  using Node::Node;
};

struct Variable : NodeOf<Value, Kind::kVariable> {
  Name name;  ///< without the dollar sign
};

struct IntValue : NodeOf<Value, Kind::kIntValue> {
  std::string_view value;  ///< as written: an optional minus sign and digits, of any length
};

struct FloatValue : NodeOf<Value, Kind::kFloatValue> {
  std::string_view value;  ///< as written, in a form that JSON knows too
};

struct StringValue : NodeOf<Value, Kind::kStringValue> {
  std::string_view value;  ///< the string's value in UTF-8, escapes and indentation resolved
  bool block = false;      ///< written as a block string
};

struct BooleanValue : NodeOf<Value, Kind::kBooleanValue> {
  bool value = false;
};

struct NullValue : NodeOf<Value, Kind::kNullValue> {};

struct EnumValue : NodeOf<Value, Kind::kEnumValue> {
  std::string_view value;
};

struct ListValue : NodeOf<Value, Kind::kListValue> {
  NodeList<Value> values;
};

struct ObjectField : NodeOf<Node, Kind::kObjectField> {
  Name name;
  const Value* value = nullptr;
};

struct ObjectValue : NodeOf<Value, Kind::kObjectValue> {
  NodeList<ObjectField> fields;  ///< as written: names may repeat until validated
};

// ---- Type references (2.11) ----

struct TypeReference : Node {
  static constexpr bool has_kind(Kind k) noexcept {
    return k >= Kind::kNamedType && k <= Kind::kNonNullType;
  }

 protected:
  using Node::Node;
};

struct NamedType : NodeOf<TypeReference, Kind::kNamedType> {
  Name name;
};

struct ListType : NodeOf<TypeReference, Kind::kListType> {
  const TypeReference* type = nullptr;
};

struct NonNullType : NodeOf<TypeReference, Kind::kNonNullType> {
  const TypeReference* type = nullptr;  ///< a NamedType or a ListType
};

// ---- Arguments, directives, selections (2.5 to 2.8, 2.12) ----

struct Argument : NodeOf<Node, Kind::kArgument> {
  Name name;
  const Value* value = nullptr;
};

struct Directive : NodeOf<Node, Kind::kDirective> {
  Name name;  ///< without the at sign
  NodeList<Argument> arguments;
};

struct Selection : Node {
  NodeList<Directive> directives;

  static constexpr bool has_kind(Kind k) noexcept {
    return k >= Kind::kField && k <= Kind::kInlineFragment;
  }

 protected:
  using Node::Node;
};

struct SelectionSet : NodeOf<Node, Kind::kSelectionSet> {
  NodeList<Selection> selections;
};

struct Field : NodeOf<Selection, Kind::kField> {
  Name alias;  ///< empty where absent
  Name name;
  NodeList<Argument> arguments;
  const SelectionSet* selection_set = nullptr;  ///< nullptr on a leaf

  /// The alias, or else the name: the key of the field in the response.
  [[nodiscard]] std::string_view response_name() const noexcept {
    return alias ? alias.value : name.value;
  }
};

struct FragmentSpread : NodeOf<Selection, Kind::kFragmentSpread> {
  Name name;
};

struct InlineFragment : NodeOf<Selection, Kind::kInlineFragment> {
  const NamedType* type_condition = nullptr;  ///< nullptr where absent
  const SelectionSet* selection_set = nullptr;
};

// ---- Definitions ----

struct Definition : Node {
  const StringValue* description = nullptr;  ///< nullptr where absent; extensions have none

  static constexpr bool has_kind(Kind k) noexcept {
    return k >= Kind::kOperationDefinition && k <= Kind::kInputObjectTypeExtension;
  }
  static constexpr bool is_executable(Kind k) noexcept {
    return k == Kind::kOperationDefinition || k == Kind::kFragmentDefinition;
  }
  static constexpr bool is_extension(Kind k) noexcept {
    return k >= Kind::kSchemaExtension && k <= Kind::kInputObjectTypeExtension;
  }
  [[nodiscard]] bool is_executable() const noexcept { return is_executable(kind); }
  [[nodiscard]] bool is_extension() const noexcept { return is_extension(kind); }

 protected:
  using Node::Node;
};

enum class OperationType : std::uint8_t { kQuery, kMutation, kSubscription };

/// "query", "mutation" or "subscription".
std::string_view to_string(OperationType type) noexcept;

struct VariableDefinition : NodeOf<Node, Kind::kVariableDefinition> {
  const StringValue* description = nullptr;
  const Variable* variable = nullptr;
  const TypeReference* type = nullptr;
  const Value* default_value = nullptr;  ///< nullptr where absent
  NodeList<Directive> directives;
};

struct OperationDefinition : NodeOf<Definition, Kind::kOperationDefinition> {
  OperationType operation = OperationType::kQuery;
  Name name;  ///< empty where anonymous
  NodeList<VariableDefinition> variable_definitions;
  NodeList<Directive> directives;
  const SelectionSet* selection_set = nullptr;
};

struct FragmentDefinition : NodeOf<Definition, Kind::kFragmentDefinition> {
  Name name;
  const NamedType* type_condition = nullptr;
  NodeList<Directive> directives;
  const SelectionSet* selection_set = nullptr;
};

struct OperationTypeDefinition : NodeOf<Node, Kind::kOperationTypeDefinition> {
  OperationType operation = OperationType::kQuery;
  const NamedType* type = nullptr;
};

/// An argument of a field or directive definition, or a field of an input object.
struct InputValueDefinition : NodeOf<Node, Kind::kInputValueDefinition> {
  const StringValue* description = nullptr;
  Name name;
  const TypeReference* type = nullptr;
  const Value* default_value = nullptr;
  NodeList<Directive> directives;
};

struct FieldDefinition : NodeOf<Node, Kind::kFieldDefinition> {
  const StringValue* description = nullptr;
  Name name;
  NodeList<InputValueDefinition> arguments;
  const TypeReference* type = nullptr;
  NodeList<Directive> directives;
};

struct EnumValueDefinition : NodeOf<Node, Kind::kEnumValueDefinition> {
  const StringValue* description = nullptr;
  Name name;
  NodeList<Directive> directives;
};

struct DirectiveDefinition : NodeOf<Definition, Kind::kDirectiveDefinition> {
  Name name;
  NodeList<InputValueDefinition> arguments;
  NodeList<Directive> directives;  ///< of the draft (graphql-spec #1206)
  bool repeatable = false;
  NodeList<Name> locations;  ///< each one of the specification's DirectiveLocation names
};

/// `extend directive @a @b`, of the draft (graphql-spec #1206).
struct DirectiveExtension : NodeOf<Definition, Kind::kDirectiveExtension> {
  Name name;
  NodeList<Directive> directives;
};

/// A definition or extension: both have the same parts, and kind (or is_extension()) tells which.
template <class Base, Kind DefinitionKind, Kind ExtensionKind>
struct DefinitionOrExtension : Base {
  static constexpr Kind kDefinitionKind = DefinitionKind;
  static constexpr Kind kExtensionKind = ExtensionKind;
  static constexpr bool has_kind(Kind k) noexcept {
    return k == DefinitionKind || k == ExtensionKind;
  }

 protected:
  explicit constexpr DefinitionOrExtension(Kind k) : Base(k) {}
};

struct SchemaDefinition
    : DefinitionOrExtension<Definition, Kind::kSchemaDefinition, Kind::kSchemaExtension> {
  explicit constexpr SchemaDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}

  NodeList<Directive> directives;
  NodeList<OperationTypeDefinition> operation_types;
};

/// Definition or extension of a named type.
struct TypeDefinition : Definition {
  Name name;
  NodeList<Directive> directives;

  static constexpr bool has_kind(Kind k) noexcept {
    return (k >= Kind::kScalarTypeDefinition && k <= Kind::kInputObjectTypeDefinition) ||
           (k >= Kind::kScalarTypeExtension && k <= Kind::kInputObjectTypeExtension);
  }

 protected:
  using Definition::Definition;
};

struct ScalarTypeDefinition : DefinitionOrExtension<TypeDefinition, Kind::kScalarTypeDefinition,
                                                    Kind::kScalarTypeExtension> {
  explicit constexpr ScalarTypeDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}
};

struct ObjectTypeDefinition : DefinitionOrExtension<TypeDefinition, Kind::kObjectTypeDefinition,
                                                    Kind::kObjectTypeExtension> {
  explicit constexpr ObjectTypeDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}

  NodeList<NamedType> interfaces;
  NodeList<FieldDefinition> fields;
};

struct InterfaceTypeDefinition
    : DefinitionOrExtension<TypeDefinition, Kind::kInterfaceTypeDefinition,
                            Kind::kInterfaceTypeExtension> {
  explicit constexpr InterfaceTypeDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}

  NodeList<NamedType> interfaces;
  NodeList<FieldDefinition> fields;
};

struct UnionTypeDefinition
    : DefinitionOrExtension<TypeDefinition, Kind::kUnionTypeDefinition, Kind::kUnionTypeExtension> {
  explicit constexpr UnionTypeDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}

  NodeList<NamedType> types;
};

struct EnumTypeDefinition
    : DefinitionOrExtension<TypeDefinition, Kind::kEnumTypeDefinition, Kind::kEnumTypeExtension> {
  explicit constexpr EnumTypeDefinition(Kind k = kDefinitionKind) : DefinitionOrExtension(k) {}

  NodeList<EnumValueDefinition> values;
};

struct InputObjectTypeDefinition
    : DefinitionOrExtension<TypeDefinition, Kind::kInputObjectTypeDefinition,
                            Kind::kInputObjectTypeExtension> {
  explicit constexpr InputObjectTypeDefinition(Kind k = kDefinitionKind)
      : DefinitionOrExtension(k) {}

  NodeList<InputValueDefinition> fields;
};

// ---- Schema coordinates (2.14) ----

struct SchemaCoordinate : Node {
  Name name;  ///< of the type or the directive

  static constexpr bool has_kind(Kind k) noexcept {
    return k >= Kind::kTypeCoordinate && k <= Kind::kDirectiveArgumentCoordinate;
  }

 protected:
  using Node::Node;
};

/// `Job`
struct TypeCoordinate : NodeOf<SchemaCoordinate, Kind::kTypeCoordinate> {};

/// `Job.status`: a field, an input field or an enum value.
struct MemberCoordinate : NodeOf<SchemaCoordinate, Kind::kMemberCoordinate> {
  Name member_name;
};

/// `Query.job(id:)`
struct ArgumentCoordinate : NodeOf<SchemaCoordinate, Kind::kArgumentCoordinate> {
  Name field_name;
  Name argument_name;
};

/// `@job`
struct DirectiveCoordinate : NodeOf<SchemaCoordinate, Kind::kDirectiveCoordinate> {};

/// `@job(queue:)`
struct DirectiveArgumentCoordinate : NodeOf<SchemaCoordinate, Kind::kDirectiveArgumentCoordinate> {
  Name argument_name;
};

}  // namespace errand::graphql::language
