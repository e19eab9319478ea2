#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/result.h"
#include "errand/codegen/options.h"
#include "errand/codegen/selection.h"
#include "errand/contract/contract.h"
#include "errand/graphql/type/definitions.h"

namespace errand::codegen {

/// One job type, as workers and clients see it.
struct JobModel {
  std::string_view name;         ///< the mutation's field: "exportReport"
  std::string_view object_name;  ///< "ExportReportJob"
  std::string_view description;
  std::vector<const graphql::type::InputValueDefinition*> arguments;  ///< without the options
  /// The argument whose value a worker's `job.input` is: `input`, where it is the only one.
  /// nullptr: `job.input` is the object of all arguments.
  const graphql::type::InputValueDefinition* input = nullptr;
  graphql::type::TypeRef result;       ///< what a worker returns
  std::optional<Selection> selection;  ///< of the result; none of a leaf
  /// Whether workers that connect run it, rather than `@job(handler:)`.
  bool for_workers = true;

  /// Whether `job.input` is an empty object where the client left `input` out.
  [[nodiscard]] bool input_may_be_absent() const {
    return input != nullptr && !input->type.is_non_null() && !input->default_value;
  }
};

/// What the generators read: the job types of a contract and all types that their arguments and
/// results reach, in the order of the schema. Refers to the contract, which must outlive it.
class Model {
 public:
  /// @return kInvalidArgument for a schema without jobs, and what select_all() refuses.
  static Result<Model> build(const contract::Contract& contract, const Options& options);

  [[nodiscard]] const std::vector<JobModel>& jobs() const { return jobs_; }
  /// Custom ones alone: neither Int, Float, String, Boolean nor ID.
  [[nodiscard]] const std::vector<const graphql::type::ScalarType*>& scalars() const {
    return scalars_;
  }
  [[nodiscard]] const std::vector<const graphql::type::EnumType*>& enums() const { return enums_; }
  [[nodiscard]] const std::vector<const graphql::type::InputObjectType*>& inputs() const {
    return inputs_;
  }
  /// Objects, interfaces and unions of results, with all possible types of abstract ones.
  [[nodiscard]] const std::vector<const graphql::type::NamedType*>& outputs() const {
    return outputs_;
  }
  /// The objects that can stand for an abstract type: they are told by their `__typename`.
  [[nodiscard]] bool needs_typename(const graphql::type::NamedType& object) const {
    return needs_typename_.contains(object.index);
  }
  /// At least one: a contract has no result that no object can be.
  [[nodiscard]] std::span<const graphql::type::ObjectType* const> possible_types(
      const graphql::type::NamedType& type) const {
    return schema_->possible_types(type);
  }

  /// The input of submit options ("JobOptions"); nullptr where no client is generated.
  [[nodiscard]] const graphql::type::InputObjectType* job_options() const { return job_options_; }
  /// Whether clients alone meet it: it is reached by the submit options, and by no argument.
  [[nodiscard]] bool for_options_alone(const graphql::type::InputObjectType& input) const {
    return for_options_alone_.contains(input.index);
  }
  /// The argument that takes them: "options".
  [[nodiscard]] std::string_view options_argument() const { return options_argument_; }
  /// How a root field of ours is called: "job", "cancelJob".
  [[nodiscard]] std::string root_field(std::string_view name) const { return names_.field(name); }
  /// How a type of ours is called: "JobStatus".
  [[nodiscard]] std::string type_name(std::string_view name) const { return names_.type(name); }

  /// The mutation of a job, with every argument and the options as variables of their names, on
  /// lines; it ends with a line break.
  /// @param with_result  whether the result is selected too, beside `id`
  [[nodiscard]] std::string mutation(const JobModel& job, bool with_result) const;

 private:
  const graphql::type::Schema* schema_ = nullptr;
  contract::Names names_;
  std::string options_argument_;
  const graphql::type::InputObjectType* job_options_ = nullptr;
  std::vector<JobModel> jobs_;
  std::vector<const graphql::type::ScalarType*> scalars_;
  std::vector<const graphql::type::EnumType*> enums_;
  std::vector<const graphql::type::InputObjectType*> inputs_;
  std::vector<const graphql::type::NamedType*> outputs_;
  std::set<std::uint32_t> needs_typename_;     ///< by NamedType::index
  std::set<std::uint32_t> for_options_alone_;  ///< by NamedType::index
};

}  // namespace errand::codegen
