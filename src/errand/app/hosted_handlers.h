#pragma once

#include <memory>
#include <set>
#include <vector>

#include "errand/app/config.h"
#include "errand/app/outbound_requests.h"
#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/contract/contract.h"
#include "errand/crypto/master_key.h"
#include "errand/outbound/target_url.h"
#include "errand/sandbox/sandbox.h"
#include "errand/telemetry/log.h"
#include "errand/worker/credential_store.h"
#include "errand/worker/gateway.h"

namespace errand::app {

/// What the server runs jobs with itself: from @job(handler:) and the settings to handlers, with
/// the sandbox that they share. Used on one thread.
class HostedHandlers {
 public:
  /// What handlers work with. All outlive them.
  struct Means {
    OutboundRequests& requests;
    const worker::CredentialStore& credentials;
    async::BlockingPool& pool;
    const store::Reader& reader;
  };

  /// All outlive it.
  HostedHandlers(const Config& config, const crypto::MasterKey& master_key, const Clock& clock,
                 Means means, telemetry::Log log);

  /// Makes those that the schema names, beside the `given` ones of this process; commands only
  /// where the settings do not leave them to workers. Checks where webhooks of the settings go.
  /// Once.
  /// @return kInvalidArgument for a given one that fits no type, or one that has another;
  ///         kConfigInvalid where the settings or this machine do not let one be
  Result<void> make(const contract::Contract& contract, std::vector<worker::Gateway::Hosted> given);

  [[nodiscard]] const std::vector<worker::Gateway::Hosted>& hosted() const { return hosted_; }
  /// Their types, which workers that connect do not get.
  [[nodiscard]] std::set<JobTypeName> types() const;

  /// Lets go of them, and so of their threads. After the gateway has stopped; idempotent.
  void stop() { hosted_.clear(); }

 private:
  /// Where the requests of a handler go.
  struct Target {
    std::string whose;  ///< as errors call it
    std::string url;
    std::string headers_file = {};  ///< of their further headers; empty: none
    bool upstream = false;          ///< it may be the configured upstream, wherever that is
  };
  /// @return kConfigInvalid naming whose it is
  Result<outbound::TargetUrl> check(const Target& target) const;
  Result<void> make_push(const JobTypeName& type, const contract::HttpHandlerRule& rule);
  Result<void> make_upstream(const JobTypeName& type, const contract::GraphqlHandlerRule& rule);
  Result<void> make_command(const JobTypeName& type, const contract::CommandHandlerRule& rule);

  const Config& config_;
  const crypto::MasterKey& master_key_;
  const Clock& clock_;
  const Means means_;
  const telemetry::Log log_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  std::vector<worker::Gateway::Hosted> hosted_;
};

}  // namespace errand::app
