#include "errand/contract/contract.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "errand/contract/check_costs.h"
#include "errand/contract/constraint_check.h"
#include "errand/contract/federation.h"
#include "errand/contract/read_handler.h"
#include "errand/contract/read_job_type.h"
#include "errand/contract/result_check.h"
#include "errand/contract/rewrite_schema.h"
#include "errand/contract/schema_rules.h"
#include "errand/contract/sensitive.h"
#include "errand/contract/snapshot.h"
#include "errand/contract/standard_schema.h"
#include "errand/contract/unsupported_features.h"
#include "errand/contract/upstream_operation.h"
#include "errand/graphql/federation/linkage.h"
#include "errand/graphql/federation/missing_definitions.h"
#include "errand/graphql/language/lexer.h"
#include "errand/graphql/language/parser.h"
#include "errand/graphql/type/build_schema.h"
#include "errand/graphql/type/incremental_directives.h"
#include "errand/graphql/type/print_schema.h"
#include "errand/json/writer.h"

namespace errand::contract {
namespace {

namespace federation = graphql::federation;
namespace language = graphql::language;
namespace type = graphql::type;
using language::GraphQLError;

/// A name that is not introspection's.
bool is_free_name(std::string_view text) {
  return language::is_name(text) && !text.starts_with("__");
}

/// Names of the scalars that the user declares, and errors for directives of ours that the user
/// declares as well.
std::set<std::string> declared_scalars(std::span<const language::Document> documents,
                                       SchemaErrors& errors) {
  const auto ours = our_directive_names();
  std::set<std::string> scalars;
  for (const language::Document& document : documents) {
    for (const language::Definition* definition : document.definitions()) {
      if (definition->kind == language::Kind::kScalarTypeDefinition) {
        scalars.emplace(definition->as<language::ScalarTypeDefinition>().name.value);
      }
      const auto* directive = definition->get_if<language::DirectiveDefinition>();
      if (directive == nullptr || std::ranges::find(ours, directive->name.value) == ours.end()) {
        continue;
      }
      errors.add({&document.source(), &directive->name},
                 "@" + std::string(directive->name.value) +
                     " is a directive of Errand's; remove this definition, it is always there");
    }
  }
  return scalars;
}

/// Those that parse; build_schema() says what is wrong with the others.
std::vector<language::Document> parse_all(std::span<const language::Source> sources) {
  std::vector<language::Document> documents;
  for (const language::Source& source : sources) {
    auto document = language::parse(source);
    if (document) documents.push_back(std::move(*document));
  }
  return documents;
}

/// How the schema links federation; nullopt where it is to be no subgraph.
std::optional<federation::Linkage> read_linkage(std::span<const language::Document> documents,
                                                const ContractOptions& options,
                                                SchemaErrors& errors) {
  auto linkage =
      federation::Linkage::read(documents, [&](const type::Place& place, std::string message) {
        errors.add(place, std::move(message));
      });
  if (!linkage && options.federation) linkage = federation::Linkage::unlinked();
  return linkage;
}

/// What the jobs with `handler: {graphql: ...}` ask for, by field.
std::map<std::string_view, UpstreamOperation> plan_upstream_operations(const type::Schema& schema,
                                                                       const Names& names,
                                                                       SchemaErrors& errors) {
  std::map<std::string_view, UpstreamOperation> operations;
  const type::ObjectType* mutations = schema.mutation_type();
  if (mutations == nullptr) return operations;
  for (const type::FieldDefinition& field : mutations->fields) {
    const type::AppliedDirective* directive = type::find_directive(field.directives, "job");
    if (directive == nullptr) continue;
    SchemaErrors said_later;
    const HandlerRule rule =
        read_handler(DirectiveReader(schema, *directive, said_later), field.name);
    const auto* graphql = std::get_if<GraphqlHandlerRule>(&rule);
    if (graphql == nullptr) continue;
    auto operation = plan_upstream_operation(schema, field,
                                             {.mutation = graphql->mutation,
                                              .selection = graphql->selection,
                                              .prefix = names.job_object(field.name),
                                              .place = argument_place(*directive, "handler")},
                                             errors);
    if (operation) operations.emplace(field.name, *std::move(operation));
  }
  return operations;
}

/// `wrapped` with `named` within: lists and non-nulls stay.
type::TypeRef with_named(const type::TypeRef& wrapped, const type::NamedType& named) {
  type::TypeRef result =
      wrapped.is_list() ? with_named(wrapped.item(), named).list_of() : type::TypeRef(named);
  return wrapped.is_non_null() ? result.non_null() : result;
}

}  // namespace

std::string to_text(std::span<const language::PathSegment> path) {
  std::string text;
  for (const language::PathSegment& segment : path) {
    if (const auto* index = std::get_if<std::size_t>(&segment)) {
      text += '[' + std::to_string(*index) + ']';
    } else {
      text += (text.empty() ? "" : ".") + std::get<std::string>(segment);
    }
  }
  return text;
}

std::expected<std::shared_ptr<const Contract>, std::vector<GraphQLError>> Contract::build(
    std::span<const language::Source> sources, const ContractOptions& options) {
  SchemaErrors errors;
  if (!options.prefix.empty() && !is_free_name(options.prefix)) {
    errors.add({}, "[schema] prefix = \"" + options.prefix + "\" is no GraphQL name; write \"" +
                       std::string(kSuggestedPrefix) + "\"");
  }
  if (!is_free_name(options.options_argument)) {
    errors.add({}, "[schema] options_argument = \"" + options.options_argument +
                       "\" is no GraphQL name; write \"options\"");
  }
  const std::vector<language::Document> documents = parse_all(sources);
  const std::set<std::string> declared = declared_scalars(documents, errors);
  const auto linkage = read_linkage(documents, options, errors);
  if (!errors.empty()) return std::unexpected(errors.take());

  std::vector<language::Source> all(sources.begin(), sources.end());
  all.push_back({.body = all_directives_sdl(), .name = std::string(kDirectivesSourceName)});
  std::string scalars;
  for (const StandardScalar& scalar : standard_scalars()) {
    if (!declared.contains(std::string(scalar.name))) scalars += scalar.sdl;
  }
  if (!scalars.empty()) {
    all.push_back({.body = std::move(scalars), .name = std::string(kScalarsSourceName)});
  }
  if (linkage) {
    all.push_back({.body = federation_definitions_sdl(*linkage, documents),
                   .name = std::string(kFederationSourceName)});
    for (language::Source& source : federation::missing_definitions(documents, *linkage)) {
      all.push_back(std::move(source));
    }
  }
  auto user_schema = type::build_schema(all, {.scalars = {}, .require_query = false});
  if (!user_schema) return std::unexpected(std::move(user_schema.error()));

  std::shared_ptr<Contract> contract(new Contract());
  contract->options_ = options;
  contract->names_ = Names(options.prefix, options.options_argument);
  // Its keys are views into the schema that is planned on.
  const std::shared_ptr<const type::Schema> written = *user_schema;
  const auto upstream = plan_upstream_operations(*written, contract->names_, errors);
  std::string results_sdl;
  for (const auto& [field, operation] : upstream) results_sdl += operation.sdl;
  if (!results_sdl.empty()) {
    all.push_back(
        {.body = std::move(results_sdl), .name = std::string(kUpstreamResultsSourceName)});
    user_schema = type::build_schema(all, {.scalars = {}, .require_query = false});
    if (!user_schema) return std::unexpected(std::move(user_schema.error()));
  }
  contract->user_schema_ = *user_schema;

  const type::Schema& schema = **user_schema;
  if (const type::ObjectType* mutations = schema.mutation_type()) {
    for (const type::FieldDefinition& field : mutations->fields) {
      if (type::find_directive(field.directives, "job") == nullptr) continue;
      JobType job = read_job_type(schema, field, errors);
      job.object_name = contract->names_.job_object(field.name);
      job.sensitive = sensitive_coordinates(field);
      if (const auto planned = upstream.find(field.name); planned != upstream.end()) {
        auto& rule = std::get<GraphqlHandlerRule>(job.handler);
        rule.document = planned->second.document;
        rule.type_names = planned->second.type_names;
        job.result_type = with_named(field.type, *schema.type(planned->second.type_name));
      }
      job.contract_snapshot = contract_snapshot(schema, field, job.result_type);
      job.contract_hash = contract_hash(job.contract_snapshot);
      contract->job_types_.push_back(std::move(job));
    }
  }
  check_queue_limits(contract->job_types_, errors);
  check_schema_rules(schema, contract->job_types_, contract->names_, options, errors);
  if (linkage) check_federation_rules(schema, *linkage, errors);
  const auto constraints = ConstraintCheck::compile(schema, errors);
  check_costs(schema, errors);
  if (options.refuse_unsupported) refuse_unsupported_features(schema, errors);
  if (!errors.empty()) return std::unexpected(errors.take());

  for (std::size_t i = 0; i < contract->job_types_.size(); ++i) {
    JobType& job = contract->job_types_[i];
    if (constraints->concerns(*job.field)) job.constraints = constraints;
    contract->by_name_.emplace(job.name.view(), i);
    contract->by_object_.emplace(job.object_name, i);
  }
  const federation::Linkage* linked = linkage ? &*linkage : nullptr;
  std::vector<language::Source> served{
      {.body = rewrite_schema(schema, contract->job_types_, contract->names_, linked),
       .name = "served schema"}};
  if (linkage) {
    served.front().body += federation_link_sdl(*linkage, schema);
    served.push_back({.body = federation_machinery_sdl(*linkage, schema, contract->job_types_),
                      .name = std::string(kFederationSourceName)});
  }
  // A schema that declares directives of these names means its own.
  if (schema.directive("defer") == nullptr && schema.directive("stream") == nullptr) {
    served.push_back({.body = std::string(type::incremental_directives_sdl()),
                      .name = "directives of incremental delivery"});
  }
  auto served_schema = type::build_schema(served);
  if (!served_schema) return std::unexpected(std::move(served_schema.error()));
  contract->served_schema_ = std::move(*served_schema);
  type::PrintOptions print;
  print.directives = [](std::string_view) { return true; };
  contract->served_sdl_ = print_schema(*contract->served_schema_, print);
  if (linkage) {
    const auto is_schema_proper = [](const type::Described& part) { return !is_ours(part); };
    print.definitions = is_schema_proper;
    print.fields = is_schema_proper;
    contract->subgraph_sdl_ = print_schema(*contract->served_schema_, print);
  }
  return std::shared_ptr<const Contract>(std::move(contract));
}

const JobType* Contract::job_type(std::string_view name) const noexcept {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &job_types_[found->second];
}

const JobType* Contract::job_type_of_object(std::string_view object_name) const noexcept {
  const auto found = by_object_.find(object_name);
  return found == by_object_.end() ? nullptr : &job_types_[found->second];
}

Result<boost::json::value> Contract::check_result(const JobType& type,
                                                  const boost::json::value& result) const {
  auto checked = check_result_value(*user_schema_, type.result_type, result);
  if (!checked) return checked;
  const std::size_t bytes = json::to_text(*checked).size();
  if (bytes > options_.result_bytes_max) {
    return fail(ErrorCode::kResultInvalid,
                "result: has " + std::to_string(bytes) + " bytes, more than the " +
                    std::to_string(options_.result_bytes_max) +
                    " that are allowed; store large data elsewhere and give its address");
  }
  return checked;
}

std::vector<ConstraintViolation> Contract::check_constraints(
    const JobType& type, const boost::json::object& arguments) const {
  if (type.constraints == nullptr) return {};
  return type.constraints->check(*type.field, arguments);
}

boost::json::object Contract::redact(const JobType& type,
                                     const boost::json::object& arguments) const {
  return redact_arguments(*type.field, arguments);
}

}  // namespace errand::contract
