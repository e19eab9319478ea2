#include "errand/server/caller.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "errand/auth/credentials.h"

namespace errand::server {

namespace asio = boost::asio;

asio::awaitable<Result<auth::PrincipalPtr>> find_caller(const GraphqlDependencies& dependencies,
                                                        net::HttpHeaders headers,
                                                        const RequestInfo& info) {
  const std::string authorization(headers.find("Authorization").value_or(""));
  auto principal = dependencies.authenticator->authenticate_header(authorization);
  if (principal || dependencies.front == nullptr || dependencies.front->identity() == nullptr) {
    co_return principal;
  }
  // A token of ours that has been withdrawn is nobody else's business.
  const auto token = net::parse_bearer(authorization);
  if (token && token->starts_with(auth::kTokenPrefix)) co_return principal;
  co_return co_await dependencies.front->identity()->identify(
      std::move(headers), {.traceparent = info.trace.traceparent(), .request_id = info.request_id});
}

net::HttpResponse caller_refusal(GraphqlMediaType type, const Error& error) {
  if (error.code == ErrorCode::kUnauthenticated) {
    auto response = error_response(401, type, error);
    response.headers.add("WWW-Authenticate", "Bearer");
    return response;
  }
  auto response = error_response(503, type, error);
  if (error.retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*error.retry_after);
    response.headers.set("Retry-After", std::to_string(seconds.count()));
  }
  return response;
}

}  // namespace errand::server
