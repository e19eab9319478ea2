#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errand/base/clock.h"
#include "errand/crypto/master_key.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/worker/attempt.h"
#include "errand/worker/http_target.h"

namespace errand::worker {

/// Push: posts each job to an endpoint of the team and reads from the response what became of it
/// (docs/protocol/push.md).
///
/// One for each endpoint. Thread-safe.
class PushHandler final : public Handler {
 public:
  struct Options {
    std::string url;                               ///< as @job(handler:) names it
    std::vector<outbound::WebhookSecret> secrets;  ///< that requests are signed with; not empty
    std::string callback_url;                      ///< told to the endpoint; may be empty
    std::size_t response_bytes_max = 1 << 20;
    outbound::CircuitBreaker::Options breaker = {};
  };

  /// `client` and `clock` outlive the handler.
  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<PushHandler>> create(Options options, outbound::HttpClient& client,
                                                     const Clock& clock);

  boost::asio::awaitable<Outcome> run(AttemptPtr attempt) override;

 private:
  /// What the endpoint has told so far, call after call.
  struct Call {
    int number = 1;
    std::string state_json;  ///< handed back to it; empty: none
  };
  /// nullopt: call again.
  using Answer = std::optional<Outcome>;

  PushHandler(Options options, outbound::HttpClient& client, const Clock& clock,
              outbound::CircuitBreaker breaker);

  [[nodiscard]] outbound::HttpRequest request(const Attempt& attempt, const Call& call) const;
  boost::asio::awaitable<Answer> read(AttemptPtr attempt, outbound::HttpResponse response,
                                      Call& call) const;

  const Options options_;
  const Clock& clock_;
  HttpTarget target_;
};

/// The secret that requests to `origin` (TargetUrl::origin()) are signed with, as Standard Webhooks
/// writes it: "whsec_...". It follows from the master key, so that nothing has to be kept.
std::string push_secret(const crypto::MasterKey& master_key, std::string_view origin,
                        int generation);

}  // namespace errand::worker
