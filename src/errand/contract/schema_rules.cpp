#include "errand/contract/schema_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "errand/contract/rewrite_schema.h"

namespace errand::contract {
namespace {

namespace type = graphql::type;
using graphql::language::OperationType;

constexpr std::array<OperationType, 3> kOperations{OperationType::kQuery, OperationType::kMutation,
                                                   OperationType::kSubscription};

std::string coordinate_of(const type::FieldDefinition& field) {
  return std::string(field.parent->name) + "." + std::string(field.name);
}

/// Says how to get out of the way of a name of ours; `with_prefix` is what it is called then.
std::string prefix_remedy(const Names& names, std::string_view what, const std::string& renamed) {
  if (names.prefix().empty()) {
    return "rename it, or set [schema] prefix = \"" + std::string(kSuggestedPrefix) +
           "\", so that Errand's " + std::string(what) + " becomes " + renamed;
  }
  return "rename it, or set another [schema] prefix than \"" + names.prefix() + "\"";
}

class SchemaRules {
 public:
  SchemaRules(const type::Schema& schema, std::span<const JobType> job_types, const Names& names,
              const ContractOptions& options, SchemaErrors& errors)
      : schema_(schema),
        job_types_(job_types),
        names_(names),
        suggested_(names.prefix().empty() ? Names(kSuggestedPrefix, names.options_argument())
                                          : names),
        options_(options),
        errors_(errors) {}

  void run() {
    check_directive_places();
    for (const OperationType operation : kOperations) {
      if (const type::ObjectType* root = schema_.root_type(operation)) {
        check_root(operation, *root);
      }
    }
    check_type_names();
    check_job_objects();
    check_options_arguments();
    check_result_types();
  }

 private:
  void check_directive_places() {
    for (const type::NamedType* named : schema_.types()) {
      const auto* with_fields = named->get_if<type::FieldsType>();
      if (with_fields == nullptr) continue;
      for (const type::FieldDefinition& field : with_fields->fields) {
        const type::AppliedDirective* job = type::find_directive(field.directives, "job");
        if (job != nullptr && named != schema_.mutation_type()) {
          errors_.add(job->place(), "@job belongs to fields of the mutation type; move " +
                                        coordinate_of(field) + " there, or remove @job");
        }
        for (const std::string_view name : {"notify", "schedule"}) {
          const type::AppliedDirective* directive = type::find_directive(field.directives, name);
          if (directive == nullptr || job != nullptr) continue;
          errors_.add(directive->place(),
                      "@" + std::string(name) + " goes with @job; add @job, or remove it");
        }
      }
    }
  }

  void check_root(OperationType operation, const type::ObjectType& root) {
    const auto ours = standard_root_fields(operation);
    for (const type::FieldDefinition& field : root.fields) {
      const auto clash = std::ranges::find_if(
          ours, [&](const std::string& name) { return names_.field(name) == field.name; });
      if (clash != ours.end()) {
        errors_.add(field.place, coordinate_of(field) + " has the name of a field of Errand's; " +
                                     prefix_remedy(names_, "field", suggested_.field(*clash)));
        continue;
      }
      if (type::find_directive(field.directives, "job") != nullptr) continue;
      if (options_.has_resolver && options_.has_resolver(root.name, field.name)) continue;
      const std::string_view slow =
          operation == OperationType::kMutation
              ? "if it is work that outlives a request, mark it with @job; else "
              : "";
      errors_.add(field.place, coordinate_of(field) + " has nothing that answers it; " +
                                   std::string(slow) +
                                   "give it a C++ resolver or an upstream, or remove it");
    }
  }

  void check_type_names() {
    for (const std::string& name : standard_type_names()) {
      const type::NamedType* clash = schema_.type(names_.type(name));
      if (clash == nullptr || is_ours(*clash)) continue;
      errors_.add(clash->place, "the type " + std::string(clash->name) +
                                    " has the name of a type of Errand's; " +
                                    prefix_remedy(names_, "type", suggested_.type(name)));
    }
  }

  void check_job_objects() {
    std::map<std::string_view, const JobType*> seen;
    for (const JobType& job : job_types_) {
      const auto [first, fresh] = seen.emplace(job.object_name, &job);
      if (!fresh) {
        errors_.add(job.field->place, coordinate_of(*job.field) + " and " +
                                          coordinate_of(*first->second->field) +
                                          " would both have the object type " + job.object_name +
                                          "; rename one of them");
      }
      if (const type::NamedType* clash = schema_.type(job.object_name)) {
        errors_.add(clash->place,
                    "the type " + job.object_name + " has the name of the object type that " +
                        coordinate_of(*job.field) + " gets; " +
                        prefix_remedy(names_, "type", suggested_.job_object(job.name.view())));
      }
    }
  }

  void check_options_arguments() {
    for (const JobType& job : job_types_) {
      const type::InputValueDefinition* clash = job.field->argument(names_.options_argument());
      if (clash == nullptr) continue;
      errors_.add(clash->place, coordinate_of(*job.field) + " has an argument " +
                                    names_.options_argument() +
                                    ", as Errand's own; rename it, or set [schema] "
                                    "options_argument = \"jobOptions\"");
    }
  }

  /// Goes through all types that results lead to.
  void check_result_types() {
    std::vector<const type::NamedType*> waiting;
    std::set<const type::NamedType*> seen;
    const auto reach = [&](const type::NamedType& named) {
      if (seen.insert(&named).second) waiting.push_back(&named);
    };
    for (const JobType& job : job_types_) {
      const auto* graphql = std::get_if<GraphqlHandlerRule>(&job.handler);
      const bool refused = graphql != nullptr && graphql->document.empty();
      if (!refused) reach(job.result_type.named());
    }
    while (!waiting.empty()) {
      const type::NamedType& named = *waiting.back();
      waiting.pop_back();
      for (const OperationType operation : kOperations) {
        if (schema_.root_type(operation) != &named) continue;
        errors_.add(named.place, "the root type " + std::string(named.name) +
                                     " cannot be part of a job's result, which is stored; give the "
                                     "result a type of its own");
        break;
      }
      if (schema_.query_type() == &named || schema_.mutation_type() == &named ||
          schema_.subscription_type() == &named) {
        continue;
      }
      if (named.is_abstract()) {
        for (const type::ObjectType* object : schema_.possible_types(named)) reach(*object);
        if (schema_.possible_types(named).empty()) {
          errors_.add(named.place, "no object type implements " + std::string(named.name) +
                                       ", so no result can be one; add one, or use another type");
        }
      }
      const auto* with_fields = named.get_if<type::FieldsType>();
      if (with_fields == nullptr) continue;
      for (const type::FieldDefinition& field : with_fields->fields) {
        reach(field.type.named());
        if (field.arguments.empty()) continue;
        errors_.add(field.arguments.front().place,
                    coordinate_of(field) +
                        " is part of a job's result, which is stored and cannot be asked anew, so "
                        "it takes no arguments; remove them, or give each value a field of its "
                        "own");
      }
    }
  }

  const type::Schema& schema_;
  std::span<const JobType> job_types_;
  const Names& names_;
  Names suggested_;
  const ContractOptions& options_;
  SchemaErrors& errors_;
};

}  // namespace

void check_schema_rules(const type::Schema& schema, std::span<const JobType> job_types,
                        const Names& names, const ContractOptions& options, SchemaErrors& errors) {
  SchemaRules(schema, job_types, names, options, errors).run();
}

}  // namespace errand::contract
