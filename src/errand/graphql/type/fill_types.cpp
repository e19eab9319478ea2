#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "errand/base/assert.h"
#include "errand/graphql/type/schema_builder.h"

namespace errand::graphql::type {
namespace {

using language::Kind;

constexpr std::string_view kDefaultDeprecationReason = "No longer supported";
constexpr std::array<std::string_view, 3> kDefaultRootNames{"Query", "Mutation", "Subscription"};

/// The string argument `argument` of the first `@name`.
std::optional<std::string_view> string_argument(std::span<const AppliedDirective> directives,
                                                std::string_view name, std::string_view argument) {
  const AppliedDirective* directive = find_directive(directives, name);
  if (directive == nullptr) return std::nullopt;
  for (const language::Argument* node : directive->node->arguments) {
    const auto* text = node->value->get_if<language::StringValue>();
    if (node->name.value == argument && text != nullptr) return text->value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> deprecation_reason(std::span<const AppliedDirective> directives) {
  if (find_directive(directives, "deprecated") == nullptr) return std::nullopt;
  return string_argument(directives, "deprecated", "reason").value_or(kDefaultDeprecationReason);
}

void SchemaBuilder::fill() {
  for (PendingDirective& pending : directives_) fill_directive(pending);
  for (PendingType& pending : types_) fill_type(pending);
  fill_roots();
}

void SchemaBuilder::fill_directive(PendingDirective& pending) {
  DirectiveDefinition& directive = *pending.directive;
  const auto& node = *pending.definition.node;
  const language::Source& source = *pending.definition.source;
  described(directive, node, source);
  for (const auto& extension : pending.extensions) {
    for (const language::Directive* applied : extension.node->directives) {
      directive.directives.push_back({applied, extension.source});
    }
  }
  directive.repeatable = node.repeatable;
  directive.deprecation_reason = deprecation_reason(directive.directives);
  directive.arguments = arguments_of(node.arguments, source);
  for (const language::Name* location : node.locations) {
    directive.locations.push_back(location->value);
  }
}

void SchemaBuilder::fill_type(PendingType& pending) {
  NamedType& type = *pending.type;
  const auto& node = *pending.definition.node;
  described(type, node, *pending.definition.source);
  for (const auto& extension : pending.extensions) {
    type.extensions.push_back({extension.source, extension.node});
    for (const language::Directive* applied : extension.node->directives) {
      type.directives.push_back({applied, extension.source});
    }
  }
  fill_part(type, pending.definition);
  for (const auto& extension : pending.extensions) fill_part(type, extension);
  if (type.is<ScalarType>()) {
    static_cast<ScalarType&>(type).specified_by_url =
        string_argument(type.directives, "specifiedBy", "url");
  } else if (type.is<InputObjectType>()) {
    static_cast<InputObjectType&>(type).is_one_of =
        find_directive(type.directives, "oneOf") != nullptr;
  }
}

void SchemaBuilder::fill_part(NamedType& type, const Part<language::TypeDefinition>& part) {
  const language::Source& source = *part.source;
  switch (type.kind()) {
    case TypeKind::kScalar:
      return;
    case TypeKind::kObject: {
      const auto& node = part.node->as<language::ObjectTypeDefinition>();
      return fill_fields(static_cast<FieldsType&>(type), node.interfaces, node.fields, source);
    }
    case TypeKind::kInterface: {
      const auto& node = part.node->as<language::InterfaceTypeDefinition>();
      return fill_fields(static_cast<FieldsType&>(type), node.interfaces, node.fields, source);
    }
    case TypeKind::kUnion:
      return fill_union(static_cast<UnionType&>(type),
                        part.node->as<language::UnionTypeDefinition>().types);
    case TypeKind::kEnum:
      return fill_enum(static_cast<EnumType&>(type),
                       part.node->as<language::EnumTypeDefinition>().values, source);
    case TypeKind::kInputObject:
      return fill_input(static_cast<InputObjectType&>(type),
                        part.node->as<language::InputObjectTypeDefinition>().fields, source);
  }
}

void SchemaBuilder::fill_fields(FieldsType& type,
                                language::NodeList<language::NamedType> interfaces,
                                language::NodeList<language::FieldDefinition> fields,
                                const language::Source& source) {
  for (const language::NamedType* node : interfaces) {
    const auto* interface = resolve_name(node->name)->get_if<InterfaceType>();
    // What cannot be implemented is for check_type_system() to tell.
    if (interface == nullptr || static_cast<const NamedType*>(interface) == &type ||
        type.implements(*interface)) {
      continue;
    }
    type.interfaces.push_back(interface);
  }
  for (const language::FieldDefinition* node : fields) {
    FieldDefinition field;
    described(field, *node, source);
    field.deprecation_reason = deprecation_reason(field.directives);
    field.arguments = arguments_of(node->arguments, source);
    field.type = resolve(*node->type, source);
    type.fields_by_name_.emplace(field.name, static_cast<std::uint32_t>(type.fields.size()));
    type.fields.push_back(std::move(field));
  }
}

void SchemaBuilder::fill_union(UnionType& type, language::NodeList<language::NamedType> members) {
  for (const language::NamedType* node : members) {
    const auto* object = resolve_name(node->name)->get_if<ObjectType>();
    if (object == nullptr || std::ranges::find(type.members, object) != type.members.end()) {
      continue;
    }
    type.members.push_back(object);
  }
}

void SchemaBuilder::fill_enum(EnumType& type,
                              language::NodeList<language::EnumValueDefinition> values,
                              const language::Source& source) {
  for (const language::EnumValueDefinition* node : values) {
    EnumValueDefinition value;
    described(value, *node, source);
    value.deprecation_reason = deprecation_reason(value.directives);
    type.values_by_name_.emplace(value.name, static_cast<std::uint32_t>(type.values.size()));
    type.values.push_back(std::move(value));
  }
}

void SchemaBuilder::fill_input(InputObjectType& type,
                               language::NodeList<language::InputValueDefinition> fields,
                               const language::Source& source) {
  for (const language::InputValueDefinition* node : fields) {
    InputValueDefinition field;
    if (!input_value(field, *node, source)) continue;
    type.fields_by_name_.emplace(field.name, static_cast<std::uint32_t>(type.fields.size()));
    type.fields.push_back(std::move(field));
  }
}

void SchemaBuilder::fill_roots() {
  for (const auto& part : schema_parts_) {
    if (!part.node->is_extension()) schema_->definition_ = {part.source, part.node};
    if (part.node->description != nullptr) {
      schema_->description_ = part.node->description->value;
    }
    for (const language::Directive* applied : part.node->directives) {
      schema_->schema_directives_.push_back({applied, part.source});
    }
    for (const language::OperationTypeDefinition* node : part.node->operation_types) {
      const auto operation = static_cast<std::size_t>(node->operation);
      root_places_[operation] = {part.source, node->type};
      root_types_[operation] = resolve_name(node->type->name);
    }
  }
  for (std::size_t i = 0; i < root_types_.size(); ++i) {
    if (!schema_->definition_.known() && !root_places_[i].known()) {
      const auto found = types_by_name_.find(kDefaultRootNames[i]);
      if (found != types_by_name_.end()) root_types_[i] = types_[found->second].type.get();
    }
    if (root_types_[i] != nullptr) schema_->roots_[i] = root_types_[i]->get_if<ObjectType>();
  }
}

std::vector<InputValueDefinition> SchemaBuilder::arguments_of(
    language::NodeList<language::InputValueDefinition> nodes, const language::Source& source) {
  std::vector<InputValueDefinition> result;
  for (const language::InputValueDefinition* node : nodes) {
    InputValueDefinition argument;
    if (input_value(argument, *node, source)) result.push_back(std::move(argument));
  }
  return result;
}

bool SchemaBuilder::input_value(InputValueDefinition& out,
                                const language::InputValueDefinition& node,
                                const language::Source& source) {
  described(out, node, source);
  out.deprecation_reason = deprecation_reason(out.directives);
  out.default_literal = node.default_value;
  out.type = resolve(*node.type, source);
  return out.type.valid();
}

template <class T>
void SchemaBuilder::described(Described& out, const T& node, const language::Source& source) {
  out.name = node.name.value;
  if (node.description != nullptr) out.description = node.description->value;
  for (const language::Directive* directive : node.directives) {
    out.directives.push_back({directive, &source});
  }
  out.place = {&source, &node.name};
  out.definition = {&source, &node};
}

TypeRef SchemaBuilder::resolve(const language::TypeReference& reference,
                               const language::Source& source) {
  switch (reference.kind) {
    case Kind::kNonNullType: {
      const TypeRef inner = resolve(*reference.as<language::NonNullType>().type, source);
      return inner.valid() ? inner.non_null() : inner;
    }
    case Kind::kListType: {
      const TypeRef item = resolve(*reference.as<language::ListType>().type, source);
      if (!item.valid()) return item;
      if (item.list_depth() >= TypeRef::kListDepthMax) {
        error(source, reference,
              "Lists nest at most " + std::to_string(TypeRef::kListDepthMax) + " deep.");
        return {};
      }
      return item.list_of();
    }
    default:
      return TypeRef(*resolve_name(reference.as<language::NamedType>().name));
  }
}

NamedType* SchemaBuilder::resolve_name(const language::Name& name) {
  const auto found = types_by_name_.find(name.value);
  ERRAND_ASSERT(found != types_by_name_.end());  // check_sdl() has seen to it
  referenced_.insert(name.value);
  return types_[found->second].type.get();
}

}  // namespace errand::graphql::type
