#include "errand/graphql/type/check_type_system.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/type/input_faults.h"

namespace errand::graphql::type {
namespace {

using language::GraphQLError;

constexpr std::array<std::string_view, 3> kRootWords{"Query", "Mutation", "Subscription"};

std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

class TypeSystemCheck {
 public:
  TypeSystemCheck(const Schema& schema, const TypeSystemOptions& options)
      : schema_(schema), options_(options) {}

  std::vector<GraphQLError> run() {
    check_roots();
    for (const DirectiveDefinition* directive : schema_.directives()) check_directive(*directive);
    for (const NamedType* type : schema_.types_by_reference()) check_type(*type);
    take(check_finite_values(schema_));
    return std::move(errors_);
  }

 private:
  /// A name in a list of types, as it stands in a definition or an extension.
  struct Reference {
    std::string_view name;
    Place place;
  };

  void check_roots() {
    if (options_.root_types[0] == nullptr && options_.require_query) {
      report({schema_.definition()}, "Query root type must be provided.");
    }
    std::vector<std::pair<const NamedType*, std::vector<std::size_t>>> uses;
    for (std::size_t i = 0; i < options_.root_types.size(); ++i) {
      const NamedType* root = options_.root_types[i];
      if (root == nullptr) continue;
      if (!root->is<ObjectType>()) {
        report({options_.root_places[i].known() ? options_.root_places[i] : root->definition},
               std::string(kRootWords[i]) + " root type must be Object type" +
                   (i == 0 ? "" : " if provided") + ", it cannot be " + std::string(root->name) +
                   ".");
        continue;
      }
      const auto known = std::ranges::find(uses, root, [](const auto& use) { return use.first; });
      if (known == uses.end()) {
        uses.push_back({root, {i}});
      } else {
        known->second.push_back(i);
      }
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
        places.push_back(options_.root_places[operations[i]]);
      }
      errors_.push_back(error_at(places, "All root types must be different, \"" +
                                             std::string(root->name) + "\" type is used as " +
                                             list + " root types."));
    }
  }

  void check_directive(const DirectiveDefinition& directive) {
    check_name(directive);
    for (const InputValueDefinition& argument : directive.arguments) {
      check_argument(argument, "@" + std::string(directive.name), argument.definition);
    }
  }

  void check_type(const NamedType& type) {
    if (!type.built_in) check_name(type);
    const std::string name(type.name);
    if (const auto* with_fields = type.get_if<FieldsType>()) {
      if (with_fields->fields.empty()) {
        report_parts(type, "Type " + name + " must define one or more fields.");
      }
      for (const FieldDefinition& field : with_fields->fields) check_field(type, field);
      check_interfaces(*with_fields);
    } else if (type.is<UnionType>()) {
      check_union(type);
    } else if (const auto* enum_type = type.get_if<EnumType>()) {
      if (enum_type->values.empty()) {
        report_parts(type, "Enum type " + name + " must define one or more values.");
      }
      for (const EnumValueDefinition& value : enum_type->values) check_name(value);
    } else if (const auto* input = type.get_if<InputObjectType>()) {
      check_input_object(*input);
      take(default_cycles_.check(*input));
    }
  }

  void check_field(const NamedType& type, const FieldDefinition& field) {
    check_name(field);
    const std::string coordinate = std::string(type.name) + "." + std::string(field.name);
    if (!field.type.named().is_output()) {
      report({type_place(field)}, "The type of " + coordinate +
                                      " must be Output Type but got: " + field.type.str() + ".");
    }
    for (const InputValueDefinition& argument : field.arguments) {
      check_argument(argument, coordinate, type_place(argument));
    }
  }

  /// @param type_fault_place  where an error about the argument's type is shown
  void check_argument(const InputValueDefinition& argument, const std::string& parent,
                      const Place& type_fault_place) {
    check_name(argument);
    const std::string coordinate = parent + "(" + std::string(argument.name) + ":)";
    check_input_value(argument, coordinate, "Required argument ", type_fault_place);
  }

  void check_input_value(const InputValueDefinition& value, const std::string& coordinate,
                         std::string_view required, const Place& type_fault_place) {
    if (!value.type.named().is_input()) {
      report({type_fault_place}, "The type of " + coordinate +
                                     " must be Input Type but got: " + value.type.str() + ".");
    }
    if (value.is_required() && value.deprecation_reason) {
      report({deprecated_place(value), type_place(value)},
             std::string(required) + coordinate + " cannot be deprecated.");
    }
    if (value.default_literal != nullptr) {
      const LiteralReport faults = [&](const language::Node& node, const PathLink* path,
                                       std::string message) {
        report({Place{value.place.source, &node}}, coordinate + " has invalid default value" +
                                                       path_text(segments(path)) + ": " +
                                                       std::move(message));
      };
      find_literal_faults(*value.default_literal, value.type, nullptr, false, faults);
    }
  }

