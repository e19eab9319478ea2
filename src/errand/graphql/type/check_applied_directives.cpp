#include <string>
#include <utility>

#include "errand/base/assert.h"
#include "errand/graphql/type/input_faults.h"
#include "errand/graphql/type/schema_builder.h"

namespace errand::graphql::type {
namespace {

/// Those whose arguments graphql-js reads while it builds a schema.
bool is_read_early(std::string_view directive) {
  return directive == "deprecated" || directive == "specifiedBy";
}

}  // namespace

void SchemaBuilder::check_applied_directives() {
  check_applied(schema_->schema_directives_);
  for (const PendingDirective& pending : directives_) {
    check_applied(pending.directive->directives);
    check_input_values(pending.directive->arguments);
    if (options_.as_graphql_js) continue;
    for (const InputValueDefinition& argument : pending.directive->arguments) {
      if (const auto* self = find_directive(argument.directives, pending.directive->name)) {
        error({self->place()}, "Directive \"@" + std::string(pending.directive->name) +
                                   "\" cannot be applied to its own argument.");
      }
    }
  }
  for (const PendingType& pending : types_) {
    const NamedType& type = *pending.type;
    check_applied(type.directives);
    if (const auto* with_fields = type.get_if<FieldsType>()) {
      for (const FieldDefinition& field : with_fields->fields) {
        check_applied(field.directives);
        check_input_values(field.arguments);
      }
    } else if (const auto* input = type.get_if<InputObjectType>()) {
      check_input_values(input->fields);
    } else if (const auto* enum_type = type.get_if<EnumType>()) {
      for (const EnumValueDefinition& value : enum_type->values) check_applied(value.directives);
    }
  }
}

void SchemaBuilder::check_input_values(std::span<const InputValueDefinition> values) {
  for (const InputValueDefinition& value : values) check_applied(value.directives);
}

void SchemaBuilder::check_applied(std::span<const AppliedDirective> directives) {
  for (const AppliedDirective& applied : directives) {
    if (options_.as_graphql_js && (!is_read_early(applied.name()) || !errors_.empty())) continue;
    const DirectiveDefinition& definition =
        *directives_[directives_by_name_.at(applied.name())].directive;
    for (const language::Argument* node : applied.node->arguments) {
      const InputValueDefinition* argument = definition.argument(node->name.value);
      ERRAND_ASSERT(argument != nullptr);  // check_sdl() has seen to it
      const LiteralReport report = [&](const language::Node& at, const PathLink* path,
                                       std::string message) {
        error(*applied.source, at,
              "Argument \"@" + std::string(definition.name) + "(" + std::string(argument->name) +
                  ":)\" has invalid value" + path_text(segments(path)) + ": " + std::move(message));
      };
      find_literal_faults(*node->value, argument->type, nullptr, false, report);
    }
  }
}

}  // namespace errand::graphql::type
