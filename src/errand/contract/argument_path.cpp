#include "errand/contract/argument_path.h"

namespace errand::contract {

namespace type = graphql::type;

const type::InputValueDefinition* follow_path(const type::FieldDefinition& field,
                                              std::string_view path) {
  const type::InputValueDefinition* value = nullptr;
  for (bool first = true; first || !path.empty(); first = false) {
    const auto dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (first) {
      value = field.argument(name);
    } else {
      const auto* object = value->type.named().get_if<type::InputObjectType>();
      value = object == nullptr ? nullptr : object->field(name);
    }
    if (value == nullptr) return nullptr;
  }
  return value;
}

std::string sample_path(const type::FieldDefinition& field) {
  return field.arguments.empty() ? "input.account" : std::string(field.arguments.front().name);
}

}  // namespace errand::contract
