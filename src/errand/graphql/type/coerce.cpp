#include "errand/graphql/type/coerce.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "errand/base/assert.h"
#include "errand/graphql/language/arena.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/inspect.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;
using language::GraphQLError;
using language::Kind;
using language::PathSegment;

json::string_view text_of(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view_of(json::string_view text) { return {text.data(), text.size()}; }

/// A path as a chain on the stack, so that it costs nothing until a fault needs it.
struct PathLink {
  const PathLink* parent = nullptr;
  std::string_view key;
  std::size_t index = 0;
  bool is_index = false;
};

std::vector<PathSegment> segments(const PathLink* path) {
  std::vector<PathSegment> result;
  for (; path != nullptr; path = path->parent) {
    if (path->is_index) {
      result.emplace_back(path->index);
    } else {
      result.emplace_back(std::string(path->key));
    }
  }
  return {result.rbegin(), result.rend()};
}

/// " at .a[0]"
std::string path_text(const std::vector<PathSegment>& path) {
  std::string text;
  for (const PathSegment& segment : path) {
    if (const auto* index = std::get_if<std::size_t>(&segment)) {
      text += '[' + std::to_string(*index) + ']';
    } else {
      text += '.' + std::get<std::string>(segment);
    }
  }
  return text.empty() ? text : " at " + text;
}

std::string quoted(const TypeRef& type) { return '"' + type.str() + '"'; }

std::string unknown_field(const InputObjectType& type, std::string_view name,
                          const std::string& found) {
  std::vector<std::string_view> known;
  for (const InputValueDefinition& field : type.fields) known.push_back(field.name);
  const std::string suggestion = did_you_mean(suggestion_list(name, known));
  return "Expected value of type \"" + std::string(type.name) +
         "\" not to include unknown field \"" + std::string(name) + "\"" +
         (suggestion.empty() ? ", found" : "." + suggestion + " Found") + ": " + found + ".";
}

std::string missing_field(const InputObjectType& type, const InputValueDefinition& field,
                          const std::string& found) {
  return "Expected value of type \"" + std::string(type.name) + "\" to include required field \"" +
         std::string(field.name) + "\", found: " + found + ".";
}

std::string not_an_object(const InputObjectType& type, const std::string& found) {
  return "Expected value of type \"" + std::string(type.name) +
         "\" to be an object, found: " + found + ".";
}

std::string not_one_of(const InputObjectType& type) {
  return "Within OneOf Input Object type \"" + std::string(type.name) +
         "\", exactly one field must be specified, and the value for that field must be non-null.";
}

// ---- JSON ----

class JsonCoercion {
 public:
  explicit JsonCoercion(const CoercionOptions& options) : options_(options) {}

  std::optional<json::value> coerce(const json::value& value, const TypeRef& type,
                                    const PathLink* path) {
    if (value.is_null()) {
      if (!type.is_non_null()) return json::value();
      report(path, "Expected value of non-null type " + quoted(type) + " not to be null.");
      return std::nullopt;
    }
    if (type.is_list()) return coerce_list(value, type.item(), path);
    if (const auto* object = type.named().get_if<InputObjectType>()) {
      return coerce_object(value, *object, path);
    }
    LeafResult leaf = parse_leaf_value(type.named(), value);
    if (leaf) return std::move(*leaf);
    report(path, std::move(leaf.error()));
    return std::nullopt;
  }

  std::vector<InputFault>& faults() { return faults_; }

 private:
  std::optional<json::value> coerce_list(const json::value& value, const TypeRef& item_type,
                                         const PathLink* path) {
    json::array result;
    const auto* items = value.if_array();
    if (items == nullptr) {
      auto item = coerce(value, item_type, path);
      if (!item) return std::nullopt;
      result.push_back(std::move(*item));
      return result;
    }
    bool good = true;
    result.reserve(items->size());
    for (std::size_t i = 0; i < items->size() && !full(); ++i) {
      const PathLink link{path, {}, i, true};
      auto item = coerce((*items)[i], item_type, &link);
      good = good && item.has_value();
      if (good) result.push_back(std::move(*item));
    }
    if (!good) return std::nullopt;
    return result;
  }

  std::optional<json::value> coerce_object(const json::value& value, const InputObjectType& type,
                                           const PathLink* path) {
    const auto* members = value.if_object();
    if (members == nullptr) {
      report(path, not_an_object(type, inspect(value)));
      return std::nullopt;
    }
    bool good = true;
    json::object result;
    std::size_t known = 0;
    for (const InputValueDefinition& field : type.fields) {
      const json::value* member = members->if_contains(text_of(field.name));
      if (member == nullptr) {
        if (field.is_required()) {
          report(path, missing_field(type, field, inspect(value)));
          good = false;
        } else if (field.default_value && options_.defaults == SchemaDefaults::kFill) {
          result.emplace(text_of(field.name), *field.default_value);
        }
        continue;
      }
      ++known;
      const PathLink link{path, field.name, 0, false};
      auto coerced = coerce(*member, field.type, &link);
      good = good && coerced.has_value();
      if (good) result.emplace(text_of(field.name), std::move(*coerced));
    }
    if (known != members->size()) {
      for (const auto& member : *members) {
        if (type.field(view_of(member.key())) != nullptr) continue;
        report(path, unknown_field(type, view_of(member.key()), inspect(value)));
        good = false;
      }
    }
    if (type.is_one_of) {
      if (known != 1) {
        report(path, not_one_of(type));
        good = false;
      } else if (good && result.begin()->value().is_null()) {
        const PathLink link{path, view_of(result.begin()->key()), 0, false};
        report(&link, not_one_of(type));
        good = false;
      }
    }
    if (!good) return std::nullopt;
    return result;
  }

  [[nodiscard]] bool full() const { return faults_.size() > options_.errors_max; }

  void report(const PathLink* path, std::string message) {
    if (full()) return;
    faults_.push_back({segments(path), std::move(message)});
  }

  const CoercionOptions& options_;
  std::vector<InputFault> faults_;
};

// ---- Literals ----

const json::value* variable_value(const language::Variable& variable,
                                  const json::object* variables) {
  if (variables == nullptr) return nullptr;
  return variables->if_contains(text_of(variable.name.value));
}

/// The field node named `name`; the last one counts where names repeat.
const language::ObjectField* find_field(const language::ObjectValue& object,
                                        std::string_view name) {
  const language::ObjectField* found = nullptr;
  for (const language::ObjectField* field : object.fields) {
    if (field->name.value == name) found = field;
  }
  return found;
}

class LiteralCoercion {
 public:
  LiteralCoercion(const json::object* variables, SchemaDefaults defaults)
      : variables_(variables), defaults_(defaults) {}

  [[nodiscard]] std::optional<json::value> coerce(const language::Value& literal,
                                                  const TypeRef& type) const {
    if (const auto* variable = literal.get_if<language::Variable>()) {
      const json::value* value = variable_value(*variable, variables_);
      if (value == nullptr || (value->is_null() && type.is_non_null())) return std::nullopt;
      return *value;
    }
    if (literal.kind == Kind::kNullValue) {
      if (type.is_non_null()) return std::nullopt;
      return json::value();
    }
    if (type.is_list()) return coerce_list(literal, type.item());
    if (const auto* object = type.named().get_if<InputObjectType>()) {
      return coerce_object(literal, *object);
    }
    LeafResult leaf = parse_leaf_literal(type.named(), literal, variables_);
    if (!leaf) return std::nullopt;
    return std::move(*leaf);
  }

 private:
  [[nodiscard]] std::optional<json::value> coerce_list(const language::Value& literal,
                                                       const TypeRef& item_type) const {
    json::array result;
    const auto* list = literal.get_if<language::ListValue>();
    if (list == nullptr) {
      auto item = coerce(literal, item_type);
      if (!item) return std::nullopt;
      result.push_back(std::move(*item));
      return result;
    }
    result.reserve(list->values.size());
    for (const language::Value* node : list->values) {
      auto item = coerce(*node, item_type);
      if (!item) {
        const auto* variable = node->get_if<language::Variable>();
        if (variable == nullptr || item_type.is_non_null() ||
            variable_value(*variable, variables_) != nullptr) {
          return std::nullopt;
        }
        item.emplace(nullptr);
      }
      result.push_back(std::move(*item));
    }
    return result;
  }

  [[nodiscard]] std::optional<json::value> coerce_object(const language::Value& literal,
                                                         const InputObjectType& type) const {
    const auto* object = literal.get_if<language::ObjectValue>();
    if (object == nullptr) return std::nullopt;
    for (const language::ObjectField* field : object->fields) {
      if (type.field(field->name.value) == nullptr) return std::nullopt;
    }
    json::object result;
    for (const InputValueDefinition& field : type.fields) {
      const language::ObjectField* node = find_field(*object, field.name);
      const auto* variable = node == nullptr ? nullptr : node->value->get_if<language::Variable>();
      if (node == nullptr ||
          (variable != nullptr && variable_value(*variable, variables_) == nullptr)) {
        if (field.is_required()) return std::nullopt;
        if (field.default_value && defaults_ == SchemaDefaults::kFill) {
          result.emplace(text_of(field.name), *field.default_value);
        }
        continue;
      }
      auto value = coerce(*node->value, field.type);
      if (!value) return std::nullopt;
      result.emplace(text_of(field.name), std::move(*value));
    }
    if (type.is_one_of &&
        (object->fields.size() != 1 || result.size() != 1 || result.begin()->value().is_null())) {
      return std::nullopt;
    }
    return result;
  }

  const json::object* variables_;
  SchemaDefaults defaults_;
};

bool has_variables(const language::Value& literal) {
  if (literal.is<language::Variable>()) return true;
  if (const auto* list = literal.get_if<language::ListValue>()) {
    return std::ranges::any_of(list->values,
                               [](const language::Value* item) { return has_variables(*item); });
  }
  const auto* object = literal.get_if<language::ObjectValue>();
  return object != nullptr &&
         std::ranges::any_of(object->fields, [](const language::ObjectField* field) {
           return has_variables(*field->value);
         });
}

/// `literal` as it is where no variable has a value: null in lists, absent in objects.
const language::Value& without_variables(const language::Value& literal, language::Arena& arena) {
  if (!has_variables(literal)) return literal;
  if (const auto* list = literal.get_if<language::ListValue>()) {
    std::vector<const language::Value*> values;
    for (const language::Value* item : list->values) {
      values.push_back(&without_variables(*item, arena));
    }
    auto* copy = arena.make<language::ListValue>(*list);
    copy->values = arena.copy(std::span<const language::Value* const>(values));
    return *copy;
  }
  if (const auto* object = literal.get_if<language::ObjectValue>()) {
    std::vector<const language::ObjectField*> fields;
    for (const language::ObjectField* field : object->fields) {
      if (field->value->is<language::Variable>()) continue;
      auto* copy = arena.make<language::ObjectField>(*field);
      copy->value = &without_variables(*field->value, arena);
      fields.push_back(copy);
    }
    auto* copy = arena.make<language::ObjectValue>(*object);
    copy->fields = arena.copy(std::span<const language::ObjectField* const>(fields));
    return *copy;
  }
  return *arena.make<language::NullValue>();
}

using LiteralReport =
    std::function<void(const language::Node& node, const PathLink* path, std::string message)>;

/// Finds what is wrong with a literal. Without variables it is checked as it stands in a document,
/// variables taken to fit; with them, for one execution.
class LiteralCheck {
 public:
  LiteralCheck(const json::object* variables, bool with_variables, const LiteralReport& report)
      : variables_(variables), with_variables_(with_variables), report_(report) {}

  void check(const language::Value& literal, const TypeRef& type, const PathLink* path) const {
    // Asked while a schema is built, a type may be none for input; that has its own error.
    if (!type.named().is_input()) return;
    if (const auto* variable = literal.get_if<language::Variable>()) {
      if (with_variables_ && type.is_non_null()) check_variable(*variable, type, path);
      return;
    }
    if (literal.kind == Kind::kNullValue) {
      if (type.is_non_null()) {
        report_(literal, path,
                "Expected value of non-null type " + quoted(type) + " not to be null.");
      }
      return;
    }
    if (type.is_list()) {
      const TypeRef item_type = type.item();
      const auto* list = literal.get_if<language::ListValue>();
      if (list == nullptr) return check(literal, item_type, path);
      for (std::size_t i = 0; i < list->values.size(); ++i) {
        const PathLink link{path, {}, i, true};
        check(*list->values[i], item_type, &link);
      }
      return;
    }
    if (const auto* object = type.named().get_if<InputObjectType>()) {
      return check_object(literal, *object, path);
    }
    // Nested variables without a value are taken out, which is also how the message shows it.
    language::Arena arena;
    const language::Value& plain =
        variables_ == nullptr ? without_variables(literal, arena) : literal;
    LeafResult leaf = parse_leaf_literal(type.named(), plain, variables_);
    if (!leaf) report_(literal, path, std::move(leaf.error()));
  }

 private:
  void check_variable(const language::Variable& variable, const TypeRef& type,
                      const PathLink* path) const {
    const json::value* value = variable_value(variable, variables_);
    const std::string name = "\"$" + std::string(variable.name.value) + '"';
    if (value == nullptr) {
      report_(variable, path,
              "Expected variable " + name + " provided to type " + quoted(type) +
                  " to provide a runtime value.");
    } else if (value->is_null()) {
      report_(variable, path,
              "Expected variable " + name + " provided to non-null type " + quoted(type) +
                  " not to be null.");
    }
  }

  void check_object(const language::Value& literal, const InputObjectType& type,
                    const PathLink* path) const {
    const auto* object = literal.get_if<language::ObjectValue>();
    if (object == nullptr) {
      report_(literal, path, not_an_object(type, language::print(literal)));
      return;
    }
    for (const InputValueDefinition& field : type.fields) {
      const language::ObjectField* node = find_field(*object, field.name);
      if (node == nullptr) {
        if (field.is_required()) {
          report_(literal, path, missing_field(type, field, language::print(literal)));
        }
        continue;
      }
      const auto* variable = node->value->get_if<language::Variable>();
      if (variable != nullptr && with_variables_) {
        const json::value* value = variable_value(*variable, variables_);
        if (type.is_one_of && (value == nullptr || value->is_null())) {
          report_(literal, path,
                  "Expected variable \"$" + std::string(variable->name.value) +
                      "\" provided to field \"" + std::string(field.name) +
                      "\" for OneOf Input Object type \"" + std::string(type.name) + "\" " +
                      (value == nullptr ? "to provide a runtime value." : "not to be null."));
        } else if (value == nullptr && !field.is_required()) {
          continue;
        }
      }
      const PathLink link{path, field.name, 0, false};
      check(*node->value, field.type, &link);
    }
    const language::ObjectField* only = nullptr;
    std::size_t known = 0;
    for (const language::ObjectField* node : object->fields) {
      if (type.field(node->name.value) == nullptr) {
        report_(*node, path, unknown_field(type, node->name.value, language::print(literal)));
      } else {
        only = node;
        ++known;
      }
    }
    if (!type.is_one_of) return;
    if (known != 1) {
      report_(literal, path, not_one_of(type));
    } else if (only->value->kind == Kind::kNullValue) {
      const PathLink link{path, only->name.value, 0, false};
      report_(literal, &link, not_one_of(type));
    }
  }

  const json::object* variables_;
  bool with_variables_;
  const LiteralReport& report_;
};

GraphQLError input_error(const language::Source& source, const language::Node& node,
                         std::string message) {
  return language::error_at(source, node, std::move(message), ErrorCode::kBadUserInput);
}

/// What the arguments of a field and of a directive have in common.
struct ArgumentsOf {
  const language::Source& source;
  const language::Node& node;
  language::NodeList<language::Argument> nodes;
  std::span<const InputValueDefinition> definitions;
  std::function<std::string()> parent;  ///< coordinate of what has the arguments
};

std::expected<json::object, GraphQLError> coerce_arguments(const ArgumentsOf& of,
                                                           const json::object& variables,
                                                           SchemaDefaults defaults) {
  json::object result;
  const auto shown = [&](const InputValueDefinition& definition) {
    return "Argument \"" + of.parent() + "(" + std::string(definition.name) + ":)\"";
  };
  for (const InputValueDefinition& definition : of.definitions) {
    const language::Argument* node = nullptr;
    for (const language::Argument* candidate : of.nodes) {
      if (candidate->name.value == definition.name) node = candidate;
    }
    const auto* variable = node == nullptr ? nullptr : node->value->get_if<language::Variable>();
    const bool absent = node == nullptr ||
                        (variable != nullptr && variable_value(*variable, &variables) == nullptr);
    if (absent && !definition.is_required()) {
      if (definition.default_value && defaults == SchemaDefaults::kFill) {
        result.emplace(text_of(definition.name), *definition.default_value);
      }
      continue;
    }
    if (node == nullptr) {
      return std::unexpected(input_error(of.source, of.node,
                                         shown(definition) + " of required type " +
                                             quoted(definition.type) + " was not provided."));
    }
    auto value = coerce_literal(*node->value, definition.type, &variables, defaults);
    if (!value) {
      std::optional<GraphQLError> first;
      const LiteralReport report = [&](const language::Node& at, const PathLink* path,
                                       std::string message) {
        if (first) return;
        first = input_error(of.source, at,
                            shown(definition) + " has invalid value" + path_text(segments(path)) +
                                ": " + std::move(message));
      };
      LiteralCheck(&variables, true, report).check(*node->value, definition.type, nullptr);
      if (!first) {
        first = input_error(of.source, *node->value, shown(definition) + " has invalid value.");
      }
      return std::unexpected(std::move(*first));
    }
    result.emplace(text_of(definition.name), std::move(*value));
  }
  return result;
}

}  // namespace

