#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include <boost/asio/awaitable.hpp>

#include "errand/graphql/execution/request_context.h"
#include "errand/graphql/execution/resolver_map.h"
#include "errand/graphql/execution/response_stream.h"
#include "errand/graphql/request/document_loader.h"
#include "errand/graphql/request/request_parameters.h"
#include "errand/graphql/request/response.h"

namespace errand::graphql::request {

using execution::IncrementalFormat;
using execution::RequestContext;
using execution::ResponseStream;

/// Serves GraphQL requests over one schema: get the document (DocumentLoader), coerce variables,
/// execute, write the response text.
///
/// Thread-safe; one for the whole server. Each call runs on the executor that awaits it, which must
/// run one handler at a time (a strand, or an io_context with one thread). Cancelling the awaiting
/// coroutine cancels the request.
class Service {
 public:
  using Options = DocumentLoader::Options;

  /// How far a transport lets a request go.
  enum class Allowed : std::uint8_t {
    kQueries,                  ///< HTTP GET
    kQueriesAndMutations,      ///< HTTP POST
    kQueriesAndSubscriptions,  ///< HTTP GET of an event stream: start() only
    kAll,                      ///< start() only
  };

  Service(execution::Resolvers resolvers, Options options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Adds trusted documents; before the first request. See DocumentLoader::trust().
  Result<void> trust(std::span<const TrustedDocument> documents);

  /// Runs a query or a mutation. A subscription is answered with a request error (kNotAllowed).
  boost::asio::awaitable<Response> execute(RequestParameters parameters,
                                           std::shared_ptr<RequestContext> context,
                                           Allowed allowed = Allowed::kQueriesAndMutations);

  /// Opens the response stream of a subscription. Anything else is refused (kNotAllowed).
  /// The stream keeps all it needs alive, but not the Service.
  boost::asio::awaitable<std::expected<std::unique_ptr<ResponseStream>, Response>> subscribe(
      RequestParameters parameters, std::shared_ptr<RequestContext> context);

  /// What a streaming transport lets a request do.
  struct StartOptions {
    Allowed allowed = Allowed::kAll;
    IncrementalFormat incremental = IncrementalFormat::kNone;
  };

  /// Runs whatever the document holds, as the streaming transports need it: one Response for a
  /// query or a mutation (and for every request error), a stream for a subscription and for an
  /// operation whose response comes in increments.
  boost::asio::awaitable<std::variant<Response, std::unique_ptr<ResponseStream>>> start(
      RequestParameters parameters, std::shared_ptr<RequestContext> context, StartOptions options);
  boost::asio::awaitable<std::variant<Response, std::unique_ptr<ResponseStream>>> start(
      RequestParameters parameters, std::shared_ptr<RequestContext> context) {
    return start(std::move(parameters), std::move(context), StartOptions{});
  }

  /// See DocumentLoader::find_named().
  DocumentCache::Entry find_named(const RequestParameters& parameters);

  [[nodiscard]] const type::Schema& schema() const noexcept;
  [[nodiscard]] CacheStatistics cache_statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace errand::graphql::request
