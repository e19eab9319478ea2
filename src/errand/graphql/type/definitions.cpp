#include "errand/graphql/type/definitions.h"

#include <algorithm>
#include <string>
#include <utility>

namespace errand::graphql::type {
namespace {

template <class Items>
auto find_by_name(const Items& items, std::string_view name) noexcept -> decltype(items.data()) {
  for (const auto& item : items) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

template <class Items, class Map>
auto find_in(const Items& items, const Map& index, std::string_view name) noexcept
    -> decltype(items.data()) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &items[found->second];
}

}  // namespace

language::Location Place::location() const {
  return known() ? source->location(node->start) : language::Location{};
}

language::GraphQLError error_at(const Place& place, std::string message) {
  return error_at(std::span(&place, 1), std::move(message));
}

language::GraphQLError error_at(std::span<const Place> places, std::string message) {
  language::GraphQLError error;
  error.message = std::move(message);
  for (const Place& place : places) {
    if (!place.known()) continue;
    if (error.locations.empty()) error.source_name = place.source->name;
    // Only one file fits into an error; places in others are left out.
    if (place.source->name == error.source_name) error.locations.push_back(place.location());
  }
  return error;
}

const AppliedDirective* find_directive(std::span<const AppliedDirective> directives,
                                       std::string_view name) noexcept {
  for (const AppliedDirective& directive : directives) {
    if (directive.name() == name) return &directive;
  }
  return nullptr;
}

std::string TypeRef::str() const {
  std::string text(named().name);
  for (std::size_t level = list_depth_ + 1; level-- > 0;) {
    const bool non_null = (non_null_bits_ >> level & 1U) != 0;
    if (level < list_depth_) text = '[' + std::move(text) + ']';
    if (non_null) text.push_back('!');
  }
  return text;
}

std::string_view to_string(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::kScalar:
      return "SCALAR";
    case TypeKind::kObject:
      return "OBJECT";
    case TypeKind::kInterface:
      return "INTERFACE";
    case TypeKind::kUnion:
      return "UNION";
    case TypeKind::kEnum:
      return "ENUM";
    case TypeKind::kInputObject:
      return "INPUT_OBJECT";
  }
  return "SCALAR";
}

const InputValueDefinition* FieldDefinition::argument(
    std::string_view argument_name) const noexcept {
  return find_by_name(arguments, argument_name);
}

const InputValueDefinition* DirectiveDefinition::argument(
    std::string_view argument_name) const noexcept {
  return find_by_name(arguments, argument_name);
}

bool DirectiveDefinition::allows(std::string_view location) const noexcept {
  return std::ranges::find(locations, location) != locations.end();
}

const FieldDefinition* FieldsType::field(std::string_view field_name) const noexcept {
  return find_in(fields, fields_by_name_, field_name);
}

bool FieldsType::implements(const InterfaceType& interface) const noexcept {
  return std::ranges::find(interfaces, &interface) != interfaces.end();
}

const EnumValueDefinition* EnumType::value(std::string_view value_name) const noexcept {
  return find_in(values, values_by_name_, value_name);
}

const InputValueDefinition* InputObjectType::field(std::string_view field_name) const noexcept {
  return find_in(fields, fields_by_name_, field_name);
}

}  // namespace errand::graphql::type
