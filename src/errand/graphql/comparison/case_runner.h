#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/value.hpp>

#include "errand/graphql/comparison/case.h"
#include "errand/graphql/execution/executable_document.h"
#include "errand/graphql/execution/operation_execution.h"
#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::comparison {

/// Answers cases with the engine alone: no limits on requests, no job types, nothing added to the
/// schema. Errors are as graphql-js has them, without codes. Keeps the schemas it has built, so
/// that many cases over one schema are quick.
///
/// Walks documents of up to ParseOptions::kMaxDepthMax levels by recursion: its thread needs a
/// large stack (kStackBytes). Not thread-safe.
class CaseRunner {
 public:
  /// Enough for the deepest document in a build with sanitizers.
  static constexpr std::size_t kStackBytes = std::size_t{512} << 20;

  /// The answer as a JSON object text:
  ///   parse                 {"ok", "errors", "printed"}, the last only of a document that parses
  ///   validate, schema      {"ok", "errors"}
  ///   introspect, execute   {"data", "errors"}; no data when execution never began
  ///   subscribe             {"results": [{"data", "errors"}, …]}; {"errors"} when no stream opened
  /// `question` must pass check_case().
  std::string answer(const Case& question);

  /// Answers one line of a batch, a case with an `id`, by a line that has the same. What is no case
  /// gets {"id", "unsupported": true, "reason"}.
  std::string answer_line(std::string_view line);

 private:
  using Errors = std::vector<language::GraphQLError>;
  struct BuiltSchema {
    std::shared_ptr<const type::Schema> schema;             ///< nullptr where there are errors
    std::shared_ptr<const execution::Resolvers> resolvers;  ///< bound when first needed
    Errors errors;
  };

  BuiltSchema& schema_of(const std::vector<language::Source>& sources);
  /// Parses and validates; the errors of the schema where that is not valid.
  static std::expected<std::shared_ptr<const execution::ExecutableDocument>, Errors> document_of(
      const BuiltSchema& built, const std::string& query);
  std::expected<execution::OperationRequest, Errors> prepare(const Case& question);
  std::string execute(const Case& question);
  std::string subscribe(const Case& question);

  std::unordered_map<std::string, BuiltSchema> schemas_;  ///< by their texts
  std::size_t schemas_bytes_ = 0;                         ///< of the texts
};

}  // namespace errand::graphql::comparison
