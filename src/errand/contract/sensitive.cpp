#include "errand/contract/sensitive.h"

#include <string>
#include <unordered_set>
#include <utility>

#include <boost/json/array.hpp>

namespace errand::contract {
namespace {

namespace json = boost::json;
namespace type = graphql::type;

bool is_sensitive(const type::InputValueDefinition& value) {
  return type::find_directive(value.directives, "sensitive") != nullptr;
}

json::value redacted() {
  return json::value(json::string_view(kRedacted.data(), kRedacted.size()));
}

/// Looks at each input object once, so that types which refer to each other cost no more than
/// others.
class CoordinateFinder {
 public:
  void visit(const type::InputValueDefinition& value, const std::string& coordinate) {
    if (is_sensitive(value)) {
      found_.push_back(coordinate);
      return;
    }
    const auto* object = value.type.named().get_if<type::InputObjectType>();
    if (object == nullptr || !visited_.insert(object).second) return;
    for (const type::InputValueDefinition& field : object->fields) {
      visit(field, std::string(object->name) + "." + std::string(field.name));
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

 private:
  std::unordered_set<const type::InputObjectType*> visited_;
  std::vector<std::string> found_;
};

json::value redact_value(const json::value& value, const type::NamedType& named);

template <class Definitions>
json::object redact_members(const json::object& members, const Definitions& find) {
  json::object result;
  result.reserve(members.size());
  for (const auto& member : members) {
    const type::InputValueDefinition* definition = find({member.key().data(), member.key().size()});
    if (member.value().is_null()) {
      result.emplace(member.key(), nullptr);
    } else if (definition == nullptr || is_sensitive(*definition)) {
      result.emplace(member.key(), redacted());
    } else {
      result.emplace(member.key(), redact_value(member.value(), definition->type.named()));
    }
  }
  return result;
}

json::value redact_value(const json::value& value, const type::NamedType& named) {
  const auto* object = named.get_if<type::InputObjectType>();
  if (object == nullptr) return value;
  if (const auto* list = value.if_array()) {
    json::array items;
    items.reserve(list->size());
    for (const json::value& item : *list) items.push_back(redact_value(item, named));
    return items;
  }
  const auto* members = value.if_object();
  if (members == nullptr) return value;
  return redact_members(*members, [&](std::string_view name) { return object->field(name); });
}

}  // namespace

std::vector<std::string> sensitive_coordinates(const type::FieldDefinition& field) {
  CoordinateFinder finder;
  for (const type::InputValueDefinition& argument : field.arguments) {
    finder.visit(argument, std::string(field.name) + "(" + std::string(argument.name) + ":)");
  }
  return finder.take();
}

json::object redact_arguments(const type::FieldDefinition& field, const json::object& arguments) {
  return redact_members(arguments, [&](std::string_view name) { return field.argument(name); });
}

}  // namespace errand::contract
