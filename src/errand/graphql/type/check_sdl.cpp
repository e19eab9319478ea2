#include "errand/graphql/type/check_sdl.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/language/visitor.h"
#include "errand/graphql/type/definitions.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

using language::Definition;
using language::Document;
using language::GraphQLError;
using language::Kind;

/// Types that every schema has, in the order of graphql-js.
constexpr std::array<std::string_view, 13> kStandardTypes = {
    "String",    "Int",      "Float",        "Boolean",
    "ID",        "__Schema", "__Directive",  "__DirectiveLocation",
    "__Type",    "__Field",  "__InputValue", "__EnumValue",
    "__TypeKind"};

/// How errors call what an extension extends.
std::string_view extended_kind(Kind extension) {
  switch (extension) {
    case Kind::kScalarTypeExtension:
      return "scalar";
    case Kind::kObjectTypeExtension:
      return "object";
    case Kind::kInterfaceTypeExtension:
      return "interface";
    case Kind::kUnionTypeExtension:
      return "union";
    case Kind::kEnumTypeExtension:
      return "enum";
    default:
      return "input object";
  }
}

Kind kind_of_extension(Kind definition) {
  switch (definition) {
    case Kind::kScalarTypeDefinition:
      return Kind::kScalarTypeExtension;
    case Kind::kObjectTypeDefinition:
      return Kind::kObjectTypeExtension;
    case Kind::kInterfaceTypeDefinition:
      return Kind::kInterfaceTypeExtension;
    case Kind::kUnionTypeDefinition:
      return Kind::kUnionTypeExtension;
    case Kind::kEnumTypeDefinition:
      return Kind::kEnumTypeExtension;
    default:
      return Kind::kInputObjectTypeExtension;
  }
}

/// The location at which directives of `T` stand; for OperationDefinition see location_of().
template <class T>
constexpr std::string_view kLocation = "";
template <>
constexpr std::string_view kLocation<language::Field> = "FIELD";
template <>
constexpr std::string_view kLocation<language::FragmentSpread> = "FRAGMENT_SPREAD";
template <>
constexpr std::string_view kLocation<language::InlineFragment> = "INLINE_FRAGMENT";
template <>
constexpr std::string_view kLocation<language::FragmentDefinition> = "FRAGMENT_DEFINITION";
template <>
constexpr std::string_view kLocation<language::VariableDefinition> = "VARIABLE_DEFINITION";
template <>
constexpr std::string_view kLocation<language::SchemaDefinition> = "SCHEMA";
template <>
constexpr std::string_view kLocation<language::ScalarTypeDefinition> = "SCALAR";
template <>
constexpr std::string_view kLocation<language::ObjectTypeDefinition> = "OBJECT";
template <>
constexpr std::string_view kLocation<language::FieldDefinition> = "FIELD_DEFINITION";
template <>
constexpr std::string_view kLocation<language::InterfaceTypeDefinition> = "INTERFACE";
template <>
constexpr std::string_view kLocation<language::UnionTypeDefinition> = "UNION";
template <>
constexpr std::string_view kLocation<language::EnumTypeDefinition> = "ENUM";
template <>
constexpr std::string_view kLocation<language::EnumValueDefinition> = "ENUM_VALUE";
template <>
constexpr std::string_view kLocation<language::InputObjectTypeDefinition> = "INPUT_OBJECT";
template <>
constexpr std::string_view kLocation<language::InputValueDefinition> = "ARGUMENT_DEFINITION";
template <>
constexpr std::string_view kLocation<language::DirectiveDefinition> = "DIRECTIVE_DEFINITION";
template <>
constexpr std::string_view kLocation<language::DirectiveExtension> = "DIRECTIVE_DEFINITION";

template <class T>
std::string_view location_of(const T& node) {
  if constexpr (std::is_same_v<T, language::OperationDefinition>) {
    switch (node.operation) {
      case language::OperationType::kQuery:
        return "QUERY";
      case language::OperationType::kMutation:
        return "MUTATION";
      case language::OperationType::kSubscription:
        return "SUBSCRIPTION";
    }
  }
  return kLocation<T>;
}

/// Names that must be unique, with the place of the first.
using FirstPlaces = std::unordered_map<std::string_view, Place>;

/// All rules at once, as a visitor. At each node they come in the order of graphql-js.
class SdlCheck {
 public:
  SdlCheck(std::span<const Document> documents, const Document& specified, bool as_graphql_js)
      : documents_(documents), as_graphql_js_(as_graphql_js) {
    collect_definitions(specified);
    types_.clear();  // the standard types are no definitions
    for (const Document& document : documents) collect_definitions(document);
  }

