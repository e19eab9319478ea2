#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "errand/graphql/type/schema_builder.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

using language::Kind;

constexpr std::string_view kDefaultDeprecationReason = "No longer supported";
constexpr std::array<std::string_view, 3> kDefaultRootNames{"Query", "Mutation", "Subscription"};
constexpr std::array<std::string_view, 3> kRootWords{"Query", "Mutation", "Subscription"};

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
  described(directive, node.name, node.description, node.directives, source);
  for (const auto& extension : pending.extensions) {
    for (const language::Directive* applied : extension.node->directives) {
      directive.directives.push_back({applied, extension.source});
    }
  }
  directive.repeatable = node.repeatable;
  directive.deprecation_reason = deprecation_reason(directive.directives);
  directive.arguments = arguments_of(node.arguments, source, "@" + std::string(node.name.value));
  for (const language::Name* location : node.locations) {
    directive.locations.push_back(location->value);
  }
}

void SchemaBuilder::fill_type(PendingType& pending) {
  NamedType& type = *pending.type;
  const auto& node = *pending.definition.node;
  described(type, node.name, node.description, node.directives, *pending.definition.source);
  for (const auto& extension : pending.extensions) {
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
                        part.node->as<language::UnionTypeDefinition>().types, source);
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
  const std::string type_name(type.name);
  for (const language::NamedType* node : interfaces) {
    const NamedType* named = resolve_name(node->name, source);
    if (named == nullptr) continue;
    const auto* interface = named->get_if<InterfaceType>();
    if (interface == nullptr) {
      error(source, *node,
            "Type " + type_name + " must only implement Interface types, it cannot implement " +
                std::string(named->name) + ".");
    } else if (named == &type) {
      error(source, *node,
            "Type " + type_name +
                " cannot implement itself because it would create a circular reference.");
    } else if (type.implements(*interface)) {
      error(source, *node,
            "Type " + type_name + " can only implement " + std::string(named->name) + " once.");
    } else {
      type.interfaces.push_back(interface);
    }
  }
  for (const language::FieldDefinition* node : fields) {
    const std::string coordinate = type_name + "." + std::string(node->name.value);
    if (const FieldDefinition* first = type.field(node->name.value)) {
      error({first->place, {&source, &node->name}},
            "Field \"" + coordinate + "\" can only be defined once.");
      continue;
    }
    FieldDefinition field;
    described(field, node->name, node->description, node->directives, source);
    field.deprecation_reason = deprecation_reason(field.directives);
    field.arguments = arguments_of(node->arguments, source, coordinate);
    field.type = resolve(*node->type, source);
    type.fields_by_name_.emplace(field.name, static_cast<std::uint32_t>(type.fields.size()));
    type.fields.push_back(std::move(field));
  }
}

void SchemaBuilder::fill_union(UnionType& type, language::NodeList<language::NamedType> members,
                               const language::Source& source) {
  for (const language::NamedType* node : members) {
    const NamedType* member = resolve_name(node->name, source);
    if (member == nullptr) continue;
    const auto* object = member->get_if<ObjectType>();
    if (object == nullptr) {
      error(source, *node,
            "Union type " + std::string(type.name) +
                " can only include Object types, it cannot include " + std::string(member->name) +
                ".");
    } else if (std::ranges::find(type.members, object) != type.members.end()) {
      error(source, *node,
            "Union type " + std::string(type.name) + " can only include type " +
                std::string(member->name) + " once.");
    } else {
      type.members.push_back(object);
    }
  }
}

void SchemaBuilder::fill_enum(EnumType& type,
                              language::NodeList<language::EnumValueDefinition> values,
                              const language::Source& source) {
  for (const language::EnumValueDefinition* node : values) {
    if (const EnumValueDefinition* first = type.value(node->name.value)) {
      error({first->place, {&source, &node->name}}, "Enum value \"" + std::string(type.name) + "." +
                                                        std::string(node->name.value) +
                                                        "\" can only be defined once.");
      continue;
    }
    EnumValueDefinition value;
    described(value, node->name, node->description, node->directives, source);
    value.deprecation_reason = deprecation_reason(value.directives);
    type.values_by_name_.emplace(value.name, static_cast<std::uint32_t>(type.values.size()));
    type.values.push_back(std::move(value));
  }
}

