#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/crypto/master_key.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"
#include "errand/outbound/standard_webhooks.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/worker/attempt.h"
#include "errand/worker/http_target.h"

namespace errand::notification {

/// Delivers events to one endpoint: posts each as a CloudEvent that is signed as a Standard Webhook
/// (docs/operating/webhooks.md). Its attempts are those of its internal jobs. Thread-safe.
class WebhookHandler final : public worker::Handler {
 public:
  struct Options {
    WebhookEndpoint endpoint;
    std::vector<outbound::WebhookSecret> secrets;  ///< that requests are signed with; not empty
    std::string public_url;                        ///< of this server, in events; may be empty
    outbound::CircuitBreaker::Options breaker = {};
  };
  /// All outlive the handler.
  struct Means {
    outbound::HttpClient& client;
    const store::Reader& reader;
    async::BlockingPool& pool;
    const Clock& clock;
  };

  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<WebhookHandler>> create(Options options, const Means& means,
                                                        telemetry::Log log);

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  /// What is sent, the same at each attempt.
  struct Message {
    std::string id;
    std::string body;
    net::HttpHeaders headers;  ///< of the endpoint's file
  };

  WebhookHandler(Options options, const Means& means, outbound::CircuitBreaker breaker,
                 telemetry::Log log);

  /// On the pool. @return kNotFound where the event is gone with its job
  [[nodiscard]] Result<Message> make(const WebhookDelivery& delivery) const;
  [[nodiscard]] outbound::HttpRequest request(const Message& message,
                                              const worker::JobOffer& offer) const;
  [[nodiscard]] worker::Outcome read(const outbound::HttpResponse& response);

  const Options options_;
  const Means means_;
  const telemetry::Log log_;
  worker::HttpTarget target_;
  std::atomic<bool> gone_ = false;  ///< it has said that it is retired
};

/// The secret that requests to the endpoint `name` are signed with, as Standard Webhooks writes it:
/// "whsec_...". It follows from the master key, so that nothing has to be kept.
std::string webhook_secret(const crypto::MasterKey& master_key, std::string_view name,
                           int generation);

}  // namespace errand::notification
