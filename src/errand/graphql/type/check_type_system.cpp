#include "errand/graphql/type/check_type_system.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/coerce.h"

namespace errand::graphql::type {
namespace {

using language::GraphQLError;

std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

class TypeSystemCheck {
 public:
  TypeSystemCheck(const Schema& schema, const TypeSystemOptions& options)
      : schema_(schema), options_(options) {}

  std::vector<GraphQLError> run() {
    check_roots();
    for (const DirectiveDefinition* directive : schema_.directives()) check_directive(*directive);
    for (const NamedType* type : schema_.types()) check_type(*type);
    for (GraphQLError& error : check_input_cycles(schema_)) errors_.push_back(std::move(error));
    return std::move(errors_);
  }

 private:
  void check_roots() {
    if (schema_.query_type() == nullptr && options_.require_query) {
      report({}, "Query root type must be provided.");
    }
    std::map<const ObjectType*, std::vector<std::size_t>> uses;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto* root = schema_.root_type(static_cast<language::OperationType>(i));
      if (root != nullptr) uses[root].push_back(i);
    }
    for (const auto& [root, operations] : uses) {
      if (operations.size() < 2) continue;
      std::string list;
      std::vector<Place> places;
      for (std::size_t i = 0; i < operations.size(); ++i) {
        if (i > 0) {
          list += operations.size() == 2 ? " and " : i + 1 == operations.size() ? ", and " : ", ";
        }
        list += language::to_string(static_cast<language::OperationType>(operations[i]));
        if (operations[i] < options_.root_places.size()) {
          places.push_back(options_.root_places[operations[i]]);
        }
      }
      errors_.push_back(error_at(places, "All root types must be different, \"" +
                                             std::string(root->name) + "\" type is used as " +
                                             list + " root types."));
    }
  }

  void check_directive(const DirectiveDefinition& directive) {
    check_name(directive);
    check_arguments(directive.arguments, "@" + std::string(directive.name));
  }

  void check_type(const NamedType& type) {
    if (!type.built_in) check_name(type);
    const std::string name(type.name);
    if (const auto* with_fields = type.get_if<FieldsType>()) {
      if (with_fields->fields.empty()) {
        report({type.place}, "Type " + name + " must define one or more fields.");
      }
      for (const FieldDefinition& field : with_fields->fields) check_field(type, field);
      check_interfaces(*with_fields);
    } else if (const auto* union_type = type.get_if<UnionType>()) {
      if (union_type->members.empty()) {
        report({type.place}, "Union type " + name + " must define one or more member types.");
      }
    } else if (const auto* enum_type = type.get_if<EnumType>()) {
      if (enum_type->values.empty()) {
        report({type.place}, "Enum type " + name + " must define one or more values.");
      }
      for (const EnumValueDefinition& value : enum_type->values) {
        check_name(value);
        if (value.name == "true" || value.name == "false" || value.name == "null") {
          report({value.place}, "Enum values cannot be named: " + std::string(value.name));
        }
      }
    } else if (const auto* input = type.get_if<InputObjectType>()) {
      check_input_object(*input);
    }
  }

  void check_field(const NamedType& type, const FieldDefinition& field) {
    check_name(field);
    const std::string coordinate = std::string(type.name) + "." + std::string(field.name);
    if (!field.type.named().is_output()) {
      report({field.place}, "The type of " + coordinate +
                                " must be Output Type but got: " + field.type.str() + ".");
    }
    check_arguments(field.arguments, coordinate);
  }

  void check_arguments(std::span<const InputValueDefinition> arguments, const std::string& parent) {
    for (const InputValueDefinition& argument : arguments) {
      check_name(argument);
      const std::string coordinate = parent + "(" + std::string(argument.name) + ":)";
      check_input_value(argument, coordinate, "Required argument ");
    }
  }

  void check_input_value(const InputValueDefinition& value, const std::string& coordinate,
                         std::string_view required) {
    if (!value.type.named().is_input()) {
      report({value.place}, "The type of " + coordinate +
                                " must be Input Type but got: " + value.type.str() + ".");
      return;
    }
    if (value.is_required() && value.deprecation_reason) {
      report({value.place}, std::string(required) + coordinate + " cannot be deprecated.");
    }
    if (value.default_literal != nullptr) {
      check_literal(*value.default_literal, value.type,
                    [&](const language::Node& node, std::string message) {
                      report({Place{value.place.source, &node}},
                             coordinate + " has invalid default value: " + std::move(message));
                    });
    }
  }