std::expected<json::object, std::vector<GraphQLError>> coerce_variable_values(
    const Schema& schema, const language::Source& source,
    const language::OperationDefinition& operation, const json::object& sent,
    const CoercionOptions& options) {
  json::object coerced;
  std::vector<GraphQLError> errors;
  for (const language::VariableDefinition* definition : operation.variable_definitions) {
    const std::string_view name = definition->variable->name.value;
    const std::string shown = "Variable \"$" + std::string(name) + '"';
    const auto type = schema.type_from_ast(*definition->type);
    if (!type || !type->named().is_input()) {
      errors.push_back(input_error(source, *definition->type,
                                   shown + " expected value of type \"" +
                                       language::print(*definition->type) +
                                       "\" which cannot be used as an input type."));
      continue;
    }
    const json::value* value = sent.if_contains(text_of(name));
    if (value == nullptr) {
      if (definition->default_value != nullptr) {
        auto by_default =
            coerce_literal(*definition->default_value, *type, nullptr, options.defaults);
        if (by_default) {
          coerced.emplace(text_of(name), std::move(*by_default));
          continue;
        }
        const LiteralReport report = [&](const language::Node&, const PathLink* path,
                                         std::string message) {
          errors.push_back(input_error(source, *definition,
                                       shown + " has invalid default value" +
                                           path_text(segments(path)) + ": " + std::move(message)));
        };
        LiteralCheck(nullptr, false, report).check(*definition->default_value, *type, nullptr);
      } else if (type->is_non_null()) {
        errors.push_back(input_error(source, *definition,
                                     shown +
                                         " has invalid value: Expected a value of non-null type " +
                                         quoted(*type) + " to be provided."));
      }
    } else {
      auto result = coerce_json(*value, *type, options);
      if (result) {
        coerced.emplace(text_of(name), std::move(*result));
        continue;
      }
      for (InputFault& fault : result.error()) {
        errors.push_back(input_error(source, *definition,
                                     shown + " has invalid value" + path_text(fault.path) + ": " +
                                         std::move(fault.message)));
      }
    }
    if (errors.size() > options.errors_max) break;
  }
  if (errors.empty()) return coerced;
  if (errors.size() > options.errors_max) {
    errors.resize(options.errors_max);
    errors.push_back({.message = "Too many errors processing variables, error limit reached. "
                                 "Execution aborted.",
                      .locations = {},
                      .source_name = {},
                      .path = {},
                      .code = ErrorCode::kBadUserInput,
                      .extensions_json = {}});
  }
  return std::unexpected(std::move(errors));
}

