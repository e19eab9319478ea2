#include "errand/contract/rewrite_schema.h"

#include <algorithm>
#include <array>
#include <utility>

#include "errand/base/assert.h"
#include "errand/contract/event_types.h"
#include "errand/contract/federation.h"
#include "errand/contract/notification_schema.h"
#include "errand/contract/standard_schema.h"
#include "errand/contract/webhook_schema.h"
#include "errand/graphql/language/lexer.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/print_schema.h"

namespace errand::contract {
namespace {

namespace language = graphql::language;
namespace type = graphql::type;
using language::OperationType;
using language::TokenKind;

constexpr std::string_view kJobFieldsMark = "#JOB_FIELDS#";
constexpr std::string_view kJobKeyMark = "#JOB_KEY#";
constexpr std::string_view kEventFieldsMark = "#EVENT_FIELDS#";
constexpr std::string_view kEventTypesMark = "#EVENT_TYPES#";
constexpr std::string_view kPageInfoMark = "#PAGE_INFO_SHARED#";
/// Those that tell clients nothing.
constexpr std::array<std::string_view, 5> kOurDirectives{"job", "notify", "schedule", "auth",
                                                         "sensitive"};

void replace_mark(std::string& sdl, std::string_view mark, std::string_view by) {
  const auto place = sdl.find(mark);
  ERRAND_ASSERT(place != std::string::npos);
  sdl.replace(place, mark.size(), by);
}

/// The status schema's types as one text.
std::string standard_types(const graphql::federation::Linkage* linkage = nullptr) {
  std::string sdl(standard_types_sdl());
  sdl += webhook_types_sdl();
  sdl += notification_types_sdl();
  replace_mark(sdl, kJobFieldsMark, job_fields_sdl());
  replace_mark(sdl, kEventFieldsMark, event_fields_sdl());
  replace_mark(sdl, kEventTypesMark, event_types_sdl());
  replace_mark(sdl, kJobKeyMark, linkage == nullptr ? "" : job_interface_key(*linkage));
  replace_mark(sdl, kPageInfoMark, linkage == nullptr ? "" : shareable(*linkage));
  return sdl;
}

std::string root_fields_sdl(OperationType operation) {
  std::string fields;
  switch (operation) {
    case OperationType::kQuery:
      fields += query_fields_sdl();
      fields += webhook_query_fields_sdl();
      fields += notification_query_fields_sdl();
      break;
    case OperationType::kMutation:
      fields += mutation_fields_sdl();
      fields += webhook_mutation_fields_sdl();
      fields += notification_mutation_fields_sdl();
      break;
    case OperationType::kSubscription:
      fields += subscription_fields_sdl();
      fields += notification_subscription_fields_sdl();
      break;
  }
  return fields;
}

std::string_view default_root_name(OperationType operation) {
  switch (operation) {
    case OperationType::kQuery:
      return "Query";
    case OperationType::kMutation:
      return "Mutation";
    case OperationType::kSubscription:
      return "Subscription";
  }
  return {};
}

std::vector<std::string> names_of_types(const std::string& sdl) {
  const auto document = language::parse({.body = sdl, .name = "Errand's status schema"});
  ERRAND_ASSERT(document.has_value());
  std::vector<std::string> names;
  for (const language::Definition* definition : document->definitions()) {
    names.emplace_back(definition->as<language::TypeDefinition>().name.value);
  }
  return names;
}

std::vector<std::string> names_of_fields(std::string_view fields) {
  const auto document =
      language::parse({.body = "type T {" + std::string(fields) + "}", .name = "Errand's fields"});
  ERRAND_ASSERT(document.has_value());
  std::vector<std::string> names;
  const auto& object = document->definitions().front()->as<language::ObjectTypeDefinition>();
  for (const language::FieldDefinition* field : object.fields) {
    names.emplace_back(field->name.value);
  }
  return names;
}

/// Puts the prefix to the names of our types in `sdl`; with `root_fields` also to the names of its
/// fields, which are then those of a root type. Our type names are no names of anything else in it.
std::string with_prefix(std::string_view sdl, const Names& names, bool root_fields) {
  if (names.prefix().empty()) return std::string(sdl);
  const auto ours = standard_type_names();
  std::string result;
  language::Arena arena;
  language::Lexer lexer(sdl, arena);
  std::size_t copied = 0;
  int depth = 0;
  TokenKind previous = TokenKind::kStartOfFile;
  for (auto token = lexer.next(); token.kind != TokenKind::kEndOfFile; token = lexer.next()) {
    ERRAND_ASSERT(token.kind != TokenKind::kInvalid);
    if (token.kind == TokenKind::kParenLeft) ++depth;
    if (token.kind == TokenKind::kParenRight) --depth;
    if (token.kind == TokenKind::kName) {
      result += sdl.substr(copied, token.start - copied);
      copied = token.end;
      const bool is_type = std::ranges::find(ours, token.value) != ours.end();
      const bool is_field = root_fields && depth == 0 && previous != TokenKind::kColon &&
                            previous != TokenKind::kBracketLeft && previous != TokenKind::kAt;
      result += is_field  ? names.field(token.value)
                : is_type ? names.type(token.value)
                          : std::string(token.value);
    }
    previous = token.kind;
  }
  result += sdl.substr(copied);
  return result;
}

/// Whether a type or argument of the user refers to the scalar `name`.
bool refers_to(const type::Schema& schema, std::string_view name) {
  const type::NamedType* scalar = schema.type(name);
  if (scalar == nullptr) return false;
  const auto is_it = [&](const auto& part) { return &part.type.named() == scalar; };
  return std::ranges::any_of(schema.types(), [&](const type::NamedType* named) {
    if (const auto* with_fields = named->get_if<type::FieldsType>()) {
      return std::ranges::any_of(with_fields->fields, [&](const type::FieldDefinition& field) {
        return is_it(field) || std::ranges::any_of(field.arguments, is_it);
      });
    }
    const auto* input = named->get_if<type::InputObjectType>();
    return input != nullptr && std::ranges::any_of(input->fields, is_it);
  });
}

bool uses_constraint(const type::Schema& schema) {
  const auto constrained = [](const type::InputValueDefinition& value) {
    return type::find_directive(value.directives, "constraint") != nullptr;
  };
  return std::ranges::any_of(schema.types(), [&](const type::NamedType* named) {
    if (const auto* with_fields = named->get_if<type::FieldsType>()) {
      return std::ranges::any_of(with_fields->fields, [&](const type::FieldDefinition& field) {
        return std::ranges::any_of(field.arguments, constrained);
      });
    }
    const auto* input = named->get_if<type::InputObjectType>();
    return input != nullptr && std::ranges::any_of(input->fields, constrained);
  });
}

}  // namespace

bool is_ours(const type::Described& definition) {
  return definition.place.source != nullptr &&
         (definition.place.source->name == kDirectivesSourceName ||
          definition.place.source->name == kScalarsSourceName ||
          definition.place.source->name == kFederationSourceName);
}

std::span<const std::string> standard_type_names() {
  static const std::vector<std::string> kNames = names_of_types(standard_types());
  return kNames;
}

std::span<const std::string> standard_root_fields(OperationType operation) {
  static const std::array<std::vector<std::string>, 3> kNames{
      names_of_fields(root_fields_sdl(OperationType::kQuery)),
      names_of_fields(root_fields_sdl(OperationType::kMutation)),
      names_of_fields(root_fields_sdl(OperationType::kSubscription))};
  return kNames[static_cast<std::size_t>(operation)];
}

std::string all_directives_sdl() {
  return std::string(directives_sdl()) + std::string(cost_directives_sdl());
}

std::span<const std::string> our_directive_names() {
  static const std::vector<std::string> kNames = [] {
    const auto document =
        language::parse({.body = all_directives_sdl(), .name = std::string(kDirectivesSourceName)});
    ERRAND_ASSERT(document.has_value());
    std::vector<std::string> names;
    for (const language::Definition* definition : document->definitions()) {
      if (const auto* directive = definition->get_if<language::DirectiveDefinition>()) {
        names.emplace_back(directive->name.value);
      }
    }
    return names;
  }();
  return kNames;
}

std::string rewrite_schema(const type::Schema& user_schema, std::span<const JobType> job_types,
                           const Names& names, const graphql::federation::Linkage* linkage) {
  constexpr std::array<OperationType, 3> kOperations{
      OperationType::kQuery, OperationType::kMutation, OperationType::kSubscription};
  const bool with_constraint = uses_constraint(user_schema);

  type::PrintOptions options;
  options.directives = [](std::string_view name) {
    return std::ranges::find(kOurDirectives, name) == kOurDirectives.end();
  };
  options.definitions = [&](const type::Described& definition) {
    if (!is_ours(definition)) return true;
    // These tell clients something.
    if (definition.name == "cost" || definition.name == "listSize") return true;
    return with_constraint && definition.name == "constraint" &&
           definition.place.node == user_schema.directive("constraint")->place.node;
  };
  options.field_changes =
      [&](const type::FieldDefinition& field) -> std::optional<type::PrintOptions::FieldChange> {
    const auto job = std::ranges::find(job_types, &field, &JobType::field);
    if (job == job_types.end()) return std::nullopt;
    return type::PrintOptions::FieldChange{
        job->object_name, names.options_argument() + ": " + names.type("JobOptions")};
  };
  options.further_fields = [&](const type::NamedType& named) -> std::string {
    for (const OperationType operation : kOperations) {
      if (user_schema.root_type(operation) != &named) continue;
      return with_prefix(root_fields_sdl(operation), names, true);
    }
    return {};
  };
  std::string sdl = print_schema(user_schema, options);

  for (const OperationType operation : kOperations) {
    if (user_schema.root_type(operation) != nullptr) continue;
    const std::string name(default_root_name(operation));
    // A type of the user that merely has a root type's name becomes the root type.
    const bool exists = user_schema.type(name) != nullptr;
    sdl += "\n" + std::string(exists ? "extend " : "") + "type " + name + " {" +
           with_prefix(root_fields_sdl(operation), names, true) + "}\n";
    if (sdl.starts_with("schema ") || sdl.find("\nschema ") != std::string::npos) {
      sdl +=
          "extend schema { " + std::string(language::to_string(operation)) + ": " + name + " }\n";
    }
  }

  const std::string job_fields = with_prefix(job_fields_sdl(), names, false);
  for (const JobType& job : job_types) {
    const std::string description =
        "A job that " + std::string(job.name.view()) + " started." +
        (job.description.empty() ? "" : "\n\n" + std::string(job.description));
    sdl += "\n" + language::print_string(description) + "\ntype " + job.object_name +
           " implements " + names.type("Job") + " & " + names.type("Node") +
           (linkage == nullptr ? "" : job_key(*linkage)) + " {" + job_fields +
           "  \"What the worker gave; null until the job has SUCCEEDED.\"\n  result: " +
           job.result_type.nullable().str() + "\n}\n";
  }

  sdl += with_prefix(standard_types(linkage), names, false);
  for (const StandardScalar& scalar : standard_scalars()) {
    const type::NamedType* declared = user_schema.type(scalar.name);
    const bool by_user = declared != nullptr && !is_ours(*declared);
    const bool needed = scalar.name != "UUID" || refers_to(user_schema, scalar.name);
    if (!by_user && needed) sdl += "\n" + std::string(scalar.sdl);
  }
  return sdl;
}

}  // namespace errand::contract