void SchemaBuilder::fill_input(InputObjectType& type,
                               language::NodeList<language::InputValueDefinition> fields,
                               const language::Source& source) {
  for (const language::InputValueDefinition* node : fields) {
    if (const InputValueDefinition* first = type.field(node->name.value)) {
      error({first->place, {&source, &node->name}}, "Field \"" + std::string(type.name) + "." +
                                                        std::string(node->name.value) +
                                                        "\" can only be defined once.");
      continue;
    }
    InputValueDefinition field;
    if (!input_value(field, *node, source)) continue;
    type.fields_by_name_.emplace(field.name, static_cast<std::uint32_t>(type.fields.size()));
    type.fields.push_back(std::move(field));
  }
}

void SchemaBuilder::fill_roots() {
  std::array<const NamedType*, 3> roots{};
  for (const auto& part : schema_parts_) {
    if (part.node->description != nullptr) {
      schema_->description_ = part.node->description->value;
    }
    for (const language::Directive* applied : part.node->directives) {
      schema_->schema_directives_.push_back({applied, part.source});
    }
    for (const language::OperationTypeDefinition* node : part.node->operation_types) {
      const auto operation = static_cast<std::size_t>(node->operation);
      if (root_places_[operation].known()) {
        error({root_places_[operation], {part.source, node}},
              "There can be only one " + std::string(language::to_string(node->operation)) +
                  " type in schema.");
        continue;
      }
      root_places_[operation] = {part.source, node->type};
      roots[operation] = resolve_name(node->type->name, *part.source);
    }
  }
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (!has_schema_definition_ && !root_places_[i].known()) {
      const auto found = types_by_name_.find(kDefaultRootNames[i]);
      if (found != types_by_name_.end()) roots[i] = types_[found->second].type.get();
    }
    if (roots[i] == nullptr) continue;
    const auto* object = roots[i]->get_if<ObjectType>();
    if (object == nullptr) {
      error({root_places_[i].known() ? root_places_[i] : roots[i]->place},
            std::string(kRootWords[i]) + " root type must be Object type" +
                (i == 0 ? "" : " if provided") + ", it cannot be " + std::string(roots[i]->name) +
                ".");
    }
    schema_->roots_[i] = object;
  }
}

std::vector<InputValueDefinition> SchemaBuilder::arguments_of(
    language::NodeList<language::InputValueDefinition> nodes, const language::Source& source,
    const std::string& coordinate) {
  std::vector<InputValueDefinition> result;
  for (const language::InputValueDefinition* node : nodes) {
    const auto first = std::ranges::find(result, node->name.value, &InputValueDefinition::name);
    if (first != result.end()) {
      error({first->place, {&source, &node->name}}, "Argument \"" + coordinate + "(" +
                                                        std::string(node->name.value) +
                                                        ":)\" can only be defined once.");
      continue;
    }
    InputValueDefinition argument;
    if (input_value(argument, *node, source)) result.push_back(std::move(argument));
  }
  return result;
}

bool SchemaBuilder::input_value(InputValueDefinition& out,
                                const language::InputValueDefinition& node,
                                const language::Source& source) {
  described(out, node.name, node.description, node.directives, source);
  out.deprecation_reason = deprecation_reason(out.directives);
  out.default_literal = node.default_value;
  out.type = resolve(*node.type, source);
  return out.type.valid();
}

void SchemaBuilder::described(Described& out, const language::Name& name,
                              const language::StringValue* description,
                              language::NodeList<language::Directive> directives,
                              const language::Source& source) {
  out.name = name.value;
  if (description != nullptr) out.description = description->value;
  for (const language::Directive* directive : directives) {
    out.directives.push_back({directive, &source});
  }
  out.place = {&source, &name};
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
    default: {
      const NamedType* named = resolve_name(reference.as<language::NamedType>().name, source);
      return named == nullptr ? TypeRef() : TypeRef(*named);
    }
  }
}

NamedType* SchemaBuilder::resolve_name(const language::Name& name, const language::Source& source) {
  const auto found = types_by_name_.find(name.value);
  if (found != types_by_name_.end()) {
    referenced_.insert(name.value);
    return types_[found->second].type.get();
  }
  std::vector<std::string_view> known;
  for (const PendingType& pending : types_) {
    const std::string_view known_name = pending.definition.node->name.value;
    if (!known_name.starts_with("__")) known.push_back(known_name);
  }
  error(source, name,
        "Unknown type \"" + std::string(name.value) + "\"." +
            did_you_mean(suggestion_list(name.value, known)));
  return nullptr;
}

}  // namespace errand::graphql::type
