#include "errand/contract/federation.h"

#include <algorithm>
#include <array>
#include <set>

#include "errand/contract/rewrite_schema.h"
#include "errand/contract/standard_schema.h"
#include "errand/graphql/federation/check_federation.h"
#include "errand/graphql/language/ast.h"
#include "errand/graphql/language/parser.h"

namespace errand::contract {
namespace {

namespace federation = graphql::federation;
namespace language = graphql::language;
namespace type = graphql::type;

/// The first version that can fetch an interface by its key.
constexpr int kEntityInterfacesSince = 3;
constexpr std::array<std::string_view, 3> kMachineryTypes{"_Any", "_Entity", "_Service"};
constexpr std::array<std::string_view, 2> kMachineryFields{"_entities", "_service"};

/// Names of the directives and types that `document` defines.
void collect_definitions(const language::Document& document, std::set<std::string>& names) {
  for (const language::Definition* definition : document.definitions()) {
    if (const auto* directive = definition->get_if<language::DirectiveDefinition>()) {
      names.emplace(directive->name.value);
    } else if (const auto* named = definition->get_if<language::TypeDefinition>()) {
      if (!named->is_extension()) names.emplace(named->name.value);
    }
  }
}

bool is_resolvable(const type::AppliedDirective& key) {
  for (const language::Argument* node : key.node->arguments) {
    if (node->name.value != "resolvable") continue;
    const auto* value = node->value->get_if<language::BooleanValue>();
    return value == nullptr || value->value;
  }
  return true;
}

}  // namespace

std::string job_key(const federation::Linkage& linkage) {
  return " @" + linkage.directive("key") + "(fields: \"id\")";
}

std::string job_interface_key(const federation::Linkage& linkage) {
  return linkage.minor() < kEntityInterfacesSince ? "" : job_key(linkage);
}

std::string shareable(const federation::Linkage& linkage) {
  return " @" + linkage.directive("shareable");
}

std::string federation_definitions_sdl(const federation::Linkage& linkage,
                                       std::span<const language::Document> documents) {
  std::set<std::string> known;
  for (const language::Document& document : documents) collect_definitions(document, known);
  // @cost and @listSize mean the same here, and ours stand.
  for (const std::string_view sdl : {directives_sdl(), cost_directives_sdl()}) {
    collect_definitions(*language::parse({.body = std::string(sdl), .name = ""}), known);
  }
  return linkage.definitions_sdl(
      [&](std::string_view name) { return !known.contains(std::string(name)); });
}

std::string federation_link_sdl(const federation::Linkage& linkage,
                                const type::Schema& user_schema) {
  if (linkage.is_written()) return {};
  std::set<std::string_view> names = federation::applied_directives(user_schema, linkage);
  std::erase_if(names, [&](std::string_view name) {
    // What has the same name and is ours stays out of the subgraph's SDL.
    return user_schema.directive(name)->place.source->name == kDirectivesSourceName;
  });
  names.insert({"key", "shareable"});
  return federation::Linkage::link_sdl(names, kEntityInterfacesSince);
}

std::string federation_machinery_sdl(const federation::Linkage& linkage,
                                     const type::Schema& user_schema,
                                     std::span<const JobType> job_types) {
  std::set<std::string> applied{linkage.directive("key"), linkage.directive("shareable"), "link"};
  federation::for_each_applied(user_schema, [&](const type::AppliedDirective& directive) {
    applied.emplace(directive.name());
  });
  std::string sdl = linkage.definitions_sdl([&](std::string_view name) {
    // A definition of the user's is printed with the user's schema. Scalars follow the directives.
    const auto* directive = user_schema.directive(name);
    if (directive != nullptr) {
      return applied.contains(std::string(name)) &&
             directive->place.source->name == kFederationSourceName;
    }
    const auto* scalar = user_schema.type(name);
    return scalar != nullptr && scalar->place.source->name == kFederationSourceName;
  });
  const type::ObjectType* query = user_schema.query_type();
  sdl += R"graphql(
"The part of a supergraph that this server is."
type _Service {
  "The schema to compose a supergraph of."
  sdl: String!
}
)graphql";
  if (!job_types.empty()) {
    sdl += R"graphql(
"A reference to an entity: its __typename and the fields of its key."
scalar _Any

"What can be fetched by its key."
union _Entity =)graphql";
    for (const JobType& job : job_types) sdl += " | " + job.object_name;
    sdl += '\n';
  }
  sdl += "\nextend type " + std::string(query == nullptr ? "Query" : query->name) + " {";
  if (!job_types.empty()) {
    sdl += R"graphql(
  "For gateways: the entities that the representations name, in their order; null for one that the viewer may not see."
  _entities(representations: [_Any!]!): [_Entity]!)graphql";
  }
  sdl += R"graphql(
  "For gateways: what a supergraph is composed of."
  _service: _Service!
}
)graphql";
  return sdl;
}

void check_federation_rules(const type::Schema& user_schema, const federation::Linkage& linkage,
                            SchemaErrors& errors) {
  federation::check_federation(user_schema, linkage,
                               [&](const type::Place& place, std::string message) {
                                 errors.add(place, std::move(message));
                               });
  for (const std::string_view name : kMachineryTypes) {
    const type::NamedType* clash = user_schema.type(name);
    if (clash == nullptr) continue;
    errors.add(clash->place,
               "the type " + std::string(name) + " is part of every subgraph; remove this one");
  }
  if (const type::ObjectType* query = user_schema.query_type()) {
    for (const std::string_view name : kMachineryFields) {
      const type::FieldDefinition* clash = query->field(name);
      if (clash == nullptr) continue;
      errors.add(clash->place, "the field " + std::string(query->name) + "." + std::string(name) +
                                   " is part of every subgraph; remove this one");
    }
  }
  const std::string key = linkage.directive("key");
  const std::string required = linkage.directive("requires");
  for (const type::NamedType* named : user_schema.types()) {
    const auto* with_fields = named->get_if<type::FieldsType>();
    if (with_fields == nullptr) continue;
    for (const type::AppliedDirective& directive : named->directives) {
      if (directive.name() != key || !is_resolvable(directive)) continue;
      errors.add(directive.place(), "only jobs can be fetched here by a key, so " +
                                        std::string(named->name) +
                                        " can only be referred to; add resolvable: false");
    }
    for (const type::FieldDefinition& field : with_fields->fields) {
      const auto* directive = type::find_directive(field.directives, required);
      if (directive == nullptr) continue;
      errors.add(directive->place(), "only jobs can be fetched here by a key, so " +
                                         std::string(named->name) + "." + std::string(field.name) +
                                         " never gets what it requires; remove @" + required);
    }
  }
}

}  // namespace errand::contract
