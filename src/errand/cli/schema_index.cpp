#include "errand/cli/schema_index.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace errand::cli {

namespace {

constexpr std::string_view kQuery = R"(query Types {
  __schema {
    mutationType { name }
    types {
      kind name
      fields(includeDeprecated: true) {
        name
        args { name defaultValue type { ...Ref } }
        type { ...Ref }
      }
      possibleTypes { name }
    }
  }
}
fragment Ref on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
})";

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

const boost::json::object* object_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}

const boost::json::array& array_of(const boost::json::object& object, std::string_view key) {
  static const boost::json::array kEmpty;
  const auto* value = object.if_contains(key);
  return value && value->is_array() ? value->get_array() : kEmpty;
}

/// A type reference as GraphQL writes it.
std::string written(const boost::json::object& reference) {
  const auto* inner = object_of(reference, "ofType");
  const std::string kind = text_of(reference, "kind");
  if (kind == "NON_NULL" && inner) return written(*inner) + "!";
  if (kind == "LIST" && inner) return "[" + written(*inner) + "]";
  return text_of(reference, "name");
}

std::string named(const boost::json::object& reference) {
  const auto* inner = object_of(reference, "ofType");
  return inner ? named(*inner) : text_of(reference, "name");
}

}  // namespace

Result<SchemaIndex> SchemaIndex::fetch(const GraphqlClient& client) {
  const auto data = client.execute(kQuery, {});
  if (!data) return std::unexpected(data.error());
  const auto* schema = object_of(*data, "__schema");
  if (!schema) {
    return fail(ErrorCode::kForbidden,
                "the server does not show its schema; this command needs introspection");
  }
  SchemaIndex index;
  if (const auto* mutation = object_of(*schema, "mutationType")) {
    index.mutation_type_ = text_of(*mutation, "name");
  }
  for (const auto& item : array_of(*schema, "types")) {
    const auto& type = item.as_object();
    Type& entry = index.types_[text_of(type, "name")];
    entry.kind = text_of(type, "kind");
    for (const auto& field_item : array_of(type, "fields")) {
      const auto& field = field_item.as_object();
      Field parsed;
      parsed.type = named(*object_of(field, "type"));
      for (const auto& argument_item : array_of(field, "args")) {
        const auto& argument = argument_item.as_object();
        const auto& reference = *object_of(argument, "type");
        parsed.arguments.push_back(
            {text_of(argument, "name"), written(reference), named(reference)});
        parsed.needs_arguments |=
            text_of(reference, "kind") == "NON_NULL" && text_of(argument, "defaultValue").empty();
      }
      entry.fields.emplace_back(text_of(field, "name"), std::move(parsed));
    }
    for (const auto& possible : array_of(type, "possibleTypes")) {
      entry.possible_types.push_back(text_of(possible.as_object(), "name"));
    }
  }
  return index;
}

const SchemaIndex::Field* SchemaIndex::find_field(std::string_view type,
                                                  std::string_view field) const {
  const auto entry = types_.find(type);
  if (entry == types_.end()) return nullptr;
  const auto& fields = entry->second.fields;
  const auto found =
      std::ranges::find(fields, field, [](const auto& f) { return std::string_view(f.first); });
  return found == fields.end() ? nullptr : &found->second;
}

const std::vector<SchemaIndex::Argument>* SchemaIndex::mutation_arguments(
    std::string_view field) const {
  const Field* found = find_field(mutation_type_, field);
  return found ? &found->arguments : nullptr;
}

std::vector<std::string> SchemaIndex::job_mutations() const {
  std::vector<std::string> names;
  const auto mutation = types_.find(mutation_type_);
  if (mutation == types_.end()) return names;
  for (const auto& [name, field] : mutation->second.fields) {
    const bool has_options = std::ranges::any_of(
        field.arguments, [](const Argument& a) { return a.named_type.ends_with("JobOptions"); });
    if (has_options) names.push_back(name);
  }
  return names;
}

std::string SchemaIndex::field_type(std::string_view type, std::string_view field) const {
  const Field* found = find_field(type, field);
  return found ? found->type : std::string();
}

std::string SchemaIndex::selection(std::string_view type, int depth) const {
  const auto entry = types_.find(type);
  if (entry == types_.end()) return "";
  const std::string& kind = entry->second.kind;
  if (kind != "OBJECT" && kind != "INTERFACE" && kind != "UNION") return "";
  std::string out = "{";
  // An object's type is known; of an abstract one it is the first thing to see.
  if (kind != "OBJECT") out += " __typename";
  if (depth > 0) {
    for (const auto& [name, field] : entry->second.fields) {
      if (field.needs_arguments) continue;
      const auto inner = types_.find(field.type);
      const bool composite = inner != types_.end() &&
                             (inner->second.kind == "OBJECT" || inner->second.kind == "INTERFACE" ||
                              inner->second.kind == "UNION");
      if (!composite) {
        out += " " + name;
      } else if (depth > 1) {
        out += " " + name + " " + selection(field.type, depth - 1);
      }
    }
    if (kind == "UNION") {
      for (const auto& possible : entry->second.possible_types) {
        out += fmt::format(" ... on {} {}", possible, selection(possible, depth - 1));
      }
    }
  }
  // Fields that all take arguments, or lie too deep, leave nothing else to select.
  if (out == "{") out += " __typename";
  return out + " }";
}

}  // namespace errand::cli
