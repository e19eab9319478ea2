#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/base/result.h"
#include "errand/contract/contract.h"
#include "errand/crypto/master_key.h"
#include "errand/engine/limit.h"
#include "errand/notification/chat_channel.h"
#include "errand/notification/email_channel.h"
#include "errand/notification/inbox.h"
#include "errand/notification/message_handler.h"
#include "errand/notification/notification_policy.h"
#include "errand/notification/notification_reactor.h"
#include "errand/notification/preferences.h"
#include "errand/notification/push_subscription_book.h"
#include "errand/notification/template_set.h"
#include "errand/notification/unsubscribe_link.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane.h"
#include "errand/store/reader.h"
#include "errand/telemetry/log.h"
#include "errand/telemetry/metrics.h"
#include "errand/worker/gateway.h"

namespace errand::notification {

/// What the settings say of notifications: the tables below `notifications`. A plain value.
struct NotificationSettings {
  std::vector<NotificationPolicy> policies;
  NotificationGroups groups;
  Categories categories;
  std::string templates;    ///< folder; empty: the server's own texts
  std::string link;         ///< "https://app.example/jobs/{id}"; empty: messages have none
  std::uint32_t rate = 60;  ///< messages to one recipient over one channel in an hour

  struct Provider {
    std::string name;
    outbound::SmtpServer server;
    std::string password_file;  ///< its first line is the password; empty: none
  };
  /// Mail. Without providers there is none.
  struct Email {
    std::string from;  ///< "Errand <errand@example.org>"
    std::vector<Provider> providers;
    std::vector<std::string> order;  ///< of their names; those that are not in it are not used
    std::string dkim_domain;         ///< empty: mail is not signed
    std::string dkim_selector;
    std::string dkim_key;  ///< file, PEM
  } email;

  std::vector<ChatHook> chats;  ///< rooms, by the names that groups use

  /// Web Push. Without a contact there is none.
  struct WebPush {
    std::string contact;  ///< "mailto:ops@example.org": how push services reach the operator
    Milliseconds keep = std::chrono::hours(24);  ///< for browsers that are not there
  } web_push;
};

/// Tells people what becomes of jobs: makes the parts of notifications from the settings and the
/// schema, and puts their handlers and their reactor to work. Not thread-safe; its parts are.
class Notifications {
 public:
  /// All outlive it.
  struct Means {
    const contract::Contract& contract;
    const store::Reader& reader;
    async::BlockingPool& pool;
    const crypto::MasterKey& master_key;
    const Clock& clock;
    Random& random;  ///< thread-safe, fit for keys
    telemetry::Metrics& metrics;
  };
  /// @param public_url  of this server, for links to unsubscribe; may be empty
  Notifications(NotificationSettings settings, std::string public_url, const Means& means,
                telemetry::Log log);
  ~Notifications();

  /// Reads files and checks all against the schema. Once, before anything else.
  /// @return kConfigInvalid naming the setting or file and what to write instead
  Result<void> load();

  /// Adds a channel, or takes the place of one. After load(), before start().
  void add_channel(NotifyChannel channel, std::shared_ptr<Channel> way);

  /// What makes notices. After load().
  [[nodiscard]] engine::Reactor& reactor() { return *reactor_; }
  /// The limits of messages, for the engine's options.
  [[nodiscard]] std::vector<engine::Limit> limits() const;

  /// Lets the handlers run. After the lane has started, once. All outlive stop().
  void start(runtime::Lane& lane, worker::Gateway& gateway, boost::asio::any_io_executor executor);
  /// Ends what is under way soon. After the gateway has stopped; idempotent.
  void stop();

  [[nodiscard]] const NotificationPolicies& policies() const { return policies_; }
  [[nodiscard]] const NotificationSettings& settings() const { return settings_; }
  [[nodiscard]] const UnsubscribeLinks& links() const { return links_; }
  [[nodiscard]] const UserBook& users() const { return users_; }
  [[nodiscard]] const Channels& channels() const { return channels_; }
  /// Browsers that take Web Push messages. Its lane is there after start().
  [[nodiscard]] PushSubscriptionBook& subscriptions() { return subscriptions_; }
  /// What browsers subscribe with; empty: there is no Web Push.
  [[nodiscard]] std::string web_push_key() const;
  /// All categories that policies and settings name.
  [[nodiscard]] std::set<std::string> categories() const;
  /// For people.
  [[nodiscard]] std::string category_title(std::string_view name) const;

 private:
  Result<void> load_templates();
  Result<void> load_email();

  const NotificationSettings settings_;
  const Means means_;
  const telemetry::Log log_;
  const crypto::HmacKey payload_key_;
  const UnsubscribeLinks links_;
  const UserBook users_;
  const Inbox inbox_;
  const std::shared_ptr<InAppChannel> in_app_;
  PushSubscriptionBook subscriptions_;
  NotificationPolicies policies_;
  TemplateSet templates_;
  Channels channels_;
  std::shared_ptr<EmailChannel> email_;
  std::optional<NotificationReactor> reactor_;
};

}  // namespace errand::notification