  std::vector<GraphQLError> run() {
    for (const Document& document : documents_) {
      source_ = &document.source();
      for (const Definition* definition : document.definitions()) {
        if (definition->is_executable() && !as_graphql_js_) {
          report({definition},
                 "A schema holds only type system definitions; remove this operation or "
                 "fragment.");
        } else {
          language::visit(*definition, *this);
        }
      }
    }
    return std::move(errors_);
  }

  template <class T>
  void enter(const T& node) {
    if constexpr (std::is_base_of_v<Definition, T>) enter_definition(node);
    if constexpr (std::is_same_v<T, language::SchemaDefinition>) check_schema(node);
    if constexpr (std::is_base_of_v<language::TypeDefinition, T>) check_unique_type(node);
    if constexpr (std::is_same_v<T, language::EnumTypeDefinition>) check_unique_values(node);
    if constexpr (requires { node.fields; } && std::is_base_of_v<language::TypeDefinition, T>) {
      check_unique_fields(node);
    }
    if constexpr (std::is_base_of_v<language::TypeDefinition, T> && requires { node.interfaces; }) {
      for (const language::FieldDefinition* field : node.fields) {
        check_unique_arguments(text(node.name) + "." + text(field->name), field->arguments);
      }
    }
    if constexpr (std::is_same_v<T, language::DirectiveDefinition>) {
      check_unique_arguments("@" + text(node.name), node.arguments);
      check_unique_directive(node);
    }
    if constexpr (std::is_same_v<T, language::NamedType>) check_known_type(node);
    if constexpr (std::is_same_v<T, language::Directive>) check_known_directive(node);
    if constexpr (requires { node.directives; }) {
      check_unique_directives(node);
      locations_.push_back(location_of(node));
    }
    if constexpr (std::is_base_of_v<language::TypeDefinition, T>) check_extension(node);
    if constexpr (std::is_same_v<T, language::Directive>) check_known_arguments(node);
    if constexpr (std::is_same_v<T, language::Directive> || std::is_same_v<T, language::Field>) {
      check_unique_argument_names(node.arguments);
    }
    if constexpr (std::is_same_v<T, language::ObjectValue>) input_fields_.emplace_back();
    if constexpr (std::is_same_v<T, language::ObjectField>) check_unique_input_field(node);
  }

  template <class T>
  void leave(const T& node) {
    if constexpr (requires { node.directives; }) locations_.pop_back();
    if constexpr (std::is_same_v<T, language::ObjectValue>) input_fields_.pop_back();
    if constexpr (std::is_same_v<T, language::Directive>) check_required_arguments(node);
  }

 private:
  struct KnownDirective {
    const language::DirectiveDefinition* node = nullptr;
    [[nodiscard]] bool allows(std::string_view location) const {
      return std::ranges::any_of(node->locations,
                                 [&](const auto* name) { return name->value == location; });
    }
  };
  struct KnownType {
    const language::TypeDefinition* node = nullptr;
    const language::Source* source = nullptr;
  };

  static std::string text(const language::Name& name) { return std::string(name.value); }

  void collect_definitions(const Document& document) {
    for (const Definition* definition : document.definitions()) {
      if (const auto* directive = definition->get_if<language::DirectiveDefinition>()) {
        directives_.insert_or_assign(directive->name.value, KnownDirective{directive});
      } else if (const auto* type = definition->get_if<language::TypeDefinition>();
                 type != nullptr && !type->is_extension()) {
        types_.insert_or_assign(type->name.value, KnownType{type, &document.source()});
      }
    }
  }

  void enter_definition(const Definition& node) {
    in_executable_ = node.is_executable();
    in_input_object_ = node.is<language::InputObjectTypeDefinition>();
  }

  /// LoneSchemaDefinition, UniqueOperationTypes
  void check_schema(const language::SchemaDefinition& node) {
    if (!node.is_extension() && std::exchange(has_schema_, true)) {
      report({&node}, "Must provide only one schema definition.");
    }
    for (const language::OperationTypeDefinition* type : node.operation_types) {
      const std::string_view operation = language::to_string(type->operation);
      check_first(operation_types_, operation, *type, [&] {
        return "There can be only one " + std::string(operation) + " type in schema.";
      });
    }
  }

  void check_unique_type(const language::TypeDefinition& node) {
    if (node.is_extension()) return;
    check_first(type_names_, node.name.value, node.name,
                [&] { return "There can be only one type named \"" + text(node.name) + "\"."; });
  }

