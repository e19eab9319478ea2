#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "errand/base/clock.h"
#include "errand/base/result.h"

namespace errand::cli {

/// A blocking client of an Errand server: GraphQL over HTTP, and graphql-transport-ws.
///
/// Opens a connection for each call. Not thread-safe. Only http:// addresses: TLS ends in a proxy.
class GraphqlClient {
 public:
  struct Options {
    std::string url = "http://127.0.0.1:7420";  ///< the server; a path before /graphql is kept
    std::string token;                          ///< bearer token; may be empty
    Milliseconds timeout{30'000};               ///< for connecting and for each answer
  };

  /// @return kInvalidArgument for a URL that cannot be used.
  static Result<GraphqlClient> create(Options options);

  /// Sends one query or mutation.
  /// @param headers further HTTP headers, such as Idempotency-Key
  /// @return the `data` of the answer; kUnavailable when no server answered; for GraphQL errors the
  ///         first one's text, under kUnauthenticated, kForbidden, kNotFound or kInvalidArgument.
  Result<boost::json::object> execute(std::string_view query, const boost::json::object& variables,
                                      const std::map<std::string, std::string>& headers = {}) const;

  /// Follows one subscription. `on_data` gets each answer's data and says whether to go on.
  /// @return nothing at the end of the stream or once `on_data` said stop; kUnavailable when the
  ///         connection could not be made or broke: the caller may subscribe again.
  Result<void> subscribe(std::string_view query, const boost::json::object& variables,
                         const std::function<bool(const boost::json::object& data)>& on_data) const;

  [[nodiscard]] const Options& options() const { return options_; }

 private:
  GraphqlClient(Options options, std::string host, std::string port, std::string target)
      : options_(std::move(options)),
        host_(std::move(host)),
        port_(std::move(port)),
        target_(std::move(target)) {}

  Options options_;
  std::string host_;
  std::string port_;
  std::string target_;
};

}  // namespace errand::cli