  void check_input_object(const InputObjectType& type) {
    if (type.fields.empty()) {
      report({type.place},
             "Input Object type " + std::string(type.name) + " must define one or more fields.");
    }
    for (const InputValueDefinition& field : type.fields) {
      check_name(field);
      const std::string coordinate = std::string(type.name) + "." + std::string(field.name);
      check_input_value(field, coordinate, "Required input field ");
      if (!type.is_one_of) continue;
      if (field.type.is_non_null()) {
        report({field.place}, "OneOf input field " + coordinate + " must be nullable.");
      }
      if (field.default_literal != nullptr) {
        report({field.place}, "OneOf input field " + coordinate + " cannot have a default value.");
      }
    }
  }

  void check_interfaces(const FieldsType& type) {
    const std::string name(type.name);
    for (const InterfaceType* interface : type.interfaces) {
      for (const InterfaceType* transitive : interface->interfaces) {
        if (type.implements(*transitive)) continue;
        if (static_cast<const NamedType*>(transitive) == &type) {
          report({type.place}, "Type " + name + " cannot implement " +
                                   std::string(interface->name) +
                                   " because it would create a circular reference.");
        } else {
          report({type.place}, "Type " + name + " must implement " + std::string(transitive->name) +
                                   " because it is implemented by " + std::string(interface->name) +
                                   ".");
        }
      }
      for (const FieldDefinition& required : interface->fields) {
        check_implementation(type, *interface, required);
      }
    }
  }

  /// IsValidImplementation() for one field of the interface.
  void check_implementation(const FieldsType& type, const InterfaceType& interface,
                            const FieldDefinition& required) {
    const std::string expected = std::string(interface.name) + "." + std::string(required.name);
    const FieldDefinition* field = type.field(required.name);
    if (field == nullptr) {
      report({type.place, required.place}, "Interface field " + expected + " expected but " +
                                               std::string(type.name) + " does not provide it.");
      return;
    }
    const std::string actual = std::string(type.name) + "." + std::string(field->name);
    if (!schema_.is_subtype(field->type, required.type)) {
      report({field->place, required.place}, "Interface field " + expected + " expects type " +
                                                 required.type.str() + " but " + actual +
                                                 " is type " + field->type.str() + ".");
    }
    for (const InputValueDefinition& argument : required.arguments) {
      const std::string name = "(" + std::string(argument.name) + ":)";
      const InputValueDefinition* given = field->argument(argument.name);
      if (given == nullptr) {
        report({field->place, argument.place}, "Interface field argument " + expected + name +
                                                   " expected but " + actual +
                                                   " does not provide it.");
      } else if (given->type != argument.type) {
        report({given->place, argument.place}, "Interface field argument " + expected + name +
                                                   " expects type " + argument.type.str() +
                                                   " but " + actual + name + " is type " +
                                                   given->type.str() + ".");
      }
    }
    for (const InputValueDefinition& argument : field->arguments) {
      if (!argument.is_required() || required.argument(argument.name) != nullptr) continue;
      report({argument.place, required.place},
             "Argument " + in_quotes(actual + "(" + std::string(argument.name) + ":)") +
                 " must not be required type " + in_quotes(argument.type.str()) +
                 " if not provided by the Interface field " + in_quotes(expected) + ".");
    }
    if (field->deprecation_reason && !required.deprecation_reason) {
      report({field->place, required.place}, "Interface field " + expected +
                                                 " is not deprecated, so implementation field " +
                                                 actual + " must not be deprecated.");
    }
  }

  void check_name(const Described& named) {
    if (!named.name.starts_with("__")) return;
    report({named.place}, "Name \"" + std::string(named.name) +
                              "\" must not begin with \"__\", which is reserved by GraphQL "
                              "introspection.");
  }

  void report(std::initializer_list<Place> places, std::string message) {
    errors_.push_back(error_at(std::span(places.begin(), places.size()), std::move(message)));
  }

  const Schema& schema_;
  const TypeSystemOptions& options_;
  std::vector<GraphQLError> errors_;
};

}  // namespace

std::vector<GraphQLError> check_type_system(const Schema& schema,
                                            const TypeSystemOptions& options) {
  return TypeSystemCheck(schema, options).run();
}

}  // namespace errand::graphql::type