  void check_input_object(const InputObjectType& type) {
    if (type.fields.empty()) {
      report_parts(
          type, "Input Object type " + std::string(type.name) + " must define one or more fields.");
    }
    for (const InputValueDefinition& field : type.fields) {
      check_name(field);
      const std::string coordinate = std::string(type.name) + "." + std::string(field.name);
      check_input_value(field, coordinate, "Required input field ", type_place(field));
      if (!type.is_one_of) continue;
      if (field.type.is_non_null()) {
        report({type_place(field)}, "OneOf input field " + coordinate + " must be nullable.");
      }
      if (field.default_literal != nullptr) {
        report({field.definition},
               "OneOf input field " + coordinate + " cannot have a default value.");
      }
    }
  }

  void check_union(const NamedType& type) {
    const std::string name(type.name);
    const std::vector<Reference> members = references<language::UnionTypeDefinition>(
        type, [](const auto& part) { return part.types; });
    if (members.empty()) {
      report_parts(type, "Union type " + name + " must define one or more member types.");
    }
    std::unordered_set<std::string_view> seen;
    for (const Reference& member : members) {
      const std::string member_name(member.name);
      if (!seen.insert(member.name).second) {
        errors_.push_back(
            error_at(places_of(members, member.name),
                     "Union type " + name + " can only include type " + member_name + " once."));
      } else if (!schema_.type(member.name)->is<ObjectType>()) {
        errors_.push_back(error_at(places_of(members, member.name),
                                   "Union type " + name +
                                       " can only include Object types, it cannot include " +
                                       member_name + "."));
      }
    }
  }

  void check_interfaces(const FieldsType& type) {
    const std::string name(type.name);
    const std::vector<Reference> declared = interfaces_of(type);
    std::unordered_set<std::string_view> seen;
    for (const Reference& reference : declared) {
      const NamedType& named = *schema_.type(reference.name);
      const auto* interface = named.get_if<InterfaceType>();
      const auto refuse = [&](const std::string& message) {
        errors_.push_back(error_at(places_of(declared, reference.name), "Type " + name + message));
      };
      if (interface == nullptr) {
        refuse(" must only implement Interface types, it cannot implement " +
               std::string(named.name) + ".");
      } else if (&named == &type) {
        refuse(" cannot implement itself because it would create a circular reference.");
      } else if (!seen.insert(reference.name).second) {
        refuse(" can only implement " + std::string(named.name) + " once.");
      } else {
        check_ancestors(type, *interface, declared);
        for (const FieldDefinition& required : interface->fields) {
          check_implementation(type, *interface, required);
        }
      }
    }
  }

  /// An interface that an interface implements must be implemented too.
  void check_ancestors(const FieldsType& type, const InterfaceType& interface,
                       const std::vector<Reference>& declared) {
    const std::string name(type.name);
    const std::vector<Reference> of_interface = interfaces_of(interface);
    for (const Reference& transitive : of_interface) {
      const bool implemented = std::ranges::any_of(
          declared, [&](const Reference& one) { return one.name == transitive.name; });
      if (implemented) continue;
      std::vector<Place> places = places_of(of_interface, transitive.name);
      const std::vector<Place> own = places_of(declared, interface.name);
      places.insert(places.end(), own.begin(), own.end());
      errors_.push_back(error_at(
          places, transitive.name == type.name
                      ? "Type " + name + " cannot implement " + std::string(interface.name) +
                            " because it would create a circular reference."
                      : "Type " + name + " must implement " + std::string(transitive.name) +
                            " because it is implemented by " + std::string(interface.name) + "."));
    }
  }

