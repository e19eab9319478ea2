#include "errand/codegen/model.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace errand::codegen {

namespace {

namespace type = graphql::type;

/// Collects named types with all that they refer to. Types refer to each other in circles, and may
/// do so many thousands deep: hence a list in the place of recursion.
class Reach {
 public:
  explicit Reach(const type::Schema& schema) : schema_(schema), known_(schema.types().size()) {}

  void add(const type::NamedType& named) {
    push(named);
    while (!open_.empty()) {
      const auto& next = *open_.back();
      open_.pop_back();
      if (const auto* input = next.get_if<type::InputObjectType>()) {
        for (const auto& field : input->fields) push(field.type.named());
      } else if (next.is<type::FieldsType>()) {
        for (const auto& field : next.as<type::FieldsType>().fields) push(field.type.named());
      }
      if (!next.is_abstract()) continue;
      for (const auto* object : schema_.possible_types(next)) {
        typenames_.insert(object->index);
        push(*object);
      }
    }
  }

  /// In the order of the schema.
  template <class T>
  [[nodiscard]] std::vector<const T*> all(bool (*wanted)(const type::NamedType&)) const {
    std::vector<const T*> result;
    for (const auto* named : schema_.types()) {
      if (known_[named->index] && wanted(*named)) result.push_back(static_cast<const T*>(named));
    }
    return result;
  }

  std::set<std::uint32_t> take_typenames() { return std::move(typenames_); }

 private:
  void push(const type::NamedType& named) {
    if (known_[named.index]) return;
    known_[named.index] = true;
    open_.push_back(&named);
  }

  const type::Schema& schema_;
  std::vector<bool> known_;
  std::vector<const type::NamedType*> open_;
  std::set<std::uint32_t> typenames_;
};

}  // namespace

Result<Model> Model::build(const contract::Contract& contract, const Options& options) {
  if (contract.job_types().empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "the schema has no mutation with @job: there is nothing to generate");
  }
  Model model;
  model.schema_ = contract.served_schema().get();
  model.names_ = contract.names();
  model.options_argument_ = contract.names().options_argument();
  const auto& schema = *model.schema_;
  Reach reach(schema);
  for (const auto& job_type : contract.job_types()) {
    const auto* field = schema.mutation_type()->field(job_type.name.view());
    const auto* object = schema.type(job_type.object_name);
    ERRAND_ASSERT(field != nullptr && object != nullptr);
    JobModel job{.name = field->name,
                 .object_name = object->name,
                 .description = job_type.description,
                 .arguments = {},
                 .result = object->as<type::ObjectType>().field("result")->type,
                 .selection = {},
                 .for_workers = std::holds_alternative<std::monostate>(job_type.handler)};
    // A job that goes on has no result; one that SUCCEEDED has what its author wrote.
    if (job_type.result_type.is_non_null()) job.result = job.result.non_null();
    for (const auto& argument : field->arguments) {
      if (argument.name == model.options_argument_) {
        if (!options.client) continue;
        model.job_options_ = &argument.type.named().as<type::InputObjectType>();
        continue;
      }
      job.arguments.push_back(&argument);
      reach.add(argument.type.named());
    }
    if (job.arguments.size() == 1 && job.arguments.front()->name == "input")
      job.input = job.arguments.front();
    reach.add(job.result.named());
    if (options.client) {
      auto selection = select_all(schema, job.result.named(), options.depth);
      if (!selection) {
        return fail(selection.error().code,
                    fmt::format("{}: {}", job.name, selection.error().message));
      }
      job.selection = *std::move(selection);
    }
    model.jobs_.push_back(std::move(job));
  }
  const auto inputs = [](const type::NamedType& named) {
    return named.is<type::InputObjectType>();
  };
  const auto of_arguments = reach.all<type::InputObjectType>(inputs);
  if (model.job_options_ != nullptr) reach.add(*model.job_options_);
  model.inputs_ = reach.all<type::InputObjectType>(inputs);
  for (const auto* input : model.inputs_) {
    if (std::ranges::find(of_arguments, input) == of_arguments.end())
      model.for_options_alone_.insert(input->index);
  }
  model.scalars_ = reach.all<type::ScalarType>([](const type::NamedType& named) {
    const auto* scalar = named.get_if<type::ScalarType>();
    return scalar != nullptr && scalar->scalar == type::BuiltInScalar::kNone;
  });
  model.enums_ = reach.all<type::EnumType>(
      [](const type::NamedType& named) { return named.is<type::EnumType>(); });
  model.outputs_ =
      reach.all<type::NamedType>([](const type::NamedType& named) { return named.is_composite(); });
  model.needs_typename_ = reach.take_typenames();
  return model;
}

std::string Model::mutation(const JobModel& job, bool with_result) const {
  std::string variables;
  std::string values;
  const auto add = [&](std::string_view name, const std::string& of_type) {
    if (!variables.empty()) {
      variables += ", ";
      values += ", ";
    }
    variables += fmt::format("${}: {}", name, of_type);
    values += fmt::format("{}: ${}", name, name);
  };
  for (const auto* argument : job.arguments) {
    // So that it can be left out, and the argument's own default holds (specification, 5.8.5).
    const auto variable = argument->default_value ? argument->type.nullable() : argument->type;
    add(argument->name, variable.str());
  }
  if (job_options_ != nullptr) add(options_argument_, std::string(job_options_->name));
  std::string text = fmt::format("mutation {}({}) {{\n  {}({}) {{\n    id\n", job.name, variables,
                                 job.name, values);
  if (with_result) {
    text += "    result";
    if (job.selection) text += ' ' + to_lines(*job.selection, 4);
    text += '\n';
  }
  return text + "  }\n}\n";
}

}  // namespace errand::codegen
