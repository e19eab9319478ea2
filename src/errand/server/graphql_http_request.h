#pragma once

#include <cstddef>
#include <expected>
#include <vector>

#include "errand/base/result.h"
#include "errand/graphql/request/request_parameters.h"
#include "errand/graphql/request/service.h"
#include "errand/net/http_message.h"
#include "errand/server/cross_site.h"
#include "errand/server/status_profile.h"

namespace errand::server {

/// A GET or POST that was read as GraphQL over HTTP says.
struct GraphqlHttpRequest {
  /// One, or those of a batch; an item of a batch may be none, which is its own affair.
  std::vector<Result<graphql::request::RequestParameters>> items;
  bool batch = false;
  graphql::request::Service::Allowed allowed = graphql::request::Service::Allowed::kQueries;
};

/// Why a request could not be read, and what its client is told.
struct GraphqlHttpRefusal {
  RequestFault fault = RequestFault::kBodyMalformed;
  Error error;
};

struct GraphqlHttpReadOptions {
  std::size_t body_depth_max = 64;  ///< nesting of the JSON body
  std::size_t batch_max = 0;        ///< requests of one batch; 0: batches are refused
  /// Tokens that the documents of one batch have together, so that a batch asks for no more than
  /// one request may: nothing that limits count is there without a token. 0: no bound.
  std::size_t batch_tokens_max = 5'000;
  CrossSiteRule cross_site;
};

/// Reads a POST with a body of application/json, or a GET (HEAD) with the parameters in its query
/// string: empty ones count as absent, unknown ones are ignored, the same twice is refused.
std::expected<GraphqlHttpRequest, GraphqlHttpRefusal> read_graphql_request(
    const net::HttpRequest& request, const GraphqlHttpReadOptions& options);

}  // namespace errand::server
