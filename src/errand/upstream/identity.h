#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/auth/principal.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/net/http_message.h"
#include "errand/outbound/http_client.h"
#include "errand/telemetry/log.h"
#include "errand/upstream/forwarded_headers.h"

namespace errand::upstream {

/// Where a value stands in the data of a response: "viewer.organization.id". List items have no
/// path. A plain value.
class DataPath {
 public:
  /// @return kInvalidArgument for a text that is no names with points between them
  static Result<DataPath> parse(std::string_view text);

  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::vector<std::string> names_;
};

/// Finds out who a client is that carries credentials of the upstream, such as a session's cookie
/// or a token that this server cannot read: asks the upstream with them, by a query that the
/// operator chose, and makes a principal of the answer.
///
/// Answers are kept for a while, those that say "nobody" too, by a digest of the credentials: so
/// long a session that ended at the upstream is still known here. Bounded; the oldest go first.
///
/// Thread-safe. stop() comes before the end of the coroutines' context.
class Identity {
 public:
  struct Options {
    std::string url;      ///< of the upstream's GraphQL
    std::string query;    ///< "{ viewer { id organization { id } } }"
    std::string subject;  ///< path of the id of who asks; null there: nobody
    std::string tenant;   ///< path of the tenant; empty: all are of `tenant_otherwise`
    std::string tenant_otherwise = "default";
    std::vector<std::string> scopes{"jobs:*"};  ///< what such a client may do
    std::vector<QueueName> queues;              ///< that it may use; empty: all
    /// Request headers that are credentials: they alone go to the upstream.
    std::vector<std::string> headers{"authorization", "cookie"};
    std::chrono::milliseconds timeout{5'000};
    std::chrono::milliseconds known_for{30'000};  ///< how long an answer counts
    std::chrono::milliseconds nobody_for{5'000};  ///< the same where it says "nobody"
    std::size_t known_max = 10'000;               ///< answers kept
    std::string ca_file;  ///< certificates to trust instead of the system's; empty: those
  };

  /// @return kConfigInvalid naming the option
  static Result<std::unique_ptr<Identity>> create(Options options, telemetry::Log log);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  /// The principal of a request with `headers`. On a strand.
  /// @return kUnauthenticated where the upstream does not know it, or there is no credential;
  ///         kUnavailable with retry_after where it cannot be asked
  boost::asio::awaitable<Result<auth::PrincipalPtr>> identify(net::HttpHeaders headers,
                                                              Cause cause);

  /// Ends what is under way and takes nothing more.
  void stop() { client_->stop(); }

 private:
  using Digest = std::string;
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Known {
    Digest digest;
    auth::PrincipalPtr principal;  ///< null: nobody
    SteadyTime until;
  };

  Identity(Options options, std::string url, DataPath subject, std::optional<DataPath> tenant,
           std::unique_ptr<outbound::HttpClient> client, telemetry::Log log);

  [[nodiscard]] net::HttpHeaders credentials_of(const net::HttpHeaders& headers) const;
  [[nodiscard]] std::optional<auth::PrincipalPtr> find(const Digest& digest);
  void keep(Digest digest, auth::PrincipalPtr principal);
  /// The principal that a response tells of; null: nobody.
  [[nodiscard]] Result<auth::PrincipalPtr> read(const outbound::HttpResponse& response) const;

  const Options options_;
  const std::string url_;
  const DataPath subject_;
  const std::optional<DataPath> tenant_;
  const std::string body_;
  const std::unique_ptr<outbound::HttpClient> client_;
  const telemetry::Log log_;

  std::mutex mutex_;
  std::list<Known> known_;                                            ///< the last used first
  std::unordered_map<Digest, std::list<Known>::iterator> by_digest_;  ///< guarded by mutex_
};

}  // namespace errand::upstream
