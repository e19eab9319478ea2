#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/base/result.h"
#include "errand/graphql/language/source.h"

namespace errand::graphql::comparison {

/// What is asked of the engine.
enum class Operation : std::uint8_t {
  kParse,
  kValidate,
  kSchema,
  kIntrospect,
  kExecute,
  kSubscribe,
};

/// By its name in a case: "parse", "validate" and so on.
std::optional<Operation> operation_of(std::string_view name);

/// One question that any GraphQL implementation can answer.
struct Case {
  Operation operation = Operation::kParse;
  std::vector<language::Source> schema;  ///< SDL; empty only for kParse
  std::optional<std::string> query;      ///< a document; kSchema has none, kIntrospect may have
  boost::json::object variables;
  std::optional<std::string> operation_name;
  std::shared_ptr<const boost::json::value> data;  ///< root value (data_resolvers.h); may be null
};

/// Reads `{"op", "schema", "query", "variables", "operationName", "data"}`, where `schema` is one
/// SDL text or a list of them, and null stands for absence.
/// @return kInvalidArgument saying what is missing or of the wrong type.
Result<Case> read_case(const boost::json::value& text);

/// @return kInvalidArgument when `question` lacks what its operation needs.
Result<void> check_case(const Case& question);

}  // namespace errand::graphql::comparison
