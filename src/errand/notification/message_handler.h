#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/contract/contract.h"
#include "errand/crypto/digest.h"
#include "errand/notification/channel.h"
#include "errand/notification/notice.h"
#include "errand/notification/notification_policy.h"
#include "errand/notification/preferences.h"
#include "errand/notification/template_set.h"
#include "errand/notification/unsubscribe_link.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/attempt.h"

namespace errand::notification {

/// The channels that the settings have.
using Channels = std::map<NotifyChannel, std::shared_ptr<Channel>>;

/// Decides what becomes of one message, and sends it: the one place where preferences, texts and
/// channels meet. The job's result tells what was decided: {"outcome": "SENT", "provider": ...,
/// "reference": ...}, {"outcome": "SUPPRESSED", "reason": "OPTED_OUT"} or {"outcome": "GATHERED",
/// "until": ...}. While it is held it is SCHEDULED. Thread-safe.
class MessageHandler final : public worker::Handler {
 public:
  struct Options {
    Categories categories;
    std::string link;  ///< "https://app.example/jobs/{id}": where a job is to be seen; may be empty
  };
  /// All outlive the handler.
  struct Means {
    const contract::Contract& contract;
    const NotificationPolicies& policies;
    const NotificationGroups& groups;
    const TemplateSet& templates;
    const Channels& channels;
    const UnsubscribeLinks& links;
    const UserBook& users;
    const store::Reader& reader;
    async::BlockingPool& pool;
    runtime::LaneClient lane;
    crypto::HmacKey payload_key;  ///< under crypto::kPayloadDigestLabel
    const Clock& clock;
    Random& random;  ///< thread-safe
    telemetry::Metrics& metrics;
  };

  MessageHandler(Options options, Means means)
      : options_(std::move(options)), means_(std::move(means)) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  struct Facts {
    job::StatePtr job;              ///< null: it was deleted
    boost::json::object arguments;  ///< as they are, to tell whom a policy names
    boost::json::object input;      ///< the same, without what is sensitive
    boost::json::value result;
    Preferences preferences;
    Contact contact;
  };

  /// On the pool.
  [[nodiscard]] Result<Facts> load(const MessageRequest& request) const;
  [[nodiscard]] worker::Outcome suppress(const MessageRequest& request, WhyNot reason) const;
  [[nodiscard]] Result<Message> make(const MessageRequest& request,
                                     const NotificationPolicy& policy, const Facts& facts,
                                     const worker::JobOffer& offer) const;
  boost::asio::awaitable<worker::Outcome> gather(const MessageRequest& request, Message message,
                                                 Timestamp until);

  const Options options_;
  const Means means_;
};

/// `id` in `pattern` at "{id}".
std::string link_of(const std::string& pattern, const JobId& id);

}  // namespace errand::notification
