#pragma once

#include <boost/asio/awaitable.hpp>

#include "errand/server/graphql_http.h"

namespace errand::server {

/// Who sends a request with `headers`: by a token of this server, or by what the server behind it
/// says of its own credentials, where it is set up to be asked. Only with an authenticator.
/// @return kUnauthenticated, or kUnavailable where that server cannot be asked
boost::asio::awaitable<Result<auth::PrincipalPtr>> find_caller(
    const GraphqlDependencies& dependencies, net::HttpHeaders headers, const RequestInfo& info);

/// The answer to a request of nobody: 401, or 503 where it may be known later.
net::HttpResponse caller_refusal(GraphqlMediaType type, const Error& error);

}  // namespace errand::server
