#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/result.h"
#include "errand/contract/job_type.h"
#include "errand/contract/names.h"
#include "errand/graphql/language/graphql_error.h"
#include "errand/graphql/language/source.h"
#include "errand/graphql/type/schema.h"

namespace errand::contract {

struct ContractOptions {
  std::string prefix;                        ///< `[schema] prefix`: a GraphQL name, or empty
  std::string options_argument = "options";  ///< `[schema] options_argument`
  /// `[schema] federation`: be a subgraph even where the schema does not @link federation.
  bool federation = false;
  /// Whether a C++ resolver or an upstream serves a root field without @job, given the names of the
  /// root type and the field. Empty: none does.
  std::function<bool(std::string_view type, std::string_view field)> has_resolver;
  std::size_t result_bytes_max = 1 << 20;  ///< of a result as JSON text
  /// Refuse what this version reads but does not honour (see unsupported_features.h). Off for tools
  /// that only look at schemas.
  bool refuse_unsupported = true;
};

/// One input value that breaks its @constraint. Never holds the value itself.
struct ConstraintViolation {
  std::vector<graphql::language::PathSegment> path;  ///< from the argument's name on
  std::string message;     ///< "must be at least 1"; follows the path in a sentence
  std::string constraint;  ///< the directive's argument: "min"
};

/// "input.tags[0]"
std::string to_text(std::span<const graphql::language::PathSegment> path);

/// A user's schema with what Errand makes of it: the job types that it declares and the schema that
/// is served. Immutable, hence safe to share between threads. DESIGN.md, section 3.
class Contract {
 public:
  /// Reads SDL of one or more files. Our directives (@job ...) and scalars need no declaration.
  /// @return all errors found, each with file, line, column and the remedy.
  static std::expected<std::shared_ptr<const Contract>,
                       std::vector<graphql::language::GraphQLError>>
  build(std::span<const graphql::language::Source> sources, const ContractOptions& options = {});

  /// The schema as written, with our directives applied; it may lack a query type.
  [[nodiscard]] const graphql::type::Schema& user_schema() const noexcept { return *user_schema_; }
  /// The schema that clients see.
  [[nodiscard]] const std::shared_ptr<const graphql::type::Schema>& served_schema() const noexcept {
    return served_schema_;
  }
  /// Its SDL, as `errand schema print` shows it.
  [[nodiscard]] const std::string& served_sdl() const noexcept { return served_sdl_; }

  /// Of a subgraph, its SDL as `_service { sdl }` gives it for composition: with federation's
  /// directives, without their definitions and what else every subgraph has. Empty for others.
  [[nodiscard]] const std::string& subgraph_sdl() const noexcept { return subgraph_sdl_; }
  [[nodiscard]] bool is_subgraph() const noexcept { return !subgraph_sdl_.empty(); }

  /// In the order of the mutation type's fields.
  [[nodiscard]] std::span<const JobType> job_types() const noexcept { return job_types_; }
  /// nullptr for an unknown type.
  [[nodiscard]] const JobType* job_type(std::string_view name) const noexcept;
  /// By the object type of the served schema ("ExportReportJob"); nullptr for others.
  [[nodiscard]] const JobType* job_type_of_object(std::string_view object_name) const noexcept;
  /// How our own types and fields are called in the served schema.
  [[nodiscard]] const Names& names() const noexcept { return names_; }

  /// Checks a worker's result against the type of the job's field.
  /// @return the result as it is to be stored: leaves in their canonical form, members that the
  /// type
  ///         does not know left out (a worker may be newer than the schema), absent nullable
  ///         members left absent; or kResultInvalid with the path of the first fault
  ///         ("result.files[0].bytes:
  ///         ...").
  [[nodiscard]] Result<boost::json::value> check_result(const JobType& type,
                                                        const boost::json::value& result) const;

  /// Checks coerced arguments against the @constraint directives.
  /// @param arguments  without the options argument
  /// @return what breaks them, at most 50.
  [[nodiscard]] std::vector<ConstraintViolation> check_constraints(
      const JobType& type, const boost::json::object& arguments) const;

  /// `arguments` with every @sensitive value replaced by "[redacted]": the only form that may be
  /// logged or shown.
  [[nodiscard]] boost::json::object redact(const JobType& type,
                                           const boost::json::object& arguments) const;

 private:
  Contract() = default;

  ContractOptions options_;
  Names names_;
  std::shared_ptr<const graphql::type::Schema> user_schema_;
  std::shared_ptr<const graphql::type::Schema> served_schema_;
  std::string served_sdl_;
  std::string subgraph_sdl_;
  std::vector<JobType> job_types_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_map<std::string_view, std::size_t> by_object_;
};

}  // namespace errand::contract
