#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/base/result.h"
#include "errand/net/router.h"

namespace errand::server {

/// Lets pages of other origins use GraphQL and read the health of the server (CORS; Fetch standard,
/// 3.2): answers preflights, and says in each answer whose pages may read it. Workers' paths,
/// metrics and the page stay closed to other origins.
///
/// Stands before a router; what it does not answer itself goes there. Thread-safe.
class Cors final : public net::HttpHandler {
 public:
  struct Options {
    /// As browsers send them, "https://app.example"; "*" for any. Empty: no other origin.
    std::vector<std::string> origins;
    /// Whether pages may send cookies and the like; tokens in `Authorization` do not need it.
    bool credentials = false;
    /// Request headers that pages may set besides the simple ones.
    std::vector<std::string> headers{"Authorization",
                                     "Content-Type",
                                     "Idempotency-Key",
                                     "Last-Event-ID",
                                     "X-GraphQL-Event-Stream-Token",
                                     "traceparent",
                                     "X-Correlation-Id",
                                     "X-Request-Id",
                                     "x-errand-preflight",
                                     "apollo-require-preflight",
                                     "x-apollo-operation-name",
                                     "graphql-require-preflight"};
    Milliseconds max_age{600'000};  ///< how long a browser may keep a preflight's answer
  };

  /// @param router  outlives the result
  /// @return kConfigInvalid for an origin that no browser sends, and for any origin with
  ///         credentials, by which every site could act for its visitors.
  static Result<std::unique_ptr<Cors>> create(net::Router& router, Options options);

  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest request) override;
  std::variant<net::WebSocketAccept, net::HttpResponse> upgrade(
      const net::HttpRequest& request) override;
  bool half_close_cancels(const net::HttpRequest& request) const override;
  net::HttpResponse refuse(unsigned status, std::string text) override;

 private:
  Cors(net::Router& router, Options options);

  [[nodiscard]] bool allows(std::string_view origin) const;
  net::HttpResponse answer_preflight(std::string_view origin, const std::string& methods);
  void add_headers(net::HttpResponse& response, std::string_view origin) const;

  net::Router& router_;
  Options options_;
  bool any_origin_;
};

}  // namespace errand::server
