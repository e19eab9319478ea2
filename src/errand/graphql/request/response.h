#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "errand/base/error.h"
#include "errand/graphql/language/graphql_error.h"

namespace errand::graphql::request {

/// What became of a request, in the terms that transports choose their status by.
enum class Outcome : std::uint8_t {
  kExecuted,             ///< `data` is there (perhaps null), perhaps with errors
  kSyntaxError,          ///< the document does not parse
  kValidationError,      ///< it breaks a rule of the specification, section 5
  kLimitExceeded,        ///< it is beyond a limit; `extensions.code` says which
  kOperationUnresolved,  ///< operationName is missing, unknown or ambiguous; or the document's id
                         ///< is
  kVariablesInvalid,     ///< a variable cannot be coerced
  kNotAllowed,           ///< a mutation where only queries may run, a subscription without a stream
  kFailed,               ///< not begun, or given up: cancelled, out of time
};

/// One response, as JSON text.
struct Response {
  std::string body;
  Outcome outcome = Outcome::kExecuted;
  bool has_errors = false;
  /// "query" or "mutation" once executed; empty where the request did not come so far.
  std::string_view operation_type;
  /// The first `extensions.http.status` that a field error asks for; the transport may use it.
  std::optional<int> http_status;
  /// Executed, but not to the end: the request's time was over.
  bool out_of_time = false;
  /// The code of a request error's first error: of a limit, for its metric.
  std::optional<ErrorCode> code;
  /// Value of Cache-Control that HTTP sends in place of its own; empty: none.
  std::string_view cache_control;

  /// A request error: `body` has no `data`.
  [[nodiscard]] bool request_error() const noexcept { return outcome != Outcome::kExecuted; }

  /// For a request error: its JSON list of errors, as graphql-transport-ws sends it.
  [[nodiscard]] std::string_view errors_text() const noexcept;

  /// A request error with one error.
  static Response failure(Outcome outcome, ErrorCode code, std::string_view message);
  /// A request error with several; `errors` is not empty.
  static Response failure(Outcome outcome, std::span<const language::GraphQLError> errors);
};

}  // namespace errand::graphql::request