  void check_unique_values(const language::EnumTypeDefinition& node) {
    FirstPlaces& known = enum_values_[node.name.value];
    for (const language::EnumValueDefinition* value : node.values) {
      check_first(known, value->name.value, value->name, [&] {
        return "Enum value \"" + text(node.name) + "." + text(value->name) +
               "\" can only be defined once.";
      });
    }
  }

  template <class T>
  void check_unique_fields(const T& node) {
    FirstPlaces& known = fields_[node.name.value];
    for (const auto* field : node.fields) {
      check_first(known, field->name.value, field->name, [&] {
        return "Field \"" + text(node.name) + "." + text(field->name) +
               "\" can only be defined once.";
      });
    }
  }

  void check_unique_arguments(const std::string& parent,
                              language::NodeList<language::InputValueDefinition> arguments) {
    check_groups(arguments, [&](std::string_view name) {
      return "Argument \"" + parent + "(" + std::string(name) + ":)\" can only be defined once.";
    });
  }

  void check_unique_argument_names(language::NodeList<language::Argument> arguments) {
    check_groups(arguments, [](std::string_view name) {
      return "There can be only one argument named \"" + std::string(name) + "\".";
    });
  }

  void check_unique_directive(const language::DirectiveDefinition& node) {
    check_first(directive_names_, node.name.value, node.name, [&] {
      return "There can be only one directive named \"@" + text(node.name) + "\".";
    });
  }

  void check_known_type(const language::NamedType& node) {
    const std::string_view name = node.name.value;
    if (types_.contains(name)) return;
    if (!in_executable_ && is_standard_type(name)) return;
    std::vector<std::string_view> options;
    if (!in_executable_) options.assign(kStandardTypes.begin(), kStandardTypes.end());
    for (const auto& [known, type] : types_) options.push_back(known);
    report({&node}, "Unknown type \"" + std::string(name) + "\"." +
                        did_you_mean(suggestion_list(name, options)));
  }

  void check_known_directive(const language::Directive& node) {
    const auto found = directives_.find(node.name.value);
    if (found == directives_.end()) {
      report({&node}, "Unknown directive \"@" + text(node.name) + "\"." + similar_directive(node));
      return;
    }
    std::string_view location = locations_.back();
    if (location == "ARGUMENT_DEFINITION" && in_input_object_) location = "INPUT_FIELD_DEFINITION";
    if (!found->second.allows(location)) {
      report({&node}, "Directive \"@" + text(node.name) + "\" may not be used on " +
                          std::string(location) + ".");
    }
  }

  std::string similar_directive(const language::Directive& node) const {
    if (as_graphql_js_) return {};
    std::vector<std::string_view> known;
    for (const auto& [name, directive] : directives_) known.push_back(name);
    auto suggestions = suggestion_list(node.name.value, known);
    for (std::string& suggestion : suggestions) suggestion.insert(0, "@");
    return did_you_mean(suggestions);
  }

  /// UniqueDirectivesPerLocation: a definition and its extensions are one location.
  template <class T>
  void check_unique_directives(const T& node) {
    FirstPlaces own;
    FirstPlaces* seen = &own;
    if constexpr (std::is_same_v<T, language::SchemaDefinition>) {
      seen = &schema_directives_;
    } else if constexpr (std::is_base_of_v<language::TypeDefinition, T>) {
      seen = &type_directives_[node.name.value];
    } else if constexpr (std::is_same_v<T, language::DirectiveDefinition> ||
                         std::is_same_v<T, language::DirectiveExtension>) {
      seen = &directive_directives_[node.name.value];
    }
    for (const language::Directive* directive : node.directives) {
      const auto found = directives_.find(directive->name.value);
      if (found == directives_.end() || found->second.node->repeatable) continue;
      check_first(*seen, directive->name.value, *directive, [&] {
        return "The directive \"@" + text(directive->name) +
               "\" can only be used once at this location.";
      });
    }
  }

  /// PossibleTypeExtensions
  void check_extension(const language::TypeDefinition& node) {
    if (!node.is_extension()) return;
    const auto found = types_.find(node.name.value);
    if (found == types_.end()) {
      std::vector<std::string_view> known;
      for (const auto& [name, type] : types_) known.push_back(name);
      report({&node.name}, "Cannot extend type \"" + text(node.name) +
                               "\" because it is not defined." +
                               did_you_mean(suggestion_list(node.name.value, known)));
    } else if (kind_of_extension(found->second.node->kind) != node.kind) {
      report_at({{found->second.source, found->second.node}, {source_, &node}},
                "Cannot extend non-" + std::string(extended_kind(node.kind)) + " type \"" +
                    text(node.name) + "\".");
    }
  }

