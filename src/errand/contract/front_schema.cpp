#include "errand/contract/front_schema.h"

#include <algorithm>
#include <set>
#include <utility>

#include "errand/contract/rewrite_schema.h"
#include "errand/contract/schema_errors.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/language/printer.h"
#include "errand/graphql/type/print_schema.h"
#include "errand/graphql/type/suggestions.h"

namespace errand::contract {
namespace {

namespace language = graphql::language;
namespace type = graphql::type;

std::string texts(const std::vector<std::string>& list) {
  std::string sdl = "[";
  for (const std::string& text : list) {
    sdl += (sdl.size() == 1 ? "" : ", ") + language::print_string(text);
  }
  return sdl + "]";
}

std::string handler_sdl(const JobForm& form, const FrontHandler& handler) {
  std::string sdl = "{graphql: {url: " + language::print_string(handler.url) +
                    ", mutation: " + language::print_string(form.mutation);
  const auto add = [&](std::string_view name, const std::string& value, bool given) {
    if (given) sdl += ", " + std::string(name) + ": " + value;
  };
  add("selection", language::print_string(form.selection), !form.selection.empty());
  add("forwardHeaders", texts(handler.forward_headers), !handler.forward_headers.empty());
  add("headersFile", language::print_string(handler.headers_file), !handler.headers_file.empty());
  add("onBehalfOf", language::print_string(handler.on_behalf_of), !handler.on_behalf_of.empty());
  add("transient", texts(handler.transient), !handler.transient.empty());
  add("permanent", texts(handler.permanent), !handler.permanent.empty());
  return sdl + "}}";
}

std::string field_sdl(const type::FieldDefinition& field, const JobForm& form,
                      const FrontHandler& handler) {
  std::string sdl;
  if (field.description) sdl += "  " + language::print_string(*field.description) + "\n";
  sdl += "  " + form.field();
  for (const type::InputValueDefinition& argument : field.arguments) {
    sdl += &argument == &field.arguments.front() ? "(" : ", ";
    if (argument.description) sdl += language::print_string(*argument.description) + " ";
    sdl += std::string(argument.name) + ": " + argument.type.str();
    if (argument.default_literal != nullptr) {
      sdl += " = " + language::print(*argument.default_literal);
    }
  }
  if (!field.arguments.empty()) sdl += ")";
  sdl += ": " + field.type.str() + "\n    @job(" + (form.job.empty() ? "" : form.job + "\n    ") +
         "handler: " + handler_sdl(form, handler) + ")\n";
  return sdl;
}

const type::FieldDefinition* find_mutation(const type::Schema& upstream, const JobForm& form,
                                           SchemaErrors& errors) {
  const std::string setting = "upstream.jobs." + form.mutation + ": ";
  const type::ObjectType* mutations = upstream.mutation_type();
  if (mutations == nullptr) {
    errors.add({}, setting + "the upstream has no mutations");
    return nullptr;
  }
  const type::FieldDefinition* field = mutations->field(form.mutation);
  if (field == nullptr) {
    std::vector<std::string_view> names;
    for (const type::FieldDefinition& each : mutations->fields) names.push_back(each.name);
    const auto nearest = type::suggestion_list(form.mutation, names);
    errors.add({}, setting + "the upstream has no mutation of that name" +
                       (nearest.empty() ? "" : "; write " + std::string(nearest.front())));
    return nullptr;
  }
  if (!form.replace && mutations->field(form.field()) != nullptr) {
    errors.add({}, setting + "the upstream has a mutation " + form.field() +
                       " already; give the job another name, or let it replace the mutation");
    return nullptr;
  }
  // On its own, so that what is wrong with it is told by its own words.
  const auto directive = language::parse(
      {.body = "type T { f: Int @job" + (form.job.empty() ? "" : "(" + form.job + "\n)") + " }",
       .name = "job"});
  if (!directive) {
    errors.add({}, setting +
                       "job holds arguments of @job as in SDL, such as queue: \"reports\", "
                       "timeout: \"30m\"; " +
                       directive.error().message);
    return nullptr;
  }
  return field;
}

}  // namespace

std::string JobForm::field() const {
  if (!name.empty()) return name;
  return replace ? mutation : mutation + "Job";
}

std::expected<std::string, std::vector<language::GraphQLError>> front_sdl(
    const type::Schema& upstream, std::span<const JobForm> forms, const FrontHandler& handler) {
  SchemaErrors errors;
  std::set<std::string_view> replaced;
  std::string fields;
  for (const JobForm& form : forms) {
    const type::FieldDefinition* field = find_mutation(upstream, form, errors);
    if (field == nullptr) continue;
    if (form.replace) replaced.insert(field->name);
    fields += field_sdl(*field, form, handler);
  }
  if (!errors.empty()) return std::unexpected(errors.take());

  type::PrintOptions options;
  options.definitions = [](const type::Described& definition) {
    const auto ours = our_directive_names();
    return definition.definition.node->kind != language::Kind::kDirectiveDefinition ||
           std::ranges::find(ours, definition.name) == ours.end();
  };
  options.fields = [&](const type::FieldDefinition& field) {
    return field.parent != upstream.mutation_type() || !replaced.contains(field.name);
  };
  options.further_fields = [&](const type::NamedType& named) {
    return &named == upstream.mutation_type() ? fields : std::string();
  };
  return print_schema(upstream, options);
}

}  // namespace errand::contract
