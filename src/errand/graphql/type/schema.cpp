#include "errand/graphql/type/schema.h"

#include <algorithm>

namespace errand::graphql::type {

Schema::Schema() = default;
Schema::~Schema() = default;

const NamedType* Schema::type(std::string_view name) const noexcept {
  const auto found = types_by_name_.find(name);
  return found == types_by_name_.end() ? nullptr : found->second;
}

const DirectiveDefinition* Schema::directive(std::string_view name) const noexcept {
  const auto found = directives_by_name_.find(name);
  return found == directives_by_name_.end() ? nullptr : found->second;
}

const FieldDefinition* Schema::field(const NamedType& parent,
                                     std::string_view name) const noexcept {
  if (name.starts_with("__") && parent.is_composite()) {
    if (name == typename_field().name) return &typename_field();
    if (&parent == query_type()) {
      if (name == schema_field().name) return &schema_field();
      if (name == type_field().name) return &type_field();
    }
  }
  const auto* fields = parent.get_if<FieldsType>();
  return fields == nullptr ? nullptr : fields->field(name);
}

std::span<const ObjectType* const> Schema::possible_types(const NamedType& type) const {
  return possible_types_[type.index];
}

bool Schema::is_possible_type(const NamedType& composite, const ObjectType& object) const {
  if (&composite == &object) return true;
  const std::vector<bool>& possible = is_possible_[composite.index];
  return !possible.empty() && possible[object.index];
}

std::span<const InterfaceType* const> Schema::implementing_interfaces(
    const InterfaceType& interface) const {
  return implementing_interfaces_[interface.index];
}

bool Schema::is_subtype(const TypeRef& type, const TypeRef& super) const {
  if (type == super) return true;
  if (super.is_non_null()) {
    return type.is_non_null() && is_subtype(type.nullable(), super.nullable());
  }
  if (type.is_non_null()) return is_subtype(type.nullable(), super);
  if (super.is_list() != type.is_list()) return false;
  if (super.is_list()) return is_subtype(type.item(), super.item());

  const NamedType& from = type.named();
  const NamedType& to = super.named();
  if (&from == &to) return true;
  if (!to.is_abstract()) return false;
  if (const auto* object = from.get_if<ObjectType>()) return is_possible_type(to, *object);
  if (const auto* interface = from.get_if<InterfaceType>()) {
    const auto* super_interface = to.get_if<InterfaceType>();
    return super_interface != nullptr && interface->implements(*super_interface);
  }
  return false;
}

bool Schema::types_overlap(const NamedType& a, const NamedType& b) const {
  if (&a == &b) return true;
  const auto possible = possible_types(a);
  return std::ranges::any_of(
      possible, [&](const ObjectType* object) { return is_possible_type(b, *object); });
}

std::optional<TypeRef> Schema::type_from_ast(const language::TypeReference& reference) const {
  switch (reference.kind) {
    case language::Kind::kNonNullType: {
      const auto inner = type_from_ast(*reference.as<language::NonNullType>().type);
      if (!inner) return std::nullopt;
      return inner->non_null();
    }
    case language::Kind::kListType: {
      const auto item = type_from_ast(*reference.as<language::ListType>().type);
      if (!item || item->list_depth() >= TypeRef::kListDepthMax) return std::nullopt;
      return item->list_of();
    }
    default: {
      const NamedType* named = type(reference.as<language::NamedType>().name.value);
      if (named == nullptr) return std::nullopt;
      return TypeRef(*named);
    }
  }
}

}  // namespace errand::graphql::type
