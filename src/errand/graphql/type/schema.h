#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/document.h"
#include "errand/graphql/type/definitions.h"
#include "errand/graphql/type/type_ref.h"

namespace errand::graphql::type {

/// A valid type system (specification, 3.3): named types, directives and the root operation types,
/// the introspection types included. Made by build_schema() alone, immutable, hence safe to share
/// between threads as shared_ptr<const Schema>. Owns all its parts and the SDL they came from.
class Schema {
 public:
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;
  ~Schema();

  [[nodiscard]] std::optional<std::string_view> description() const noexcept {
    return description_;
  }
  /// The schema definition; not known where there is none.
  [[nodiscard]] const Place& definition() const noexcept { return definition_; }
  /// Directives applied to the schema itself.
  [[nodiscard]] std::span<const AppliedDirective> schema_directives() const noexcept {
    return schema_directives_;
  }

  /// nullptr where the schema has none (a query type may be missing only if the builder was told
  /// so).
  [[nodiscard]] const ObjectType* query_type() const noexcept { return roots_[0]; }
  [[nodiscard]] const ObjectType* mutation_type() const noexcept { return roots_[1]; }
  [[nodiscard]] const ObjectType* subscription_type() const noexcept { return roots_[2]; }
  [[nodiscard]] const ObjectType* root_type(language::OperationType operation) const noexcept {
    return roots_[static_cast<std::size_t>(operation)];
  }

  /// All named types: the user's in order of declaration, then built-in scalars that are referred
  /// to, then introspection's. `types()[t.index] == &t`.
  [[nodiscard]] std::span<const NamedType* const> types() const noexcept { return types_; }
  /// The same types, a built-in one after the first that refers to it: the order in which
  /// graphql-js lists and checks them.
  [[nodiscard]] std::span<const NamedType* const> types_by_reference() const noexcept {
    return types_by_reference_;
  }
  /// nullptr where there is none.
  [[nodiscard]] const NamedType* type(std::string_view name) const noexcept;

  /// The user's directives in order of declaration, then the specified ones.
  [[nodiscard]] std::span<const DirectiveDefinition* const> directives() const noexcept {
    return directives_;
  }
  [[nodiscard]] const DirectiveDefinition* directive(std::string_view name) const noexcept;

  /// The field `name` as it can be selected on `parent` (object, interface or union): its own
  /// fields, `__typename`, and on the query type `__schema` and `__type`. nullptr otherwise.
  [[nodiscard]] const FieldDefinition* field(const NamedType& parent,
                                             std::string_view name) const noexcept;
  /// The meta-fields (specification, 4.1 and 4.2).
  [[nodiscard]] const FieldDefinition& typename_field() const noexcept { return *meta_fields_[0]; }
  [[nodiscard]] const FieldDefinition& schema_field() const noexcept { return *meta_fields_[1]; }
  [[nodiscard]] const FieldDefinition& type_field() const noexcept { return *meta_fields_[2]; }
  /// One more than the largest FieldDefinition::index, meta-fields included.
  [[nodiscard]] std::uint32_t field_count() const noexcept { return field_count_; }

  /// GetPossibleTypes(): members of a union, or object types that implement an interface, in order
  /// of declaration; an object type itself. Empty for other types.
  [[nodiscard]] std::span<const ObjectType* const> possible_types(const NamedType& type) const;
  /// Whether an object of `object` can stand where `composite` is expected.
  [[nodiscard]] bool is_possible_type(const NamedType& composite, const ObjectType& object) const;
  /// Interfaces that declare to implement `interface`.
  [[nodiscard]] std::span<const InterfaceType* const> implementing_interfaces(
      const InterfaceType& interface) const;
  /// IsSubType() with wrappers: whether every value of `type` is one of `super`.
  [[nodiscard]] bool is_subtype(const TypeRef& type, const TypeRef& super) const;
  /// Whether some object type is possible for both composite types.
  [[nodiscard]] bool types_overlap(const NamedType& a, const NamedType& b) const;

  /// The type that `reference` names in this schema; nullopt for an unknown name, or more than
  /// TypeRef::kListDepthMax lists.
  [[nodiscard]] std::optional<TypeRef> type_from_ast(
      const language::TypeReference& reference) const;

 private:
  friend class SchemaBuilder;
  Schema();

  std::vector<language::Document> documents_;  ///< keep the texts and nodes
  std::vector<std::unique_ptr<NamedType>> owned_types_;
  std::vector<std::unique_ptr<DirectiveDefinition>> owned_directives_;
  std::optional<std::string_view> description_;
  Place definition_;
  AppliedDirectives schema_directives_;
  std::vector<const NamedType*> types_;
  std::vector<const NamedType*> types_by_reference_;
  std::vector<const DirectiveDefinition*> directives_;
  std::unordered_map<std::string_view, const NamedType*> types_by_name_;
  std::unordered_map<std::string_view, const DirectiveDefinition*> directives_by_name_;
  const ObjectType* roots_[3] = {};
  std::unique_ptr<ObjectType> meta_type_;  ///< holds the meta-fields; no type of the schema
  const FieldDefinition* meta_fields_[3] = {};
  std::uint32_t field_count_ = 0;
  std::vector<std::vector<const ObjectType*>> possible_types_;  ///< by NamedType::index
  std::vector<std::vector<bool>> is_possible_;                  ///< by composite, then object index
  std::vector<std::vector<const InterfaceType*>> implementing_interfaces_;
};

}  // namespace errand::graphql::type