  void check_known_arguments(const language::Directive& node) {
    const auto found = directives_.find(node.name.value);
    if (found == directives_.end()) return;
    std::vector<std::string_view> known;
    for (const auto* argument : found->second.node->arguments)
      known.push_back(argument->name.value);
    for (const language::Argument* argument : node.arguments) {
      if (std::ranges::find(known, argument->name.value) != known.end()) continue;
      report({argument}, "Unknown argument \"" + text(argument->name) + "\" on directive \"@" +
                             text(node.name) + "\"." +
                             did_you_mean(suggestion_list(argument->name.value, known)));
    }
  }

  void check_unique_input_field(const language::ObjectField& node) {
    check_first(input_fields_.back(), node.name.value, node.name, [&] {
      return "There can be only one input field named \"" + text(node.name) + "\".";
    });
  }

  void check_required_arguments(const language::Directive& node) {
    const auto found = directives_.find(node.name.value);
    if (found == directives_.end()) return;
    for (const language::InputValueDefinition* argument : found->second.node->arguments) {
      if (argument->type->kind != Kind::kNonNullType || argument->default_value != nullptr)
        continue;
      const bool given = std::ranges::any_of(
          node.arguments, [&](const auto* one) { return one->name.value == argument->name.value; });
      if (given) continue;
      report({&node}, "Argument \"@" + text(node.name) + "(" + text(argument->name) +
                          ":)\" of type \"" + language::print(*argument->type) +
                          "\" is required, but it was not provided.");
    }
  }

  /// Reports `node` and the first of its name, where it is not itself the first.
  template <class Message>
  void check_first(FirstPlaces& known, std::string_view name, const language::Node& node,
                   const Message& message) {
    const Place place{source_, &node};
    const auto [first, is_new] = known.try_emplace(name, place);
    if (!is_new) report_at({first->second, place}, message());
  }

  /// Reports all nodes of one name together, once for each name that repeats.
  template <class T, class Message>
  void check_groups(language::NodeList<T> nodes, const Message& message) {
    std::vector<std::pair<std::string_view, std::vector<Place>>> groups;
    std::unordered_map<std::string_view, std::size_t> index;
    for (const T* node : nodes) {
      const auto [found, is_new] = index.try_emplace(node->name.value, groups.size());
      if (is_new) groups.push_back({node->name.value, {}});
      groups[found->second].second.push_back({source_, &node->name});
    }
    for (const auto& [name, places] : groups) {
      if (places.size() > 1) errors_.push_back(error_at(places, message(name)));
    }
  }

  void report(std::initializer_list<const language::Node*> nodes, std::string message) {
    errors_.push_back(language::error_at(*source_, nodes, std::move(message)));
  }
  void report_at(std::initializer_list<Place> places, std::string message) {
    errors_.push_back(error_at(std::span(places.begin(), places.size()), std::move(message)));
  }

  std::span<const Document> documents_;
  bool as_graphql_js_;
  std::unordered_map<std::string_view, KnownDirective> directives_;
  std::unordered_map<std::string_view, KnownType> types_;

  const language::Source* source_ = nullptr;  ///< of the document that is walked
  bool in_executable_ = false;
  bool in_input_object_ = false;
  std::vector<std::string_view> locations_;  ///< of the nodes around, innermost last
  std::vector<FirstPlaces> input_fields_;    ///< of the object literals around

  bool has_schema_ = false;
  FirstPlaces operation_types_;
  FirstPlaces type_names_;
  FirstPlaces directive_names_;
  std::unordered_map<std::string_view, FirstPlaces> enum_values_;  ///< by type
  std::unordered_map<std::string_view, FirstPlaces> fields_;       ///< by type
  FirstPlaces schema_directives_;
  std::unordered_map<std::string_view, FirstPlaces> type_directives_;       ///< by type
  std::unordered_map<std::string_view, FirstPlaces> directive_directives_;  ///< by directive
  std::vector<GraphQLError> errors_;
};

}  // namespace

bool is_standard_type(std::string_view name) noexcept {
  return std::ranges::find(kStandardTypes, name) != kStandardTypes.end();
}

std::vector<GraphQLError> check_sdl(std::span<const Document> documents, const Document& specified,
                                    bool as_graphql_js) {
  return SdlCheck(documents, specified, as_graphql_js).run();
}

}  // namespace errand::graphql::type
