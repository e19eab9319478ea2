#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/asio/awaitable.hpp>

#include "errand/async/task_group.h"
#include "errand/graphql/request/service.h"
#include "errand/server/graphql_http.h"
#include "errand/server/sse_session.h"

namespace errand::server {

/// GraphQL over SSE, single connection mode (graphql-sse, PROTOCOL.md): one event stream carries
/// the results of operations that other requests start.
///
/// | request | what | answer |
/// |---|---|---|
/// | PUT | reserves a stream | 201, the token as text |
/// | GET with the token | opens the stream | 200, or 409 when it has one |
/// | POST with the token, `extensions.operationId` | starts an operation | 202; 400, 404, 409 |
/// | DELETE with the token, `?operationId=` | stops an operation | 200 |
///
/// The token comes in the header X-GraphQL-Event-Stream-Token or as `?token=`. It is 256 random
/// bits, belongs to the principal that reserved it, and is good for one stream: a stream that broke
/// off is reserved anew. A GET may come without an Authorization header, as an EventSource can send
/// none. What an operation gives before its stream is there waits unread at its source.
///
/// Operations of a server behind this one are refused: they have a stream of their own by POST, or
/// the WebSocket.
///
/// Thread-safe.
class SseConnections {
 public:
  struct Options {
    std::size_t streams_max = 1'000;             ///< reserved and open ones; else 503
    std::size_t streams_per_principal_max = 20;  ///< else 429
    /// Until a reservation has its stream, else it is void.
    Milliseconds reservation_timeout{30'000};
    SseSession::Options session;
  };

  /// @param http  how requests are read and answered, as everywhere over HTTP
  SseConnections(GraphqlDependencies dependencies, GraphqlHttp::Options http, Options options);
  ~SseConnections();
  SseConnections(const SseConnections&) = delete;
  SseConnections& operator=(const SseConnections&) = delete;

  /// Whether `request` is of this mode: a PUT, a DELETE, or anything with a token.
  [[nodiscard]] static bool concerns(const net::HttpRequest& request);

  boost::asio::awaitable<net::HttpResponse> handle(net::HttpRequest request);

  /// Ends what waits for a stream that will not come. After the HTTP server has stopped.
  boost::asio::awaitable<void> stop();

 private:
  struct Entry {
    std::shared_ptr<SseSession> session;
    auth::PrincipalPtr principal;
    bool claimed = false;   ///< a GET has taken it
    MonotonicTime expires;  ///< while it is not claimed
  };
  class Claim;

  boost::asio::awaitable<net::HttpResponse> reserve(auth::PrincipalPtr principal);
  net::HttpResponse open(const std::string& token, const auth::PrincipalPtr* principal);
  boost::asio::awaitable<net::HttpResponse> execute(net::HttpRequest request,
                                                    const std::string& token, RequestInfo info);
  boost::asio::awaitable<net::HttpResponse> end_operation(const net::HttpRequest& request,
                                                          const std::string& token,
                                                          const auth::PrincipalPtr& principal);

  /// The session of `token`, where it is `principal`'s; null principal pointer: anybody's.
  std::shared_ptr<SseSession> find(const std::string& token, const auth::PrincipalPtr* principal);
  /// Ends a session that has no stream any more. Under no lock.
  void drop(const std::string& token);
  /// Drops a reservation whose time is over, also where no other request comes.
  boost::asio::awaitable<void> expire();
  void drop_expired();
  void spawn_close(std::shared_ptr<SseSession> session);

  GraphqlDependencies deps_;
  GraphqlHttp::Options http_;
  Options options_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> by_token_;
  async::TaskGroup expiring_;  ///< reservations that wait for their stream
  async::TaskGroup closing_;   ///< sessions that end without a stream
};

}  // namespace errand::server
