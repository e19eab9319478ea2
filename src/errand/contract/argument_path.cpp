#include "errand/contract/argument_path.h"

namespace errand::contract {

namespace type = graphql::type;

const type::InputValueDefinition* follow_path(const type::FieldDefinition& field,
                                              std::string_view path) {
  auto dot = path.find('.');
  const type::InputValueDefinition* value = field.argument(path.substr(0, dot));
  while (value != nullptr && dot != std::string_view::npos) {
    if (value->type.is_list()) return nullptr;
    const auto* object = value->type.named().get_if<type::InputObjectType>();
    if (object == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
    dot = path.find('.');
    value = object->field(path.substr(0, dot));
  }
  return value;
}

std::string list_hint(const type::FieldDefinition& field, std::string_view path) {
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    const type::InputValueDefinition* value = follow_path(field, path.substr(0, dot));
    if (value == nullptr) return {};
    if (!value->type.is_list()) continue;
    return " (\"" + std::string(path.substr(0, dot)) + "\" is a list, into which no path leads)";
  }
  return {};
}

std::string sample_path(const type::FieldDefinition& field) {
  return field.arguments.empty() ? "input.account" : std::string(field.arguments.front().name);
}

}  // namespace errand::contract
