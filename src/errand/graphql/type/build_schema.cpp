#include "errand/graphql/type/build_schema.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "errand/base/assert.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/check_sdl.h"
#include "errand/graphql/type/check_type_system.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/custom_scalars.h"
#include "errand/graphql/type/introspection.h"
#include "errand/graphql/type/schema_builder.h"

namespace errand::graphql::type {
namespace {

using language::GraphQLError;
using language::Kind;

constexpr std::string_view kMetaTypeName = "__MetaFields";

std::unique_ptr<NamedType> make_type(Kind kind) {
  switch (kind) {
    case Kind::kScalarTypeDefinition:
      return std::make_unique<ScalarType>();
    case Kind::kObjectTypeDefinition:
      return std::make_unique<ObjectType>();
    case Kind::kInterfaceTypeDefinition:
      return std::make_unique<InterfaceType>();
    case Kind::kUnionTypeDefinition:
      return std::make_unique<UnionType>();
    case Kind::kEnumTypeDefinition:
      return std::make_unique<EnumType>();
    default:
      return std::make_unique<InputObjectType>();
  }
}

const language::Name& name_of(const language::Definition& node) {
  if (node.is<language::DirectiveExtension>()) {
    return node.as<language::DirectiveExtension>().name;
  }
  return node.as<language::TypeDefinition>().name;
}

}  // namespace

std::expected<std::shared_ptr<const Schema>, std::vector<GraphQLError>> SchemaBuilder::build(
    std::span<const language::Source> sources) {
  schema_ = std::shared_ptr<Schema>(new Schema());
  parse(sources);
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  errors_ = check_sdl(std::span(schema_->documents_).first(user_documents_),
                      schema_->documents_.back(), options_.as_graphql_js);
  // What is unknown or double shows beside what is applied wrongly, but not beside broken syntax.
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  collect();
  fill();
  check_applied_directives();
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  link();
  errors_ = check_type_system(*schema_, {.require_query = options_.require_query,
                                         .root_places = root_places_,
                                         .root_types = root_types_});
  if (!errors_.empty()) return std::unexpected(std::move(errors_));
  coerce_defaults();
  return std::shared_ptr<const Schema>(std::move(schema_));
}

void SchemaBuilder::parse(std::span<const language::Source> sources) {
  for (const language::Source& source : sources) {
    auto document = language::parse(source, options_.parse);
    if (document) {
      schema_->documents_.push_back(std::move(*document));
    } else {
      errors_.push_back(std::move(document.error()));
    }
  }
  user_documents_ = schema_->documents_.size();
  auto prelude = language::parse(
      {.body = std::string(introspection_sdl()), .name = "GraphQL introspection types"});
  ERRAND_ASSERT(prelude.has_value());
  schema_->documents_.push_back(std::move(*prelude));
}

void SchemaBuilder::collect() {
  // The documents stay where they are from here on: nodes and sources are referred to.
  for (std::size_t i = 0; i < schema_->documents_.size(); ++i) {
    const language::Document& document = schema_->documents_[i];
    for (const language::Definition* definition : document.definitions()) {
      collect_definition(*definition, document.source(), i >= user_documents_);
    }
  }
  attach_extensions();
}

void SchemaBuilder::collect_definition(const language::Definition& node,
                                       const language::Source& source, bool built_in) {
  if (node.is_executable()) return;
  if (node.is<language::SchemaDefinition>()) {
    const Part<language::SchemaDefinition> part{&node.as<language::SchemaDefinition>(), &source};
    schema_parts_.insert(node.is_extension() ? schema_parts_.end() : schema_parts_.begin(), part);
  } else if (node.is<language::DirectiveDefinition>()) {
    collect_directive(node.as<language::DirectiveDefinition>(), source, built_in);
  } else if (node.is<language::DirectiveExtension>()) {
    directive_extensions_.push_back({&node.as<language::DirectiveExtension>(), &source});
  } else if (node.is_extension()) {
    type_extensions_.push_back({&node.as<language::TypeDefinition>(), &source});
  } else {
    collect_type(node.as<language::TypeDefinition>(), source, built_in);
  }
}

void SchemaBuilder::collect_type(const language::TypeDefinition& node,
                                 const language::Source& source, bool built_in) {
  const std::string_view name = node.name.value;
  // A built-in scalar may be written out, though it need not; ours stands.
  if (!built_in && is_standard_type(name) &&
      (options_.as_graphql_js || node.kind == Kind::kScalarTypeDefinition)) {
    return;
  }
  if (types_by_name_.contains(name)) return;
  PendingType pending{make_type(node.kind), {&node, &source}, {}};
  pending.type->name = name;  // known before the type is filled in, for errors of others
  pending.type->built_in = built_in;
  if (node.kind == Kind::kScalarTypeDefinition) {
    auto& scalar = static_cast<ScalarType&>(*pending.type);
    scalar.scalar = built_in_scalar(name);
    if (scalar.scalar != BuiltInScalar::kNone) {
      scalar.coercion = *built_in_scalar_coercion(scalar.scalar);
      scalar.built_in = true;
    } else {
      const auto bound = std::ranges::find(options_.scalars, name, &ScalarBinding::name);
      const ScalarCoercion* ours = custom_scalar_coercion(name);
      scalar.coercion = bound != options_.scalars.end() ? bound->coercion
                        : ours != nullptr               ? *ours
                                                        : pass_through_coercion();
    }
  }
  types_by_name_.emplace(name, types_.size());
  types_.push_back(std::move(pending));
}

void SchemaBuilder::collect_directive(const language::DirectiveDefinition& node,
                                      const language::Source& source, bool built_in) {
  const std::string_view name = node.name.value;
  // The user's definition takes the place of the specified one.
  if (directives_by_name_.contains(name)) return;
  PendingDirective pending{std::make_unique<DirectiveDefinition>(), {&node, &source}, {}};
  pending.directive->built_in = built_in;
  directives_by_name_.emplace(name, directives_.size());
  directives_.push_back(std::move(pending));
}

void SchemaBuilder::attach_extensions() {
  for (const auto& extension : type_extensions_) {
    const std::string_view name = name_of(*extension.node).value;
    // It extends a definition that gave way to the built-in one.
    if (options_.as_graphql_js && is_standard_type(name)) continue;
    types_[types_by_name_.at(name)].extensions.push_back(extension);
  }
  for (const auto& extension : directive_extensions_) {
    const language::Name& name = extension.node->name;
    const auto found = directives_by_name_.find(name.value);
    if (found == directives_by_name_.end()) {
      if (options_.as_graphql_js) continue;
      error(*extension.source, name,
            "Cannot extend directive \"@" + std::string(name.value) +
                "\" because it is not defined.");
      continue;
    }
    directives_[found->second].extensions.push_back(extension);
  }
}

void SchemaBuilder::link() {
  Schema& schema = *schema_;
  const auto keep = [&](PendingType& pending) {
    NamedType& type = *pending.type;
    if (type.name == kMetaTypeName && type.built_in) {
      schema.meta_type_.reset(static_cast<ObjectType*>(pending.type.release()));
      return;
    }
    // A built-in scalar that nothing refers to is no part of the schema (3.5).
    const bool shown =
        !type.built_in || type.kind() != TypeKind::kScalar || referenced_.contains(type.name);
    if (shown) {
      type.index = static_cast<std::uint32_t>(schema.types_.size());
      schema.types_.push_back(&type);
      schema.types_by_name_.emplace(type.name, &type);
    }
    schema.owned_types_.push_back(std::move(pending.type));
  };
  for (PendingType& pending : types_) keep(pending);

  for (PendingDirective& pending : directives_) {
    schema.directives_.push_back(pending.directive.get());
    schema.directives_by_name_.emplace(pending.directive->name, pending.directive.get());
    schema.owned_directives_.push_back(std::move(pending.directive));
  }

  std::uint32_t field_index = 0;
  const auto number = [&](FieldsType& type, const NamedType* parent) {
    for (FieldDefinition& field : type.fields) {
      field.index = field_index++;
      field.parent = parent;
    }
  };
  order_by_reference();
  schema.possible_types_.resize(schema.types_.size());
  schema.is_possible_.resize(schema.types_.size());
  schema.implementing_interfaces_.resize(schema.types_.size());
  for (const auto& owned : schema.owned_types_) {
    NamedType& type = *owned;
    if (type.is<FieldsType>()) number(static_cast<FieldsType&>(type), &type);
    if (type.is_abstract()) schema.is_possible_[type.index].resize(schema.types_.size());
  }
  number(*schema.meta_type_, nullptr);
  schema.field_count_ = field_index;
  schema.meta_fields_[0] = schema.meta_type_->field("__typename");
  schema.meta_fields_[1] = schema.meta_type_->field("__schema");
  schema.meta_fields_[2] = schema.meta_type_->field("__type");

  for (const NamedType* type : schema.types_) {
    if (const auto* object = type->get_if<ObjectType>()) {
      schema.possible_types_[type->index] = {object};
      for (const InterfaceType* interface : object->interfaces) {
        schema.possible_types_[interface->index].push_back(object);
        schema.is_possible_[interface->index][object->index] = true;
      }
    } else if (const auto* union_type = type->get_if<UnionType>()) {
      schema.possible_types_[type->index] = union_type->members;
      for (const ObjectType* member : union_type->members) {
        schema.is_possible_[type->index][member->index] = true;
      }
    } else if (const auto* interface = type->get_if<InterfaceType>()) {
      for (const InterfaceType* super : interface->interfaces) {
        schema.implementing_interfaces_[super->index].push_back(interface);
      }
    }
  }
}

void SchemaBuilder::order_by_reference() {
  std::vector<bool> listed(schema_->types_.size());
  const auto list = [&](const auto& self, const NamedType& type) -> void {
    listed[type.index] = true;
    schema_->types_by_reference_.push_back(&type);
    const auto refer = [&](const NamedType& other) {
      if (other.built_in && !listed[other.index]) self(self, other);
    };
    if (const auto* with_fields = type.get_if<FieldsType>()) {
      for (const FieldDefinition& field : with_fields->fields) {
        refer(field.type.named());
        for (const InputValueDefinition& argument : field.arguments) {
          refer(argument.type.named());
        }
      }
    } else if (const auto* input = type.get_if<InputObjectType>()) {
      for (const InputValueDefinition& field : input->fields) refer(field.type.named());
    }
  };
  for (const NamedType* type : schema_->types_) {
    if (!type->built_in) list(list, *type);
  }
  for (const DirectiveDefinition* directive : schema_->directives_) {
    for (const InputValueDefinition& argument : directive->arguments) {
      const NamedType& named = argument.type.named();
      if (named.built_in && !listed[named.index]) list(list, named);
    }
  }
  for (const NamedType* type : schema_->types_) {
    if (!listed[type->index]) list(list, *type);
  }
}

void SchemaBuilder::coerce_defaults() {
  // The definitions are const to all but their owner.
  for (const auto& type : schema_->owned_types_) {
    if (type->is<FieldsType>()) {
      for (FieldDefinition& field : static_cast<FieldsType&>(*type).fields) {
        for (InputValueDefinition& argument : field.arguments) coerce_default(argument);
      }
    } else if (type->is<InputObjectType>()) {
      for (InputValueDefinition& field : static_cast<InputObjectType&>(*type).fields) {
        coerce_default(field);
      }
    }
  }
  for (const auto& directive : schema_->owned_directives_) {
    for (InputValueDefinition& argument : directive->arguments) coerce_default(argument);
  }
}

void SchemaBuilder::coerce_default(InputValueDefinition& value) {
  if (value.default_literal == nullptr || value.default_value) return;
  coerce_needed_defaults(*value.default_literal, value.type.named());
  value.default_value = coerce_literal(*value.default_literal, value.type, nullptr);
  ERRAND_ASSERT(value.default_value.has_value());  // check_type_system() has checked it
}

void SchemaBuilder::coerce_needed_defaults(const language::Value& literal, const NamedType& type) {
  if (!type.is<InputObjectType>()) return;
  if (const auto* list = literal.get_if<language::ListValue>()) {
    for (const language::Value* item : list->values) coerce_needed_defaults(*item, type);
  }
  const auto* object = literal.get_if<language::ObjectValue>();
  if (object == nullptr) return;
  for (const InputValueDefinition& field : type.as<InputObjectType>().fields) {
    const auto given = std::ranges::find_if(
        object->fields, [&](const auto* node) { return node->name.value == field.name; });
    if (given != object->fields.end()) {
      coerce_needed_defaults(*(*given)->value, field.type.named());
    } else {
      // The recursion ends: defaults that need themselves have been refused.
      coerce_default(const_cast<InputValueDefinition&>(field));  // NOLINT: owned by the builder
    }
  }
}

std::expected<std::shared_ptr<const Schema>, std::vector<GraphQLError>> build_schema(
    std::span<const language::Source> sources, const BuildOptions& options) {
  return SchemaBuilder(options).build(sources);
}

}  // namespace errand::graphql::type
