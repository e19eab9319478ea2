#include "errand/contract/sensitive.h"

#include <algorithm>
#include <string>
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

class PathFinder {
 public:
  void visit(const type::InputValueDefinition& value) {
    path_.emplace_back(value.name);
    if (is_sensitive(value)) {
      found_.push_back(path_);
    } else if (const auto* object = value.type.named().get_if<type::InputObjectType>()) {
      if (std::ranges::find(open_, object) == open_.end()) {
        open_.push_back(object);
        for (const type::InputValueDefinition& field : object->fields) visit(field);
        open_.pop_back();
      }
    }
    path_.pop_back();
  }

  std::vector<InputPath> take() { return std::move(found_); }

 private:
  InputPath path_;
  std::vector<const type::InputObjectType*> open_;
  std::vector<InputPath> found_;
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

std::vector<InputPath> sensitive_paths(const type::FieldDefinition& field) {
  PathFinder finder;
  for (const type::InputValueDefinition& argument : field.arguments) finder.visit(argument);
  return finder.take();
}

json::object redact_arguments(const type::FieldDefinition& field, const json::object& arguments) {
  return redact_members(arguments, [&](std::string_view name) { return field.argument(name); });
}

}  // namespace errand::contract
