#include <algorithm>
#include <string>
#include <utility>

#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/schema_builder.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

std::string_view location_of(TypeKind kind) { return to_string(kind); }

}  // namespace

void SchemaBuilder::check_applied_directives() {
  check_applied(schema_->schema_directives_, "SCHEMA");
  for (const PendingDirective& pending : directives_) {
    check_applied(pending.directive->directives, "DIRECTIVE_DEFINITION");
    check_input_values(pending.directive->arguments, "ARGUMENT_DEFINITION");
    for (const InputValueDefinition& argument : pending.directive->arguments) {
      if (const auto* self = find_directive(argument.directives, pending.directive->name)) {
        error({self->place()}, "Directive \"@" + std::string(pending.directive->name) +
                                   "\" cannot be applied to its own argument.");
      }
    }
  }
  for (const PendingType& pending : types_) {
    const NamedType& type = *pending.type;
    check_applied(type.directives, location_of(type.kind()));
    if (const auto* with_fields = type.get_if<FieldsType>()) {
      for (const FieldDefinition& field : with_fields->fields) {
        check_applied(field.directives, "FIELD_DEFINITION");
        check_input_values(field.arguments, "ARGUMENT_DEFINITION");
      }
    } else if (const auto* input = type.get_if<InputObjectType>()) {
      check_input_values(input->fields, "INPUT_FIELD_DEFINITION");
    } else if (const auto* enum_type = type.get_if<EnumType>()) {
      for (const EnumValueDefinition& value : enum_type->values) {
        check_applied(value.directives, "ENUM_VALUE");
      }
    }
  }
}

void SchemaBuilder::check_input_values(std::span<const InputValueDefinition> values,
                                       std::string_view location) {
  for (const InputValueDefinition& value : values) {
    check_applied(value.directives, location);
    if (value.default_literal != nullptr) {
      check_unique_literal_fields(*value.default_literal, *value.place.source);
    }
  }
}

void SchemaBuilder::check_applied(std::span<const AppliedDirective> directives,
                                  std::string_view location) {
  for (std::size_t i = 0; i < directives.size(); ++i) {
    const AppliedDirective& applied = directives[i];
    const std::string shown = "@" + std::string(applied.name());
    const auto found = directives_by_name_.find(applied.name());
    if (found == directives_by_name_.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, index] : directives_by_name_) known.push_back(name);
      auto suggestions = suggestion_list(applied.name(), known);
      for (std::string& suggestion : suggestions) suggestion.insert(0, "@");
      error({applied.place()}, "Unknown directive \"" + shown + "\"." + did_you_mean(suggestions));
      continue;
    }
    const DirectiveDefinition& definition = *directives_[found->second].directive;
    if (!definition.allows(location)) {
      error({applied.place()},
            "Directive \"" + shown + "\" may not be used on " + std::string(location) + ".");
      continue;
    }
    const AppliedDirective* first = find_directive(directives.first(i), applied.name());
    if (first != nullptr && !definition.repeatable) {
      error({first->place(), applied.place()},
            "The directive \"" + shown + "\" can only be used once at this location.");
    }
    check_applied_arguments(applied, definition);
  }
}

void SchemaBuilder::check_applied_arguments(const AppliedDirective& applied,
                                            const DirectiveDefinition& definition) {
  const std::string shown = "@" + std::string(definition.name);
  const auto& nodes = applied.node->arguments;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const language::Argument& node = *nodes[i];
    const std::string name(node.name.value);
    const auto before = nodes.first(i);
    const auto first =
        std::ranges::find_if(before, [&](const auto* other) { return other->name.value == name; });
    if (first != before.end()) {
      error({{applied.source, &(*first)->name}, {applied.source, &node.name}},
            "There can be only one argument named \"" + name + "\".");
      continue;
    }
    const InputValueDefinition* argument = definition.argument(name);
    if (argument == nullptr) {
      std::vector<std::string_view> known;
      for (const InputValueDefinition& value : definition.arguments) known.push_back(value.name);
      error({{applied.source, &node}}, "Unknown argument \"" + name + "\" on directive \"" + shown +
                                           "\"." + did_you_mean(suggestion_list(name, known)));
      continue;
    }
    check_unique_literal_fields(*node.value, *applied.source);
    check_literal(*node.value, argument->type, [&](const language::Node& at, std::string message) {
      error(
          *applied.source, at,
          "Argument \"" + shown + "(" + name + ":)\" has an invalid value: " + std::move(message));
    });
  }
  for (const InputValueDefinition& argument : definition.arguments) {
    const bool given = std::ranges::any_of(
        nodes, [&](const auto* node) { return node->name.value == argument.name; });
    if (given || !argument.is_required()) continue;
    error({applied.place()}, "Argument \"" + shown + "(" + std::string(argument.name) +
                                 ":)\" of type \"" + argument.type.str() +
                                 "\" is required, but it was not provided.");
  }
}

void SchemaBuilder::check_unique_literal_fields(const language::Value& literal,
                                                const language::Source& source) {
  if (const auto* list = literal.get_if<language::ListValue>()) {
    for (const language::Value* item : list->values) check_unique_literal_fields(*item, source);
  }
  const auto* object = literal.get_if<language::ObjectValue>();
  if (object == nullptr) return;
  for (std::size_t i = 0; i < object->fields.size(); ++i) {
    const language::ObjectField& field = *object->fields[i];
    const auto before = object->fields.first(i);
    const auto first = std::ranges::find_if(
        before, [&](const auto* other) { return other->name.value == field.name.value; });
    if (first != before.end()) {
      error({{&source, &(*first)->name}, {&source, &field.name}},
            "There can be only one input field named \"" + std::string(field.name.value) + "\".");
    }
    check_unique_literal_fields(*field.value, source);
  }
}

}  // namespace errand::graphql::type
