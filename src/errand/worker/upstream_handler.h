#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "errand/base/clock.h"
#include "errand/net/http_message.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"
#include "errand/worker/attempt.h"
#include "errand/worker/http_target.h"
#include "errand/worker/job_headers.h"

namespace errand::worker {

/// Upstream: runs a mutation of an existing GraphQL server for each job, and takes its data for the
/// result (docs/protocol/upstream.md).
///
/// One for each job type. Thread-safe.
class UpstreamHandler final : public Handler {
 public:
  struct Options {
    std::string url;       ///< of the GraphQL server
    std::string mutation;  ///< the field whose data is the result
    std::string document;  ///< the operation, with a variable for each argument of the job
    /// What `__typename` says there, to what the result's types are called here.
    std::map<std::string, std::string> type_names;
    std::set<std::string, std::less<>> transient;  ///< codes of errors (extensions.code)
    std::set<std::string, std::less<>> permanent;
    std::optional<JobHeaders> job_headers;  ///< nullopt: there are none
    std::size_t response_bytes_max = 1 << 20;
    /// Where it may go, if not where the client says.
    std::shared_ptr<const outbound::AddressGuard> guard;
    outbound::CircuitBreaker::Options breaker = {};
  };

  /// `client` and `clock` outlive the handler.
  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<UpstreamHandler>> create(Options options,
                                                         outbound::HttpClient& client,
                                                         const Clock& clock);

  boost::asio::awaitable<Outcome> run(AttemptPtr attempt) override;

 private:
  UpstreamHandler(Options options, outbound::HttpClient& client, const Clock& clock,
                  outbound::CircuitBreaker breaker);

  [[nodiscard]] outbound::HttpRequest request(const Attempt& attempt,
                                              const net::HttpHeaders& headers) const;
  [[nodiscard]] Outcome read(const outbound::HttpResponse& response) const;
  [[nodiscard]] Outcome refused(const outbound::HttpResponse& response) const;
  [[nodiscard]] Failure from_errors(const boost::json::array& errors, bool ran) const;
  [[nodiscard]] FailureKind kind_of(std::string_view code, bool ran) const;

  const Options options_;
  const Clock& clock_;
  HttpTarget target_;
};

}  // namespace errand::worker