std::expected<json::object, GraphQLError> coerce_argument_values(const language::Source& source,
                                                                 const FieldDefinition& definition,
                                                                 const language::Field& field,
                                                                 const json::object& variables,
                                                                 SchemaDefaults defaults) {
  const auto parent = [&] {
    return (definition.parent == nullptr ? "<meta>" : std::string(definition.parent->name)) + "." +
           std::string(definition.name);
  };
  return coerce_arguments({source, field, field.arguments, definition.arguments, parent}, variables,
                          defaults);
}

std::expected<json::object, GraphQLError> coerce_argument_values(
    const language::Source& source, const DirectiveDefinition& definition,
    const language::Directive& directive, const json::object& variables, SchemaDefaults defaults) {
  const auto parent = [&] { return "@" + std::string(definition.name); };
  return coerce_arguments({source, directive, directive.arguments, definition.arguments, parent},
                          variables, defaults);
}

json::object directive_values(const DirectiveDefinition& definition,
                              const AppliedDirective& directive) {
  auto values = coerce_argument_values(*directive.source, definition, *directive.node, {});
  ERRAND_ASSERT(values.has_value());
  return std::move(*values);
}

std::optional<json::value> coerce_literal(const language::Value& literal, const TypeRef& type,
                                          const json::object* variables, SchemaDefaults defaults) {
  return LiteralCoercion(variables, defaults).coerce(literal, type);
}

