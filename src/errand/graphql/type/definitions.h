#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/assert.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/source.h"
#include "errand/graphql/type/type_ref.h"

/// The parts of a type system (specification, 3). All of them are made by build_schema() and owned
/// by a Schema, which hands them out const; texts are views into the SDL that the Schema keeps.
/// Lists stand in the order of declaration, extensions after what they extend.
namespace errand::graphql::type {

class InputObjectType;
class InterfaceType;
class ObjectType;
class Schema;

/// A node of the SDL with the file it stands in, for errors.
struct Place {
  const language::Source* source = nullptr;
  const language::Node* node = nullptr;

  [[nodiscard]] bool known() const noexcept { return source != nullptr && node != nullptr; }
  /// Line and column; 1:1 where not known.
  [[nodiscard]] language::Location location() const;
};

/// An error at `place`, with its file, line and column.
language::GraphQLError error_at(const Place& place, std::string message);
/// An error that concerns several places; the source is that of the first.
language::GraphQLError error_at(std::span<const Place> places, std::string message);

/// A directive as the SDL applies it, such as `@job(queue: "reports")`; read it with
/// directive_values() of coerce.h.
struct AppliedDirective {
  const language::Directive* node = nullptr;
  const language::Source* source = nullptr;

  [[nodiscard]] std::string_view name() const noexcept { return node->name.value; }
  [[nodiscard]] Place place() const noexcept { return {source, node}; }
};
using AppliedDirectives = std::vector<AppliedDirective>;

/// The first application of `@name`; nullptr where there is none.
const AppliedDirective* find_directive(std::span<const AppliedDirective> directives,
                                       std::string_view name) noexcept;

/// What every described part has.
struct Described {
  std::string_view name;
  std::optional<std::string_view> description;
  AppliedDirectives directives;
  Place place;       ///< the name
  Place definition;  ///< the whole definition
};

/// An argument of a field or directive, or a field of an input object ("input value").
struct InputValueDefinition : Described {
  TypeRef type;
  const language::Value* default_literal = nullptr;  ///< as written; nullptr where there is none
  /// `default_literal` coerced to `type`; absent where there is none.
  std::optional<boost::json::value> default_value;
  std::optional<std::string_view> deprecation_reason;

  /// Non-null and without a default: must be given.
  [[nodiscard]] bool is_required() const noexcept {
    return type.is_non_null() && default_literal == nullptr;
  }
};

/// A field of an object or interface type.
struct FieldDefinition : Described {
  std::vector<InputValueDefinition> arguments;
  TypeRef type;
  std::optional<std::string_view> deprecation_reason;
  const NamedType* parent = nullptr;  ///< the object or interface type; nullptr for meta-fields
  std::uint32_t index = 0;            ///< from 0, unique in the schema, < Schema::field_count()

  [[nodiscard]] const InputValueDefinition* argument(std::string_view argument_name) const noexcept;
};

struct EnumValueDefinition : Described {
  std::optional<std::string_view> deprecation_reason;
};

struct DirectiveDefinition : Described {
  std::vector<InputValueDefinition> arguments;
  bool repeatable = false;
  std::vector<std::string_view> locations;  ///< DirectiveLocation names such as "FIELD"
  std::optional<std::string_view> deprecation_reason;
  bool built_in = false;  ///< @skip, @include, @deprecated, @specifiedBy, @oneOf

  [[nodiscard]] const InputValueDefinition* argument(std::string_view argument_name) const noexcept;
  [[nodiscard]] bool allows(std::string_view location) const noexcept;
};

enum class TypeKind : std::uint8_t { kScalar, kObject, kInterface, kUnion, kEnum, kInputObject };

/// "SCALAR", "OBJECT"... as in introspection's __TypeKind.
std::string_view to_string(TypeKind kind) noexcept;

/// Base of all named types (specification, 3.4). A closed hierarchy: go down with
/// `as<ObjectType>()` or `get_if<ObjectType>()`.
class NamedType : public Described {
 public:
  NamedType(const NamedType&) = delete;
  NamedType& operator=(const NamedType&) = delete;
  virtual ~NamedType() = default;

  [[nodiscard]] TypeKind kind() const noexcept { return kind_; }

  template <class T>
  [[nodiscard]] bool is() const noexcept {
    return T::has_kind(kind_);
  }
  /// This type as a T; a bug where it is none.
  template <class T>
  [[nodiscard]] const T& as() const {
    ERRAND_ASSERT(T::has_kind(kind_));
    return static_cast<const T&>(*this);
  }
  template <class T>
  [[nodiscard]] const T* get_if() const noexcept {
    return T::has_kind(kind_) ? static_cast<const T*>(this) : nullptr;
  }

