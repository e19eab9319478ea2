#include "errand/graphql/type/coerce.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "errand/base/assert.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/input_faults.h"
#include "errand/graphql/type/inspect.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;
using language::GraphQLError;
using language::Kind;
using language::PathSegment;

json::string_view text_of(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view_of(json::string_view text) { return {text.data(), text.size()}; }
std::string quoted(const TypeRef& type) { return '"' + type.str() + '"'; }

// ---- JSON ----

/// Whether `value` already is what coercion to `leaf` gives, so that it can be copied as it stands
/// into memory of the caller's choice. False where that takes more than a look.
bool is_coerced(const json::value& value, const NamedType& leaf) {
  if (const auto* enumeration = leaf.get_if<EnumType>()) {
    return value.is_string() && enumeration->value(view_of(value.get_string())) != nullptr;
  }
  switch (leaf.as<ScalarType>().scalar) {
    case BuiltInScalar::kString:
    case BuiltInScalar::kId:
      return value.is_string();
    case BuiltInScalar::kBoolean:
      return value.is_bool();
    case BuiltInScalar::kInt:
      return value.is_int64() && std::in_range<std::int32_t>(value.get_int64());
    default:
      return false;
  }
}

bool is_coerced(const json::value& value, const TypeRef& type);

/// The same of an input object, whose members must stand in the order of the type's fields.
bool is_coerced(const json::object& members, const InputObjectType& type) {
  const auto* member = members.begin();
  for (const InputValueDefinition& field : type.fields) {
    if (member != members.end() && view_of(member->key()) == field.name) {
      if (!is_coerced(member->value(), field.type)) return false;
      ++member;
    } else if (field.is_required() || field.default_value) {
      return false;
    }
  }
  return member == members.end() && !type.is_one_of;
}

/// The same of any value; as deep as the value, which its parser has bounded.
bool is_coerced(const json::value& value, const TypeRef& type) {
  if (value.is_null()) return !type.is_non_null();
  if (type.is_list()) {
    const auto* items = value.if_array();
    return items != nullptr && std::ranges::all_of(*items, [&](const json::value& item) {
             return is_coerced(item, type.item());
           });
  }
  if (const auto* object = type.named().get_if<InputObjectType>()) {
    return value.is_object() && is_coerced(value.get_object(), *object);
  }
  return is_coerced(value, type.named());
}

/// Finds the members of an input object by the names of its type's fields. Most clients send them
/// in that order and leave out many, so that a look at the next member tells.
class Members {
 public:
  explicit Members(const json::object& members) : members_(members), next_(members.begin()) {}

  /// @return nullptr where there is none.
  const json::value* find(std::string_view name) {
    if (all_found()) return nullptr;
    const auto found = next_ != members_.end() && view_of(next_->key()) == name
                           ? next_
                           : members_.find(text_of(name));
    if (found == members_.end()) return nullptr;
    ++found_;
    next_ = std::next(found);
    return &found->value();
  }

  [[nodiscard]] std::size_t found() const noexcept { return found_; }
  [[nodiscard]] bool all_found() const noexcept { return found_ == members_.size(); }

 private:
  const json::object& members_;
  json::object::const_iterator next_;
  std::size_t found_ = 0;
};

class JsonCoercion {
 public:
  explicit JsonCoercion(const CoercionOptions& options) : options_(options) {}

  std::optional<json::value> coerce(const json::value& value, const TypeRef& type,
                                    const PathLink* path) {
    if (value.is_null()) {
      if (!type.is_non_null()) return json::value();
      report(path, must_not_be_null(type));
      return std::nullopt;
    }
    if (type.is_list()) return coerce_list(value, type.item(), path);
    if (const auto* object = type.named().get_if<InputObjectType>()) {
      return coerce_object(value, *object, path);
    }
    if (is_coerced(value, type.named())) return json::value(value, options_.storage);
    LeafResult leaf = parse_leaf_value(type.named(), value);
    if (leaf) return json::value(std::move(*leaf), options_.storage);
    report(path, std::move(leaf.error()));
    return std::nullopt;
  }

  std::vector<InputFault>& faults() { return faults_; }

 private:
  std::optional<json::value> coerce_list(const json::value& value, const TypeRef& item_type,
                                         const PathLink* path) {
    json::array result(options_.storage);
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
    json::object result(options_.storage);
    result.reserve(members->size());
    Members known(*members);
    for (const InputValueDefinition& field : type.fields) {
      const json::value* member = known.find(field.name);
      if (member == nullptr) {
        if (field.is_required()) {
          report(path, missing_field(type, field, inspect(value)));
          good = false;
        } else if (field.default_value && options_.defaults == SchemaDefaults::kFill) {
          result.emplace(text_of(field.name), *field.default_value);
        }
        continue;
      }
      const PathLink link{path, field.name, 0, false};
      auto coerced = coerce(*member, field.type, &link);
      good = good && coerced.has_value();
      if (good) result.emplace(text_of(field.name), std::move(*coerced));
    }
    if (!known.all_found()) {
      for (const auto& member : *members) {
        if (type.field(view_of(member.key())) != nullptr) continue;
        report(path, unknown_field(type, view_of(member.key()), inspect(value)));
        good = false;
      }
    }
    if (type.is_one_of) {
      if (known.found() != 1) {
        report(path, not_one_of(type));
        good = false;
      }
      const auto first = std::ranges::find_if(*members, [&](const auto& member) {
        return type.field(view_of(member.key())) != nullptr;
      });
      if (first != members->end() && first->value().is_null()) {
        const PathLink link{path, view_of(first->key()), 0, false};
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

class LiteralCoercion {
 public:
  LiteralCoercion(const json::object* variables, SchemaDefaults defaults, json::storage_ptr storage)
      : variables_(variables), defaults_(defaults), storage_(std::move(storage)) {}

  [[nodiscard]] std::optional<json::value> coerce(const language::Value& literal,
                                                  const TypeRef& type) const {
    if (const auto* variable = literal.get_if<language::Variable>()) {
      const json::value* value = variable_value(*variable, variables_);
      if (value == nullptr || (value->is_null() && type.is_non_null())) return std::nullopt;
      return json::value(*value, storage_);
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
    return json::value(std::move(*leaf), storage_);
  }

 private:
  [[nodiscard]] std::optional<json::value> coerce_list(const language::Value& literal,
                                                       const TypeRef& item_type) const {
    json::array result(storage_);
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
    json::object result(storage_);
    result.reserve(object->fields.size());
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
  json::storage_ptr storage_;
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
                                                           SchemaDefaults defaults,
                                                           const json::storage_ptr& storage) {
  json::object result(storage);
  result.reserve(of.nodes.size());
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
    auto value = coerce_literal(*node->value, definition.type, &variables, defaults, storage);
    if (!value) {
      std::optional<GraphQLError> first;
      const LiteralReport report = [&](const language::Node& at, const PathLink* path,
                                       std::string message) {
        if (first) return;
        first = input_error(of.source, at,
                            shown(definition) + " has invalid value" + path_text(segments(path)) +
                                ": " + std::move(message));
      };
      find_literal_faults(*node->value, definition.type, &variables, true, report);
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
  json::object coerced(options.storage);
  coerced.reserve(operation.variable_definitions.size());
  std::vector<GraphQLError> errors;
  for (const language::VariableDefinition* definition : operation.variable_definitions) {
    const std::string_view name = definition->variable->name.value;
    const auto shown = [&] { return "Variable \"$" + std::string(name) + '"'; };
    const auto type = schema.type_from_ast(*definition->type);
    if (!type || !type->named().is_input()) {
      errors.push_back(input_error(source, *definition->type,
                                   shown() + " expected value of type \"" +
                                       language::print(*definition->type) +
                                       "\" which cannot be used as an input type."));
      continue;
    }
    const json::value* value = sent.if_contains(text_of(name));
    if (value == nullptr) {
      if (definition->default_value != nullptr) {
        auto by_default = coerce_literal(*definition->default_value, *type, nullptr,
                                         options.defaults, options.storage);
        if (by_default) {
          coerced.emplace(text_of(name), std::move(*by_default));
          continue;
        }
        const LiteralReport report = [&](const language::Node&, const PathLink* path,
                                         std::string message) {
          errors.push_back(input_error(source, *definition,
                                       shown() + " has invalid default value" +
                                           path_text(segments(path)) + ": " + std::move(message)));
        };
        find_literal_faults(*definition->default_value, *type, nullptr, false, report);
      } else if (type->is_non_null()) {
        errors.push_back(input_error(source, *definition,
                                     shown() +
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
                                     shown() + " has invalid value" + path_text(fault.path) + ": " +
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

bool are_coerced(const Schema& schema, const language::OperationDefinition& operation,
                 const json::object& sent) {
  const auto* member = sent.begin();
  for (const language::VariableDefinition* definition : operation.variable_definitions) {
    const auto type = schema.type_from_ast(*definition->type);
    if (!type || !type->named().is_input()) return false;
    if (member != sent.end() && view_of(member->key()) == definition->variable->name.value) {
      if (!is_coerced(member->value(), *type)) return false;
      ++member;
    } else if (definition->default_value != nullptr || type->is_non_null()) {
      return false;
    }
  }
  return member == sent.end();
}

bool are_arguments(const FieldDefinition& definition, const language::Field& field,
                   const json::object& variables) {
  const auto* member = variables.begin();
  for (const InputValueDefinition& argument : definition.arguments) {
    const auto node = std::ranges::find_if(
        field.arguments, [&](const auto* given) { return given->name.value == argument.name; });
    if (node != field.arguments.end()) {
      const auto* variable = (*node)->value->get_if<language::Variable>();
      if (variable == nullptr || variable->name.value != argument.name) return false;
    }
    if (node != field.arguments.end() && member != variables.end() &&
        view_of(member->key()) == argument.name) {
      if (member->value().is_null() && argument.type.is_non_null()) return false;
      ++member;
    } else if (argument.is_required() || argument.default_value) {
      return false;
    }
  }
  return member == variables.end();
}

std::expected<json::object, GraphQLError> coerce_argument_values(
    const language::Source& source, const FieldDefinition& definition, const language::Field& field,
    const json::object& variables, SchemaDefaults defaults, json::storage_ptr storage) {
  const auto parent = [&] {
    return (definition.parent == nullptr ? "<meta>" : std::string(definition.parent->name)) + "." +
           std::string(definition.name);
  };
  return coerce_arguments({source, field, field.arguments, definition.arguments, parent}, variables,
                          defaults, storage);
}

std::expected<json::object, GraphQLError> coerce_argument_values(
    const language::Source& source, const DirectiveDefinition& definition,
    const language::Directive& directive, const json::object& variables, SchemaDefaults defaults) {
  const auto parent = [&] { return "@" + std::string(definition.name); };
  return coerce_arguments({source, directive, directive.arguments, definition.arguments, parent},
                          variables, defaults, {});
}

json::object directive_values(const DirectiveDefinition& definition,
                              const AppliedDirective& directive) {
  auto values = coerce_argument_values(*directive.source, definition, *directive.node, {});
  ERRAND_ASSERT(values.has_value());
  return std::move(*values);
}

std::optional<json::value> coerce_literal(const language::Value& literal, const TypeRef& type,
                                          const json::object* variables, SchemaDefaults defaults,
                                          json::storage_ptr storage) {
  return LiteralCoercion(variables, defaults, std::move(storage)).coerce(literal, type);
}

std::expected<json::value, std::vector<InputFault>> coerce_json(const json::value& value,
                                                                const TypeRef& type,
                                                                const CoercionOptions& options) {
  JsonCoercion coercion(options);
  auto result = coercion.coerce(value, type, nullptr);
  if (!result) return std::unexpected(std::move(coercion.faults()));
  return std::move(*result);
}

}  // namespace errand::graphql::type