std::expected<json::value, std::vector<InputFault>> coerce_json(const json::value& value,
                                                                const TypeRef& type,
                                                                const CoercionOptions& options) {
  JsonCoercion coercion(options);
  auto result = coercion.coerce(value, type, nullptr);
  if (!result) return std::unexpected(std::move(coercion.faults()));
  return std::move(*result);
}

void check_literal(
    const language::Value& literal, const TypeRef& type,
    const std::function<void(const language::Node& node, std::string message)>& report) {
  const LiteralReport with_path = [&](const language::Node& node, const PathLink*,
                                      std::string message) { report(node, std::move(message)); };
  LiteralCheck(nullptr, false, with_path).check(literal, type, nullptr);
}

LeafResult parse_leaf_literal(const NamedType& leaf, const language::Value& literal,
                              const json::object* variables) {
  if (const auto* scalar = leaf.get_if<ScalarType>()) {
    return scalar->coercion.parse_literal(literal, variables);
  }
  const auto& type = leaf.as<EnumType>();
  const auto refused = [&](std::string message, const std::string& shown) {
    std::vector<std::string_view> known;
    for (const EnumValueDefinition& value : type.values) known.push_back(value.name);
    return std::unexpected(std::move(message) +
                           did_you_mean("the enum value", suggestion_list(shown, known)));
  };
  const auto* value = literal.get_if<language::EnumValue>();
  if (value == nullptr) {
    const std::string shown = language::print(literal);
    return refused(
        "Enum \"" + std::string(type.name) + "\" cannot represent non-enum value: " + shown + ".",
        shown);
  }
  const std::string shown(value->value);
  if (type.value(shown) == nullptr) {
    return refused(
        "Value \"" + shown + "\" does not exist in \"" + std::string(type.name) + "\" enum.",
        shown);
  }
  return json::value(text_of(shown));
}

