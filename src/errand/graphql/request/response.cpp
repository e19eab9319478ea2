#include "errand/graphql/request/response.h"

#include "errand/graphql/execution/error_json.h"
#include "errand/json/writer.h"

namespace errand::graphql::request {

std::string_view Response::errors_text() const noexcept {
  constexpr std::string_view kOpening = "{\"errors\":";
  const std::string_view text = body;
  if (!request_error() || !text.starts_with(kOpening)) return "[]";
  return text.substr(kOpening.size(), text.size() - kOpening.size() - 1);
}

Response Response::failure(Outcome outcome, ErrorCode code, std::string_view message) {
  language::GraphQLError error;
  error.message = message;
  error.code = code;
  return failure(outcome, {&error, 1});
}

Response Response::failure(Outcome outcome, std::span<const language::GraphQLError> errors) {
  Response response;
  json::Writer writer(response.body);
  writer.begin_object();
  writer.key("errors");
  execution::write_errors(writer, errors);
  writer.end_object();
  response.outcome = outcome;
  response.code = errors.front().code;
  response.has_errors = true;
  return response;
}

}  // namespace errand::graphql::request
