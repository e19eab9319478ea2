#pragma once

#include <memory>
#include <set>
#include <vector>

#include "errand/app/config.h"
#include "errand/base/clock.h"
#include "errand/base/ids.h"
#include "errand/base/result.h"
#include "errand/contract/contract.h"
#include "errand/crypto/master_key.h"
#include "errand/outbound/address_guard.h"
#include "errand/outbound/http_client.h"
#include "errand/sandbox/sandbox.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/gateway.h"

namespace errand::app {

/// What the server runs jobs with itself: from @job(handler:) and the settings to handlers, with
/// the HTTP client and the sandbox that they share. Used on one thread.
class HostedHandlers {
 public:
  /// All outlive it.
  HostedHandlers(const Config& config, const crypto::MasterKey& master_key, const Clock& clock,
                 telemetry::Metrics& metrics, telemetry::Log log);

  /// Makes those that the schema names, beside the `given` ones of this process. Once.
  /// @return kInvalidArgument for a given one that fits no type, or one that has another;
  ///         kConfigInvalid where the settings or this machine do not let one be
  Result<void> make(const contract::Contract& contract, std::vector<worker::Gateway::Hosted> given);

  [[nodiscard]] const std::vector<worker::Gateway::Hosted>& hosted() const { return hosted_; }
  /// Their types, which workers that connect do not get.
  [[nodiscard]] std::set<JobTypeName> types() const;

  /// Ends their threads. After the gateway has stopped; idempotent.
  void stop();

 private:
  Result<void> make_push(const JobTypeName& type, const contract::HttpHandlerRule& rule);
  Result<void> open_sandbox();
  Result<void> make_command(const JobTypeName& type, const contract::CommandHandlerRule& rule);

  const Config& config_;
  const crypto::MasterKey& master_key_;
  const Clock& clock_;
  telemetry::Metrics& metrics_;
  const telemetry::Log log_;
  std::shared_ptr<const outbound::AddressGuard> address_guard_;
  std::unique_ptr<outbound::HttpClient> http_client_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  std::vector<worker::Gateway::Hosted> hosted_;
};

}  // namespace errand::app