  /// Scalar or enum.
  [[nodiscard]] bool is_leaf() const noexcept {
    return kind_ == TypeKind::kScalar || kind_ == TypeKind::kEnum;
  }
  /// Object, interface or union: has selections.
  [[nodiscard]] bool is_composite() const noexcept {
    return kind_ == TypeKind::kObject || is_abstract();
  }
  /// Interface or union.
  [[nodiscard]] bool is_abstract() const noexcept {
    return kind_ == TypeKind::kInterface || kind_ == TypeKind::kUnion;
  }
  /// IsInputType() of the specification, 3.4.2.
  [[nodiscard]] bool is_input() const noexcept {
    return is_leaf() || kind_ == TypeKind::kInputObject;
  }
  /// IsOutputType().
  [[nodiscard]] bool is_output() const noexcept { return kind_ != TypeKind::kInputObject; }

  std::vector<Place> extensions;
  /// A type of introspection, or a built-in scalar.
  bool built_in = false;
  std::uint32_t index = 0;  ///< place in Schema::types()

 protected:
  explicit NamedType(TypeKind kind) : kind_(kind) {}

 private:
  TypeKind kind_;
};

/// Result of the coercion of one leaf; the error is graphql-js' text, without a place.
using LeafResult = std::expected<boost::json::value, std::string>;

/// How the values of a scalar go in and out. Plain functions without state, hence thread-safe.
struct ScalarCoercion {
  /// Checks and converts a variable's value, which is never null.
  LeafResult (*parse_value)(const boost::json::value& value);
  /// Checks and converts a literal, which is never null. `variables` holds the coerced variables,
  /// or is nullptr where the literal is constant or only checked; a variable inside a list or
  /// object literal without a value counts as null.
  LeafResult (*parse_literal)(const language::Value& literal, const boost::json::object* variables);
  /// Checks and converts a resolver's value, which is never null, into what is sent.
  LeafResult (*serialize)(const boost::json::value& value);
  /// Whether serialize() would give `text` just as it is; nullptr where only that can tell.
  bool (*is_serialized)(std::string_view text) = nullptr;
};

/// The built-in scalars, for which execution has faster ways than ScalarCoercion.
enum class BuiltInScalar : std::uint8_t { kNone, kInt, kFloat, kString, kBoolean, kId };

class ScalarType final : public NamedType {
 public:
  ScalarType() : NamedType(TypeKind::kScalar) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kScalar; }

  ScalarCoercion coercion{};
  BuiltInScalar scalar = BuiltInScalar::kNone;
  std::optional<std::string_view> specified_by_url;
};

/// What object and interface types have in common.
class FieldsType : public NamedType {
 public:
  static constexpr bool has_kind(TypeKind k) noexcept {
    return k == TypeKind::kObject || k == TypeKind::kInterface;
  }

  std::vector<FieldDefinition> fields;
  std::vector<const InterfaceType*>
      interfaces;  ///< as declared, which includes the transitive ones

  /// nullptr where there is none; knows no meta-fields (see Schema::field()).
  [[nodiscard]] const FieldDefinition* field(std::string_view field_name) const noexcept;
  [[nodiscard]] bool implements(const InterfaceType& interface) const noexcept;

 protected:
  using NamedType::NamedType;

 private:
  friend class SchemaBuilder;
  std::unordered_map<std::string_view, std::uint32_t> fields_by_name_;
};

class ObjectType final : public FieldsType {
 public:
  ObjectType() : FieldsType(TypeKind::kObject) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kObject; }
};

class InterfaceType final : public FieldsType {
 public:
  InterfaceType() : FieldsType(TypeKind::kInterface) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kInterface; }
};

class UnionType final : public NamedType {
 public:
  UnionType() : NamedType(TypeKind::kUnion) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kUnion; }

  std::vector<const ObjectType*> members;
};

class EnumType final : public NamedType {
 public:
  EnumType() : NamedType(TypeKind::kEnum) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kEnum; }

  std::vector<EnumValueDefinition> values;

  [[nodiscard]] const EnumValueDefinition* value(std::string_view value_name) const noexcept;

 private:
  friend class SchemaBuilder;
  std::unordered_map<std::string_view, std::uint32_t> values_by_name_;
};

class InputObjectType final : public NamedType {
 public:
  InputObjectType() : NamedType(TypeKind::kInputObject) {}
  static constexpr bool has_kind(TypeKind k) noexcept { return k == TypeKind::kInputObject; }

  std::vector<InputValueDefinition> fields;
  bool is_one_of = false;  ///< @oneOf: exactly one field, not null

  [[nodiscard]] const InputValueDefinition* field(std::string_view field_name) const noexcept;

 private:
  friend class SchemaBuilder;
  std::unordered_map<std::string_view, std::uint32_t> fields_by_name_;
};

}  // namespace errand::graphql::type
