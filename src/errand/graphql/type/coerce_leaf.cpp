#include <string>
#include <utility>
#include <vector>

#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/coerce.h"
#include "errand/graphql/type/inspect.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::graphql::type {
namespace {

namespace json = boost::json;

/// "`message` Did you mean the enum value ...?"
std::unexpected<std::string> refused(const EnumType& type, std::string message,
                                     std::string_view shown) {
  std::vector<std::string_view> known;
  for (const EnumValueDefinition& value : type.values) known.push_back(value.name);
  return std::unexpected(std::move(message) +
                         did_you_mean("the enum value", suggestion_list(shown, known)));
}

std::string not_in_enum(const EnumType& type, std::string_view name) {
  return "Value \"" + std::string(name) + "\" does not exist in \"" + std::string(type.name) +
         "\" enum.";
}

}  // namespace

LeafResult parse_leaf_literal(const NamedType& leaf, const language::Value& literal,
                              const json::object* variables) {
  if (const auto* scalar = leaf.get_if<ScalarType>()) {
    return scalar->coercion.parse_literal(literal, variables);
  }
  const auto& type = leaf.as<EnumType>();
  const auto* value = literal.get_if<language::EnumValue>();
  if (value == nullptr) {
    const std::string shown = language::print(literal);
    return refused(
        type,
        "Enum \"" + std::string(type.name) + "\" cannot represent non-enum value: " + shown + ".",
        shown);
  }
  if (type.value(value->value) == nullptr) {
    return refused(type, not_in_enum(type, value->value), value->value);
  }
  return json::value(json::string_view(value->value.data(), value->value.size()));
}

LeafResult parse_leaf_value(const NamedType& leaf, const json::value& value) {
  if (const auto* scalar = leaf.get_if<ScalarType>()) return scalar->coercion.parse_value(value);
  const auto& type = leaf.as<EnumType>();
  const auto* text = value.if_string();
  if (text == nullptr) {
    const std::string shown = inspect(value);
    return refused(
        type,
        "Enum \"" + std::string(type.name) + "\" cannot represent non-string value: " + shown + ".",
        shown);
  }
  const std::string_view name{text->data(), text->size()};
  if (type.value(name) == nullptr) return refused(type, not_in_enum(type, name), name);
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
