#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/crypto/master_key.h"
#include "errand/notification/webhook_endpoint.h"
#include "errand/notification/webhook_registry.h"
#include "errand/outbound/circuit_breaker.h"
#include "errand/outbound/http_client.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/worker/attempt.h"
#include "errand/worker/http_target.h"

namespace errand::notification {

/// What tenants are told in place of what is ours to know: addresses that names have here, and
/// files of this server. The log has it.
inline constexpr std::string_view kAddressRefused =
    "The endpoint's address may not be called from here.";
inline constexpr std::string_view kHeadersUnreadable = "The endpoint's headers cannot be read.";

/// What an endpoint did with one request, as far as it says something about the endpoint.
struct WebhookOutcome {
  bool delivered = false;
  unsigned status = 0;  ///< of the response; 0: there was none
  std::string why;      ///< of a failure, for people
};

/// Told of the outcomes of deliveries. Thread-safe.
class WebhookWatch {
 public:
  virtual ~WebhookWatch() = default;
  /// Quick; never waits.
  virtual void on_outcome(const RegisteredWebhook& endpoint, const WebhookOutcome& outcome) = 0;
};

/// Delivers events to one endpoint: posts each as a CloudEvent that is signed as a Standard Webhook
/// (docs/operating/webhooks.md). Its attempts are those of its internal jobs; each goes by the
/// endpoint as it is then. Thread-safe.
class WebhookHandler : public worker::Handler {
 public:
  struct Options {
    std::string name;        ///< of the endpoint
    std::string public_url;  ///< of this server, in events; may be empty
    outbound::CircuitBreaker::Options breaker = {};
  };
  /// All outlive the handler.
  struct Means {
    const WebhookRegistry& endpoints;
    WebhookWatch& watch;
    outbound::HttpClient& client;
    const store::Reader& reader;
    async::BlockingPool& pool;
    const Clock& clock;
    telemetry::Log log = {};
  };

  /// @return kInvalidArgument naming a bad option
  static Result<std::shared_ptr<WebhookHandler>> create(Options options, const Means& means);

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 protected:
  /// Where requests go, with what is known of it.
  struct Target {
    Target(std::string target_url, const Means& means, outbound::CircuitBreaker breaker)
        : url(std::move(target_url)),
          http(means.client, means.clock, std::move(breaker),
               {.name = "webhook endpoint", .code = "WEBHOOK"}) {}

    const std::string url;
    worker::HttpTarget http;
  };

  WebhookHandler(Options options, const Means& means, outbound::CircuitBreaker breaker)
      : options_(std::move(options)), means_(means), breaker_(std::move(breaker)) {}

  /// The endpoint of a delivery as it is now. On the pool. @return null: it is not there any more
  [[nodiscard]] virtual Result<RegisteredWebhookPtr> find(const WebhookDelivery& delivery) const;
  /// The one of that address: with another one, what is known of the old one counts no more.
  virtual std::shared_ptr<Target> target_of(const WebhookEndpoint& endpoint);

  const Options options_;
  const Means means_;
  const outbound::CircuitBreaker breaker_;  ///< as new
  std::mutex mutex_;

 private:
  /// What is sent, the same at each attempt.
  struct Message {
    std::string id;
    std::string body;
    net::HttpHeaders headers;  ///< further ones of the endpoint
  };

  /// A message and where it goes; there is none for an endpoint that gets nothing.
  struct Prepared {
    RegisteredWebhookPtr webhook;
    Message message;
  };

  /// These on the pool.
  /// @return kNotFound where the event is gone with its job; kConfigInvalid where the endpoint's
  ///         headers cannot be read
  [[nodiscard]] Result<Prepared> prepare(const WebhookDelivery& delivery) const;
  [[nodiscard]] Result<Message> make(const WebhookEndpoint& endpoint,
                                     const WebhookDelivery& delivery) const;
  [[nodiscard]] outbound::HttpRequest request(const RegisteredWebhook& webhook,
                                              const Message& message,
                                              const worker::Attempt& attempt) const;
  /// What a request without a response comes to, where that is not as for jobs.
  [[nodiscard]] std::optional<worker::Outcome> explain(const WebhookEndpoint& endpoint,
                                                       const outbound::HttpError& error) const;
  [[nodiscard]] worker::Outcome read(const outbound::HttpResponse& response) const;

  std::shared_ptr<Target> target_;  ///< guarded by mutex_
};

/// When a request of an attempt must have its response: within the endpoint's timeout, and early
/// enough that the attempt can still say so before the engine ends it.
std::chrono::steady_clock::time_point webhook_deadline(
    Milliseconds timeout, std::chrono::steady_clock::time_point now,
    std::chrono::steady_clock::time_point attempt_ends_at);

/// The signatures of a message by those keys that are good at `time`.
/// @param keys  not empty
std::string sign_by(const std::vector<WebhookKey>& keys, std::string_view id, Timestamp time,
                    std::string_view body);

/// The secret that requests to the endpoint `name` are signed with, as Standard Webhooks writes it:
/// "whsec_...". It follows from the master key, so that nothing has to be kept.
std::string webhook_secret(const crypto::MasterKey& master_key, std::string_view name,
                           int generation);

}  // namespace errand::notification