LeafResult parse_leaf_value(const NamedType& leaf, const json::value& value) {
  if (const auto* scalar = leaf.get_if<ScalarType>()) return scalar->coercion.parse_value(value);
  const auto& type = leaf.as<EnumType>();
  const auto refused = [&](std::string message, std::string_view shown) {
    std::vector<std::string_view> known;
    for (const EnumValueDefinition& v : type.values) known.push_back(v.name);
    return std::unexpected(std::move(message) +
                           did_you_mean("the enum value", suggestion_list(shown, known)));
  };
  const auto* text = value.if_string();
  if (text == nullptr) {
    const std::string shown = inspect(value);
    return refused(
        "Enum \"" + std::string(type.name) + "\" cannot represent non-string value: " + shown + ".",
        shown);
  }
  const std::string_view name{text->data(), text->size()};
  if (type.value(name) == nullptr) {
    return refused("Value \"" + std::string(name) + "\" does not exist in \"" +
                       std::string(type.name) + "\" enum.",
                   name);
  }
  return value;
}

LeafResult serialize_leaf(const NamedType& leaf, const json::value& value) {
  if (const auto* scalar = leaf.get_if<ScalarType>()) return scalar->coercion.serialize(value);
  const auto& type = leaf.as<EnumType>();
  const auto* text = value.if_string();
  if (text == nullptr || type.value({text->data(), text->size()}) == nullptr) {
    return std::unexpected("Enum \"" + std::string(type.name) +
                           "\" cannot represent value: " + inspect(value));
  }
  return value;
}

}  // namespace errand::graphql::type
