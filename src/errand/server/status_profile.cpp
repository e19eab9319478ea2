#include "errand/server/status_profile.h"

namespace errand::server {

using graphql::request::Outcome;
using graphql::request::Response;

namespace {

/// One condition's statuses, by profile and media type.
struct Row {
  unsigned audit_response;  ///< under application/graphql-response+json
  unsigned audit_json;      ///< under application/json
  unsigned draft_response;
  unsigned draft_json;
};

/// Executed, and there are errors. The draft's 294 stands only beside the type that says so.
constexpr Row kExecutedWithErrors{200, 200, 294, 200};

/// By Outcome.
constexpr Row row_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kExecuted:
      return {200, 200, 200, 200};
    case Outcome::kSyntaxError:
      return {400, 200, 400, 400};
    case Outcome::kValidationError:
    case Outcome::kLimitExceeded:
    case Outcome::kOperationUnresolved:
    case Outcome::kVariablesInvalid:
      return {400, 200, 422, 422};
    case Outcome::kNotAllowed:
      return {405, 405, 405, 405};
    case Outcome::kFailed:
      return {503, 503, 503, 503};
  }
  return {500, 500, 500, 500};
}

constexpr unsigned pick(const Row& row, StatusProfile profile, GraphqlMediaType type) noexcept {
  const bool json = type == GraphqlMediaType::kJson;
  if (profile == StatusProfile::kAudit) return json ? row.audit_json : row.audit_response;
  return json ? row.draft_json : row.draft_response;
}

/// Whether `response` was executed and has something to show for it.
bool has_data(const Response& response) noexcept {
  return response.outcome == Outcome::kExecuted && !response.body.starts_with(R"({"data":null)");
}

}  // namespace

unsigned refusal_status(StatusProfile profile, RequestFault fault) noexcept {
  const bool draft = profile == StatusProfile::kDraft;
  switch (fault) {
    case RequestFault::kBodyMalformed:
      return 400;
    case RequestFault::kParametersInvalid:
      return draft ? 422 : 400;
    case RequestFault::kCrossSite:
      return draft ? 403 : 400;
    case RequestFault::kContentType:
      return 415;
  }
  return 500;
}

unsigned response_status(StatusProfile profile, const Response& response,
                         GraphqlMediaType type) noexcept {
  const bool heeds_wish = profile == StatusProfile::kAudit || !has_data(response);
  if (heeds_wish && response.http_status && *response.http_status >= 200 &&
      *response.http_status <= 599) {
    return static_cast<unsigned>(*response.http_status);
  }
  const bool partial = response.outcome == Outcome::kExecuted && response.has_errors;
  return pick(partial ? kExecutedWithErrors : row_of(response.outcome), profile, type);
}

}  // namespace errand::server
