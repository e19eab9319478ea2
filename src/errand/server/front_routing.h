#pragma once

#include <cstddef>
#include <optional>

#include "errand/base/error.h"
#include "errand/graphql/request/service.h"
#include "errand/net/http_message.h"
#include "errand/upstream/root_fields.h"

namespace errand::server {

/// Who answers a request, and what its client is told where both would have to.
struct FrontRoute {
  upstream::Side side = upstream::Side::kUpstream;
  std::optional<Error> error;  ///< where mixed
};

/// Who answers `parameters`. A document that is named by a hash or an id is looked into where it is
/// known here; where it is not, it is the upstream's.
FrontRoute route_parameters(const graphql::request::RequestParameters& parameters,
                            const upstream::RootFields& root_fields,
                            graphql::request::Service& service);

/// Who answers an HTTP request for GraphQL. What cannot be looked into is the upstream's: another
/// method or Content-Type, a packed body, one that is no JSON or no GraphQL request. A batch is
/// local where all its operations are, and mixed where some are.
FrontRoute route_request(const net::HttpRequest& request, const upstream::RootFields& root_fields,
                         graphql::request::Service& service, std::size_t body_depth_max);

}  // namespace errand::server
