#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include "errand/async/blocking_pool.h"
#include "errand/base/clock.h"
#include "errand/base/random.h"
#include "errand/crypto/digest.h"
#include "errand/notification/notice.h"
#include "errand/notification/notification_policy.h"
#include "errand/notification/preferences.h"
#include "errand/notification/user_book.h"
#include "errand/runtime/lane_client.h"
#include "errand/store/reader.h"
#include "errand/worker/attempt.h"

namespace errand::notification {

/// Finds out whom a notice concerns, and makes a message job for each of them and each channel.
/// Those that are there already, by an earlier attempt or another policy, are not made again.
/// Thread-safe.
class NoticeHandler final : public worker::Handler {
 public:
  /// All outlive the handler.
  struct Means {
    const NotificationPolicies& policies;
    const NotificationGroups& groups;
    const Categories& categories;
    const UserBook& users;
    const store::Reader& reader;
    async::BlockingPool& pool;
    runtime::LaneClient lane;
    crypto::HmacKey payload_key;  ///< under crypto::kPayloadDigestLabel
    const Clock& clock;
    Random& random;  ///< thread-safe
  };

  explicit NoticeHandler(Means means) : means_(std::move(means)) {}

  boost::asio::awaitable<worker::Outcome> run(worker::AttemptPtr attempt) override;

 private:
  struct Facts {
    job::StatePtr job;
    boost::json::object input;
  };

  [[nodiscard]] Result<Facts> load(const Notice& notice, bool with_input) const;
  /// Whether an OVERDUE notice is one: nullopt; else what becomes of the attempt.
  [[nodiscard]] std::optional<worker::Outcome> not_overdue(const Notice& notice,
                                                           const job::JobState& job) const;
  /// On the pool. Those of each, empty where it has none.
  [[nodiscard]] Result<std::vector<Preferences>> preferences_of(
      const std::vector<Recipient>& recipients) const;
  boost::asio::awaitable<worker::Outcome> tell(const Notice& notice,
                                               const NotificationPolicy& policy,
                                               const Facts& facts);

  const Means means_;
};

/// Whom `rule` names: users, addresses and chats, each once, kRecipientsMax + 1 at most. What is no
/// text in the arguments is nobody.
std::vector<Recipient> audience(const contract::NotifyRule& rule, const job::JobState& job,
                                const boost::json::object& input, const NotificationGroups& groups);

/// Whether `policy` tells of what `notice` is about, over `channel`.
bool tells(const NotificationPolicy& policy, const Notice& notice, NotifyChannel channel);

/// Whether a message over `channel` can be meant for `recipient`: a chat's for a hook alone, mail
/// for whoever has a subject or address, the rest for users.
[[nodiscard]] bool fits(NotifyChannel channel, const Recipient& recipient);

inline constexpr std::size_t kRecipientsMax = 1'000;  ///< of one notice

}  // namespace errand::notification