  /// IsValidImplementation() for one field of the interface.
  void check_implementation(const FieldsType& type, const InterfaceType& interface,
                            const FieldDefinition& required) {
    const std::string expected = std::string(interface.name) + "." + std::string(required.name);
    const FieldDefinition* field = type.field(required.name);
    if (field == nullptr) {
      std::vector<Place> places{required.definition};
      append_parts(places, type);
      errors_.push_back(error_at(places, "Interface field " + expected + " expected but " +
                                             std::string(type.name) + " does not provide it."));
      return;
    }
    const std::string actual = std::string(type.name) + "." + std::string(field->name);
    if (!schema_.is_subtype(field->type, required.type)) {
      report({type_place(required), type_place(*field)},
             "Interface field " + expected + " expects type " + required.type.str() + " but " +
                 actual + " is type " + field->type.str() + ".");
    }
    for (const InputValueDefinition& argument : required.arguments) {
      const std::string name = "(" + std::string(argument.name) + ":)";
      const InputValueDefinition* given = field->argument(argument.name);
      if (given == nullptr) {
        report({argument.definition, field->definition}, "Interface field argument " + expected +
                                                             name + " expected but " + actual +
                                                             " does not provide it.");
      } else if (given->type != argument.type) {
        report({type_place(argument), type_place(*given)},
               "Interface field argument " + expected + name + " expects type " +
                   argument.type.str() + " but " + actual + name + " is type " + given->type.str() +
                   ".");
      }
    }
    for (const InputValueDefinition& argument : field->arguments) {
      if (!argument.is_required() || required.argument(argument.name) != nullptr) continue;
      report({argument.definition, required.definition},
             "Argument " + in_quotes(actual + "(" + std::string(argument.name) + ":)") +
                 " must not be required type " + in_quotes(argument.type.str()) +
                 " if not provided by the Interface field " + in_quotes(expected) + ".");
    }
    if (field->deprecation_reason && !required.deprecation_reason) {
      report({deprecated_place(*field), type_place(*field)},
             "Interface field " + expected + " is not deprecated, so implementation field " +
                 actual + " must not be deprecated.");
    }
  }

  void check_name(const Described& named) {
    if (!named.name.starts_with("__")) return;
    report({named.definition}, "Name \"" + std::string(named.name) +
                                   "\" must not begin with \"__\", which is reserved by GraphQL "
                                   "introspection.");
  }

  // ---- Places ----

  /// The types that `list` gives of each part of `type`, which is defined by a Definition.
  template <class Definition, class List>
  static std::vector<Reference> references(const NamedType& type, const List& list) {
    std::vector<Place> parts;
    append_parts(parts, type);
    std::vector<Reference> result;
    for (const Place& part : parts) {
      for (const language::NamedType* node : list(part.node->as<Definition>())) {
        result.push_back({node->name.value, {part.source, node}});
      }
    }
    return result;
  }

  static std::vector<Reference> interfaces_of(const FieldsType& type) {
    const auto list = [](const auto& part) { return part.interfaces; };
    return type.is<ObjectType>() ? references<language::ObjectTypeDefinition>(type, list)
                                 : references<language::InterfaceTypeDefinition>(type, list);
  }

  static std::vector<Place> places_of(const std::vector<Reference>& references,
                                      std::string_view name) {
    std::vector<Place> places;
    for (const Reference& reference : references) {
      if (reference.name == name) places.push_back(reference.place);
    }
    return places;
  }

  /// The definition of `type` and its extensions.
  static void append_parts(std::vector<Place>& places, const NamedType& type) {
    places.push_back(type.definition);
    places.insert(places.end(), type.extensions.begin(), type.extensions.end());
  }

  static Place type_place(const FieldDefinition& field) {
    return {field.definition.source, field.definition.node->as<language::FieldDefinition>().type};
  }
  static Place type_place(const InputValueDefinition& value) {
    return {value.definition.source,
            value.definition.node->as<language::InputValueDefinition>().type};
  }
  static Place deprecated_place(const Described& described) {
    const AppliedDirective* directive = find_directive(described.directives, "deprecated");
    return directive == nullptr ? Place() : directive->place();
  }

  // ---- Errors ----

  void report_parts(const NamedType& type, std::string message) {
    std::vector<Place> places;
    append_parts(places, type);
    errors_.push_back(error_at(places, std::move(message)));
  }
  void report(std::initializer_list<Place> places, std::string message) {
    errors_.push_back(error_at(std::span(places.begin(), places.size()), std::move(message)));
  }
  void take(std::vector<GraphQLError> errors) {
    errors_.insert(errors_.end(), std::move_iterator(errors.begin()),
                   std::move_iterator(errors.end()));
  }

  const Schema& schema_;
  const TypeSystemOptions& options_;
  DefaultCycleCheck default_cycles_;
  std::vector<GraphQLError> errors_;
};

}  // namespace

std::vector<GraphQLError> check_type_system(const Schema& schema,
                                            const TypeSystemOptions& options) {
  return TypeSystemCheck(schema, options).run();
}

}  // namespace errand::graphql::type
