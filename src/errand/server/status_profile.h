#pragma once

#include <cstdint>

#include "errand/graphql/request/response.h"
#include "errand/server/media_type.h"

namespace errand::server {

/// Which HTTP statuses GraphQL responses get. The public audits and the current draft disagree.
enum class StatusProfile : std::uint8_t {
  kAudit,  ///< what the public graphql-http audits ask for
  kDraft,  ///< GraphQL over HTTP, draft of August 2026
};

/// Why a request was refused before it came to its GraphQL document.
enum class RequestFault : std::uint8_t {
  kBodyMalformed,      ///< not JSON, not UTF-8, a broken query string
  kParametersInvalid,  ///< well-formed, but not the parameters of a GraphQL request
  kCrossSite,          ///< another site's page could have sent it (see CrossSiteRule)
  kContentType,        ///< a body that is not read here
};

/// Status of a refused request. Does not depend on the media type.
unsigned refusal_status(StatusProfile profile, RequestFault fault) noexcept;

/// Status of a GraphQL response that is sent as `type`: what its outcome gets by `profile`, or what
/// a field error asks for by `extensions.http.status`. By the draft, which wants 2xx for data that
/// is not null, such a wish counts only where there is none.
unsigned response_status(StatusProfile profile, const graphql::request::Response& response,
                         GraphqlMediaType type) noexcept;

}  // namespace errand::server
